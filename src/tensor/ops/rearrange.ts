import { ArgumentError } from '../../platform/errors.ts';
import { tensor } from '../create.ts';
import { operation, viewOperation } from '../operation.ts';
import { formatShape, normalizeDim, requireDim, requireWhole, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { maskedFill } from './elementwise.ts';
import { index } from './indexing.ts';
import { clone } from './inPlace.ts';
import { cat } from './joins.ts';
import { viewPart } from './viewPart.ts';
import { expand, flatten, permute, reshape, type SliceRange, select, slice } from './views.ts';

/**
 * x laid side by side, `sizes[d]` times along each dimension; more sizes than dimensions add
 * dimensions in front.
 * @throws ArgumentError if there are fewer sizes than dimensions, or one is not an integer ≥ 0.
 * @example
 * await repeat(tensor([1, 2]), [2, 2]).tolist(); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export const repeat = operation('repeat', 1, (x: Tensor, sizes: Shape): Tensor => {
  if (sizes.length < x.ndim || !sizes.every((n) => Number.isInteger(n) && n >= 0))
    throw new ArgumentError(
      `repeat: expected ${x.ndim} or more integers ≥ 0 for ${formatShape(x.shape)}, ` +
        `got ${formatShape(sizes)}`,
    );
  const shape = [...Array<number>(sizes.length - x.ndim).fill(1), ...x.shape];
  // Each repeated dimension gets another one before it, so that copies lie side by side.
  const split = shape.flatMap((n, d) => (sizes[d] === 1 ? [n] : [1, n]));
  const repeated = shape.flatMap((n, d) => (sizes[d] === 1 ? [n] : [sizes[d], n]));
  return reshape(
    clone(expand(reshape(x, split), repeated)),
    shape.map((n, d) => n * sizes[d]),
  );
});

/**
 * As `repeat`, but fewer sizes than dimensions stand for the last ones.
 * @example
 * tile(tensor([1, 2]), [2]); // [1, 2, 1, 2]
 */
export const tile = operation(
  'tile',
  1,
  (x: Tensor, sizes: Shape): Tensor =>
    repeat(x, [...Array<number>(Math.max(0, x.ndim - sizes.length)).fill(1), ...sizes]),
);

/**
 * Each element (or slice along `dim`) several times in a row; without `dim` x counts as flat.
 * `repeats` is a number, or one for each place along the dimension.
 * @throws ArgumentError if `repeats` are not integers ≥ 0 or their number does not fit.
 * @example
 * await repeatInterleave(tensor([1, 2]), 2).tolist(); // [1, 1, 2, 2]
 */
export const repeatInterleave = operation(
  'repeatInterleave',
  1,
  (x: Tensor, repeats: number | readonly number[], dim?: number): Tensor => {
    if (dim === undefined) return repeatInterleave(flatten(x), repeats, 0);
    const d = requireDim(dim, x.ndim, 'repeatInterleave');
    const n = x.shape[d];
    const counts = typeof repeats === 'number' ? Array<number>(n).fill(repeats) : repeats;
    if (counts.length !== n || !counts.every((count) => Number.isInteger(count) && count >= 0))
      throw new ArgumentError(
        `repeatInterleave: expected an integer ≥ 0 or ${n} of them, ` +
          `got ${typeof repeats === 'number' ? repeats : formatShape(repeats)}`,
      );
    const places = Int32Array.from(counts.flatMap((count, i) => Array<number>(count).fill(i)));
    const whole = Array<SliceRange>(d).fill(null);
    return index(x, [...whole, tensor(places, { device: x.device })]);
  },
);

/**
 * The slices along a dimension, without that dimension.
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * unbind(tensor([[1, 2], [3, 4]])).length; // 2
 */
export const unbind = viewOperation('unbind', 1, (x: Tensor, dim = 0): Tensor[] => {
  const d = requireDim(dim, x.ndim, 'unbind');
  return Array.from({ length: x.shape[d] }, (_, i) => select(x, d, i));
});

/**
 * x with its elements moved on by `shifts` places along `dims`; those that leave at the end come
 * back at the start. Without `dims` x counts as flat.
 * @throws ArgumentError if there are not as many shifts as dimensions.
 * @example
 * roll(tensor([1, 2, 3]), 1); // [3, 1, 2]
 */
export const roll = operation(
  'roll',
  1,
  (x: Tensor, shifts: number | readonly number[], dims?: number | readonly number[]): Tensor => {
    if (dims === undefined) return reshape(roll(flatten(x), shifts, 0), x.shape);
    const [by, along] = [shifts, dims].map((one) => (typeof one === 'number' ? [one] : one));
    if (by.length !== along.length || !by.every(Number.isInteger))
      throw new ArgumentError(
        `roll: expected ${along.length} whole numbers as shifts, got ${formatShape(by)}`,
      );
    return along.reduce((moved, dim, i) => {
      const d = requireDim(dim, x.ndim, 'roll');
      const n = x.shape[d];
      if (n === 0) return moved;
      const start = ((-by[i] % n) + n) % n;
      const part = (from: number, to: number) =>
        slice(moved, [...Array<SliceRange>(d).fill(null), [from, to]]);
      return start === 0 ? moved : cat([part(start, n), part(0, start)], d);
    }, x);
  },
);

/**
 * Moves dimensions to other places; the others keep their order.
 * @throws ArgumentError if a dimension is out of range or named twice.
 * @example
 * movedim(zeros(2, 3, 4), 0, 2).shape; // [3, 4, 2]
 */
export const movedim = viewOperation(
  'movedim',
  1,
  (
    x: Tensor,
    source: number | readonly number[],
    destination: number | readonly number[],
  ): Tensor => {
    const [from, to] = [source, destination].map((one) =>
      (typeof one === 'number' ? [one] : one).map((d) => requireDim(d, x.ndim, 'movedim')),
    );
    if (from.length !== to.length || [from, to].some((one) => new Set(one).size !== one.length))
      throw new ArgumentError(
        `movedim: expected as many different places as dimensions, got ${formatShape(from)} ` +
          `and ${formatShape(to)}`,
      );
    const rest = x.shape.map((_, d) => d).filter((d) => !from.includes(d));
    return permute(
      x,
      x.shape.map((_, d) => (to.includes(d) ? from[to.indexOf(d)] : rest.shift()!)),
    );
  },
);

/**
 * The elements of x whose indices along two dimensions differ by `offset` (dim2 ahead of dim1), as
 * a last dimension; the two are dropped. A view.
 * @throws ArgumentError if the dimensions are the same or out of range.
 * @example
 * diagonal(tensor([[1, 2], [3, 4]])); // [1, 4]
 */
export const diagonal = viewOperation(
  'diagonal',
  1,
  (x: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor => {
    const [a, b] = [dim1, dim2].map((d) => normalizeDim(d, x.ndim, 'diagonal'));
    if (a === b || x.ndim < 2)
      throw new ArgumentError(
        `diagonal: expected two different dimensions of ${formatShape(x.shape)}, ` +
          `got ${dim1} and ${dim2}`,
      );
    const rest = x.shape.map((_, d) => d).filter((d) => d !== a && d !== b);
    const [rows, cols] = [x.shape[a], x.shape[b]];
    const length = Math.max(0, Math.min(rows + Math.min(0, offset), cols - Math.max(0, offset)));
    return viewPart('diagonal', x, ({ shape, strides, offset: origin }) => ({
      shape: [...rest.map((d) => shape[d]), length],
      strides: [...rest.map((d) => strides[d]), strides[a] + strides[b]],
      offset: origin + Math.max(0, offset) * strides[b] + Math.max(0, -offset) * strides[a],
    }));
  },
);

/** x with 0 where `isCleared` says so of a column and that of the diagonal in its row. */
function triangle(
  x: Tensor,
  diagonal: number,
  isCleared: (column: number, edge: number) => boolean,
): Tensor {
  if (x.ndim < 2)
    throw new ArgumentError(`expected 2 or more dimensions, got ${formatShape(x.shape)}`);
  requireWhole([diagonal], 'triangle', 'diagonal');
  const [rows, cols] = x.shape.slice(-2);
  const mask = Int32Array.from({ length: rows * cols }, (_, i) =>
    Number(isCleared(i % cols, Math.floor(i / cols) + diagonal)),
  );
  return maskedFill(x, tensor(mask, { shape: [rows, cols], device: x.device }), 0);
}

/**
 * The lower triangle of x (columns up to row + diagonal), 0 elsewhere. x: [..., rows, cols].
 * @throws ArgumentError if x has fewer than 2 dimensions, or the diagonal is not whole.
 * @example
 * tril(tensor([[1, 2], [3, 4]])); // [[1, 0], [3, 4]]
 */
export const tril = operation(
  'tril',
  1,
  (x: Tensor, diagonal = 0): Tensor => triangle(x, diagonal, (column, edge) => column > edge),
);
/**
 * The upper triangle of x (columns from row + diagonal on), 0 elsewhere. x: [..., rows, cols].
 * @throws ArgumentError if x has fewer than 2 dimensions, or the diagonal is not whole.
 * @example
 * triu(tensor([[1, 2], [3, 4]])); // [[1, 2], [0, 4]]
 */
export const triu = operation(
  'triu',
  1,
  (x: Tensor, diagonal = 0): Tensor => triangle(x, diagonal, (column, edge) => column < edge),
);
