import { ArgumentError } from '../../platform/errors.ts';
import { operation, requireTensors } from '../operation.ts';
import { formatShape, product } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { diagonal, movedim } from './rearrange.ts';
import { sum } from './reduce.ts';
import { expand, permute, reshape, unsqueeze } from './views.ts';

/**
 * Products of matrices: [batch, m, k] and [batch, k, n] → [batch, m, n], without broadcasting.
 * @throws ArgumentError if the shapes do not fit.
 * @example
 * bmm(randn(8, 2, 3), randn(8, 3, 4)).shape; // [8, 2, 4]
 */
export const bmm = operation('bmm', 2, (a: Tensor, b: Tensor): Tensor => {
  const fits =
    a.ndim === 3 && b.ndim === 3 && a.shape[0] === b.shape[0] && a.shape[2] === b.shape[1];
  if (!fits)
    throw new ArgumentError(
      `bmm: expected [batch, m, k] and [batch, k, n], got ${formatShape(a.shape)} and ` +
        formatShape(b.shape),
    );
  return matmul(a, b);
});

/**
 * All products of two vectors' elements: [m] and [n] → [m, n].
 * @throws ArgumentError unless both are vectors.
 * @example
 * outer(tensor([1, 2]), tensor([3, 4])); // [[3, 4], [6, 8]]
 */
export const outer = operation('outer', 2, (a: Tensor, b: Tensor): Tensor => {
  if (a.ndim !== 1 || b.ndim !== 1)
    throw new ArgumentError(
      `outer: expected two vectors, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    );
  return mul(unsqueeze(a, 1), b);
});

/** A tensor whose dimensions have names: letters, and `0`, `1`, … from the last for an ellipsis. */
interface Named {
  x: Tensor;
  names: string[];
}

const refuse = (equation: string, problem: string): never => {
  throw new ArgumentError(`einsum: '${equation}': ${problem}`);
};

/** The names of an operand's dimensions, or of the result's, `ellipsis` of them for `...`. */
function namesOf(equation: string, term: string, ellipsis: number): string[] {
  const parts = term.split('...');
  if (parts.length > 2 || !parts.every((part) => /^[A-Za-z]*$/.test(part)))
    refuse(equation, `expected letters and at most one '...', got '${term}'`);
  const dots = Array.from({ length: ellipsis }, (_, i) => String(ellipsis - 1 - i));
  return [...parts[0], ...(parts.length === 2 ? dots : []), ...(parts[1] ?? '')];
}

/** An operand with each name once: repeated ones become their diagonal. */
function nameDims(equation: string, term: string, x: Tensor): Named {
  const letters = term.replace('...', '').length;
  const ellipsis = term.includes('...') ? x.ndim - letters : 0;
  if (ellipsis < 0 || (!term.includes('...') && letters !== x.ndim))
    refuse(equation, `'${term}' does not fit the shape ${formatShape(x.shape)}`);
  let names = namesOf(equation, term, ellipsis);
  for (let d = 0; d < names.length; d++) {
    const next = () => names.indexOf(names[d], d + 1);
    for (let other = next(); other !== -1; other = next()) {
      if (x.shape[d] !== x.shape[other])
        refuse(equation, `sizes ${x.shape[d]} and ${x.shape[other]} of '${names[d]}' differ`);
      x = movedim(diagonal(x, 0, d, other), -1, d);
      names = names.filter((_, i) => i !== other);
    }
  }
  return { x, names };
}

/** The result's names: as given, or the ellipsis and then, sorted, the letters that stand once. */
function resultNames(equation: string, target: string | undefined, operands: readonly Named[]) {
  const all = operands.flatMap(({ names }) => names);
  const dots = all.filter((name) => /\d/.test(name)).map(Number);
  const ellipsis = dots.length > 0 ? Math.max(...dots) + 1 : 0;
  if (target !== undefined) {
    const names = namesOf(equation, target, ellipsis);
    const unknown = names.find((name) => !all.includes(name));
    if (unknown) refuse(equation, `'${unknown}' of the result is in no operand`);
    if (new Set(names).size !== names.length) refuse(equation, `'${target}' repeats a letter`);
    return names;
  }
  return namesOf(equation, '...', ellipsis);
}

/** x summed over the dimensions whose names are not wanted. */
function drop({ x, names }: Named, wanted: (name: string) => boolean): Named {
  const dims = names.flatMap((name, d) => (wanted(name) ? [] : [d]));
  return dims.length === 0 ? { x, names } : { x: sum(x, dims), names: names.filter(wanted) };
}

/** Two operands as one matrix product: of shared names those that later operands need are kept. */
function contract(
  equation: string,
  left: Named,
  right: Named,
  isNeeded: (name: string) => boolean,
): Named {
  const sizes = new Map<string, number>();
  for (const { x, names } of [left, right])
    for (const [d, name] of names.entries()) {
      const [n, before] = [x.shape[d], sizes.get(name) ?? 1];
      if (n !== before && n !== 1 && before !== 1)
        refuse(equation, `sizes ${before} and ${n} of '${name}' differ`);
      sizes.set(name, before === 1 ? n : before);
    }
  const isShared = (name: string) => left.names.includes(name) && right.names.includes(name);
  const a = drop(left, (name) => isNeeded(name) || isShared(name));
  const b = drop(right, (name) => isNeeded(name) || isShared(name));
  const batch = a.names.filter((name) => isShared(name) && isNeeded(name));
  const summed = a.names.filter((name) => isShared(name) && !isNeeded(name));
  const rows = a.names.filter((name) => !isShared(name));
  const cols = b.names.filter((name) => !isShared(name));
  const size = (names: readonly string[]) => product(names.map((name) => sizes.get(name)!));
  const as = ({ x, names }: Named, order: string[], shape: number[]) =>
    reshape(
      expand(
        permute(
          x,
          order.map((name) => names.indexOf(name)),
        ),
        order.map((name) => sizes.get(name)!),
      ),
      shape,
    );
  const [n, m, k, l] = [batch, rows, summed, cols].map(size);
  const y = matmul(
    as(a, [...batch, ...rows, ...summed], [n, m, k]),
    as(b, [...batch, ...summed, ...cols], [n, k, l]),
  );
  const names = [...batch, ...rows, ...cols];
  const shape = names.map((name) => sizes.get(name)!);
  return { x: reshape(y, shape), names };
}

/**
 * Sums of products by Einstein's convention, as PyTorch's `einsum`: letters name dimensions, equal
 * ones are multiplied along each other (sizes are equal or 1), and those that the result lacks are
 * summed. Without `->` the result has the letters that stand once, in alphabetical order. `...`
 * stands for any further dimensions, which broadcast. Operands are multiplied from left to right,
 * each pair as a matrix product.
 * @throws ArgumentError if the equation is not one, or does not fit the shapes.
 * @example
 * einsum('bqd,bkd->bqk', queries, keys);
 */
export const einsum = operation(
  'einsum',
  0,
  (equation: string, ...operands: readonly Tensor[]): Tensor => {
    requireTensors(operands);
    const [inputs, target, ...more] = equation.replaceAll(' ', '').split('->');
    const terms = inputs.split(',');
    if (more.length > 0 || terms.length !== operands.length || operands.length === 0)
      refuse(equation, `expected ${operands.length} terms and at most one '->'`);
    const named = operands.map((x, i) => nameDims(equation, terms[i], x));
    const result = resultNames(equation, target, named);
    if (target === undefined) {
      const letters = [...inputs.replaceAll(/[^A-Za-z]/g, '')];
      const once = letters.filter((one) => letters.indexOf(one) === letters.lastIndexOf(one));
      result.push(...once.sort());
    }
    let [total] = named;
    for (let i = 1; i < named.length; i++) {
      const later = new Set([...result, ...named.slice(i + 1).flatMap(({ names }) => names)]);
      total = contract(equation, total, named[i], (name) => later.has(name));
    }
    const { x, names } = drop(total, (name) => result.includes(name));
    return permute(
      x,
      result.map((name) => names.indexOf(name)),
    );
  },
);
