import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { fillMemory } from '../create.ts';
import { operation, requireTensors, viewOperation } from '../operation.ts';
import { describe } from '../print.ts';
import { formatShape, requireDim, requireWhole } from '../shape.ts';
import { copyIntoStrided } from '../storeStrided.ts';
import { empty, type Tensor } from '../tensor.ts';
import { type PadMode, padFromInside } from './padModes.ts';
import { type SliceRange, slice, unsqueeze } from './views.ts';

/** Joins tensors, splits them, and pads them. */

/**
 * Joins tensors along a dimension; all other sizes must agree.
 * @example
 * cat([tensor([1, 2]), tensor([3])]); // [1, 2, 3]
 */
export const cat = operation('cat', 0, (tensors: readonly Tensor[], dim = 0): Tensor => {
  requireTensors(tensors);
  const [first] = tensors;
  const d = requireDim(dim, first.ndim, 'cat');
  for (const t of tensors) {
    const fits =
      t.ndim === first.ndim &&
      t.shape.every((n, i) => i === d || n === first.shape[i]) &&
      t.dtype === first.dtype;
    if (!fits)
      throw new ArgumentError(
        `cat: ${describe(t)} does not fit ${describe(first)} along dimension ${dim}`,
      );
  }
  const shape = first.shape.map((n, i) =>
    i === d ? tensors.reduce((sum, t) => sum + t.shape[d], 0) : n,
  );
  const y = empty(shape, first.dtype, first.device);
  const starts: number[] = [];
  let start = 0;
  for (const t of tensors) {
    copyIntoStrided(y, y.strides, start * y.strides[d], t);
    starts.push(start);
    start += t.shape[d];
  }
  return record('cat', y, tensors, (dy) =>
    tensors.map((t, i) =>
      slice(dy, [...Array<SliceRange>(d).fill(null), [starts[i], starts[i] + t.shape[d]]]),
    ),
  );
});

/**
 * Joins tensors of one shape along a new dimension.
 * @example
 * stack([tensor([1, 2]), tensor([3, 4])]); // [[1, 2], [3, 4]]
 */
export const stack = operation('stack', 0, (tensors: readonly Tensor[], dim = 0): Tensor => {
  requireTensors(tensors);
  return cat(
    tensors.map((t) => unsqueeze(t, dim)),
    dim,
  );
});

/**
 * Splits a dimension into parts of the given size, or of the given sizes.
 * @example
 * split(tensor([1, 2, 3]), 2)[0]; // [1, 2]
 */
export const split = viewOperation(
  'split',
  1,
  (x: Tensor, sizes: number | readonly number[], dim = 0): Tensor[] => {
    const d = requireDim(dim, x.ndim, 'split');
    const n = x.shape[d];
    requireWhole(typeof sizes === 'number' ? [sizes] : sizes, 'split', 'sizes');
    if (typeof sizes === 'number' ? sizes < 1 : sizes.some((size) => size < 0))
      throw new ArgumentError(
        `split: expected sizes ≥ ${typeof sizes === 'number' ? 1 : 0}, got ${sizes}`,
      );
    const parts =
      typeof sizes === 'number'
        ? Array.from({ length: Math.ceil(n / sizes) }, (_, i) => Math.min(sizes, n - i * sizes))
        : sizes;
    if (parts.reduce((a, b) => a + b, 0) !== n)
      throw new ArgumentError(`split: sizes ${formatShape(parts)} do not add up to ${n}`);
    let start = 0;
    return parts.map((size) =>
      slice(x, [...Array<SliceRange>(d).fill(null), [start, (start += size)]]),
    );
  },
);

/**
 * Splits a dimension into at most `chunks` parts of equal size (the last may be smaller).
 * @example
 * chunk(tensor([1, 2, 3, 4]), 2)[0]; // [1, 2]
 */
export const chunk = viewOperation('chunk', 1, (x: Tensor, chunks: number, dim = 0): Tensor[] => {
  const n = x.shape[requireDim(dim, x.ndim, 'chunk')];
  if (!Number.isInteger(chunks) || chunks < 1)
    throw new ArgumentError(`chunk: expected a whole number of chunks ≥ 1, got ${chunks}`);
  return split(x, Math.max(1, Math.ceil(n / chunks)), dim);
});

/**
 * Pads x: pairs (before, after) for the last dimension, then the one before it, … With `value`, or
 * by a mode as PyTorch's `functional.pad`: `reflect` mirrors without the edge, `replicate` repeats
 * the edge, `circular` goes on at the other end, `constant` takes the `value` after it.
 * @throws ArgumentError if there are more widths than sides, one is not a whole number ≥ 0, or a
 * dimension is too short for the mode.
 * @example
 * pad(tensor([1, 2]), [1, 0]); // [0, 1, 2]
 */
export const pad = operation(
  'pad',
  1,
  (x: Tensor, widths: readonly number[], modeOrValue: number | PadMode = 0, value = 0): Tensor => {
    if (widths.length % 2 !== 0 || widths.length > 2 * x.ndim)
      throw new ArgumentError(`pad: ${formatShape(widths)} does not fit ${formatShape(x.shape)}`);
    requireWhole(widths, 'pad', 'widths');
    if (widths.some((width) => width < 0))
      throw new ArgumentError(`pad: expected widths ≥ 0, got ${formatShape(widths)}`);
    const pairs = x.shape.map((_, d): [number, number] => {
      const at = (x.ndim - 1 - d) * 2;
      return [widths[at] ?? 0, widths[at + 1] ?? 0];
    });
    if (typeof modeOrValue === 'string' && modeOrValue !== 'constant')
      return padFromInside(x, pairs, modeOrValue);
    return padWith(x, pairs, typeof modeOrValue === 'number' ? modeOrValue : value);
  },
);

/** Pads with one value: pairs (before, after) for each dimension. */
function padWith(x: Tensor, pairs: readonly [number, number][], value: number): Tensor {
  const y = empty(
    x.shape.map((n, d) => n + pairs[d][0] + pairs[d][1]),
    x.dtype,
    x.device,
  );
  fillMemory(y, value);
  const offset = pairs.reduce((sum, [before], d) => sum + before * y.strides[d], 0);
  copyIntoStrided(y, y.strides, offset, x);
  return record('pad', y, [x], (dy) => [
    slice(
      dy,
      pairs.map(([before], d) => [before, before + x.shape[d]]),
    ),
  ]);
}
