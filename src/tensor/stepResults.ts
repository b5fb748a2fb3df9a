import { copy } from '../kernels/elementwise/arithmetic.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { noGrad } from './autograd.ts';
import { isDenseAtOrigin, launchMap } from './launch.ts';
import { cat, reshape } from './ops/joins.ts';
import { formatShape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** What a captured step returns: a tensor, or several in an array or a record. */
export type StepResult = Tensor | readonly Tensor[] | { readonly [name: string]: Tensor };

/** The elements of each result of a captured step. */
export type StepValues<R> = R extends Tensor
  ? Float32Array
  : { -readonly [K in keyof R]: Float32Array };

/** The results of a step as one dense tensor, which is read at once. */
export interface PackedResults<R> {
  tensor: Tensor;
  unpack(data: Float32Array): StepValues<R>;
}

/** @throws ArgumentError unless the results are float32 tensors with elements. */
export function packResults<R extends StepResult>(results: R): PackedResults<R> {
  if (results instanceof Tensor) {
    check(results);
    const tensor = isDenseAtOrigin(results) ? results.detach() : launchMap(copy, [results]);
    return { tensor, unpack: (data) => data as StepValues<R> };
  }
  const isList = Array.isArray(results);
  const isRecord = results !== null && Object.getPrototypeOf(results ?? 0) === Object.prototype;
  const entries = isList || isRecord ? Object.entries<Tensor>(results) : undefined;
  if (!entries?.length)
    throw new ArgumentError(
      'capture: expected the step to return a tensor, or an array or a record of tensors ' +
        `(not a promise), got ${formatValue(results)}`,
    );
  for (const [name, tensor] of entries) check(tensor, name);
  const sizes = entries.map(([, { size }]) => size);
  return {
    tensor: noGrad(() => cat(entries.map(([, tensor]) => reshape(tensor, [-1])))),
    unpack(data) {
      let start = 0;
      const values = sizes.map((size) => data.slice(start, (start += size)));
      const named = () => Object.fromEntries(entries.map(([name], i) => [name, values[i]]));
      return (isList ? values : named()) as StepValues<R>;
    },
  };
}

/** `name`: key of the result among several. */
function check(result: unknown, name?: string): void {
  const which = name === undefined ? '' : ` as \`${name}\``;
  const expected = (what: string, got: string) =>
    new ArgumentError(`capture: expected the step to return ${what}${which}, got ${got}`);
  if (!(result instanceof Tensor)) throw expected('a tensor', formatValue(result));
  if (result.dtype !== 'float32') throw expected('float32', `${result.dtype}: use toFloat()`);
  if (result.size === 0) throw expected('elements', `shape ${formatShape(result.shape)}`);
}
