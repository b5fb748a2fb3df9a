import { copy } from '../../kernels/elementwise/arithmetic.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { isDenseAtOrigin, launchMap } from '../launch.ts';
import { operation, viewOperation } from '../operation.ts';
import {
  contiguousStrides,
  formatShape,
  inferShape,
  normalizeDim,
  product,
  requireDim,
  requireWhole,
  type Shape,
  type SliceRange,
  viewStrides,
} from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { expandTo } from './broadcasting.ts';
import { viewPart } from './viewPart.ts';

export type { SliceRange };

/**
 * The same elements in row-major order at the start of their memory: a copy where needed.
 * @example
 * contiguous(tensor([[1, 2], [3, 4]]).transpose(0, 1)); // [[1, 3], [2, 4]]
 */
export const contiguous = operation('contiguous', 1, (x: Tensor): Tensor => {
  if (isDenseAtOrigin(x)) return x;
  return record('contiguous', launchMap(copy, [x]), [x], (dy) => [dy]);
});

/**
 * As in PyTorch: one -1 is inferred; copies only if the strides do not allow a view.
 * @example
 * reshape(tensor([1, 2, 3, 4]), [2, -1]); // [[1, 2], [3, 4]]
 */
export const reshape = viewOperation('reshape', 1, (x: Tensor, shape: Shape): Tensor => {
  const full = inferShape(shape, x.size, x.shape);
  const strides = x.isContiguous ? contiguousStrides(full) : viewStrides(x.shape, x.strides, full);
  const source = strides ? x : contiguous(x);
  const y = source.asStrided(full, strides ?? contiguousStrides(full), source.offset);
  return record('reshape', y, [source], (dy) => [reshape(dy, source.shape)]);
});

/**
 * The same memory under another shape (PyTorch's `view`); one -1 is inferred.
 * @throws ArgumentError if the size differs, or the strides do not allow it.
 * @example view(tensor([1, 2, 3, 4]), [2, 2]); // [[1, 2], [3, 4]]
 */
export const view = viewOperation('view', 1, (x: Tensor, shape: Shape): Tensor => {
  const full = inferShape(shape, x.size, x.shape, 'view');
  const strides = viewStrides(x.shape, x.strides, full);
  if (!strides)
    throw new ArgumentError(
      `view: ${formatShape(x.shape)} with strides ${formatShape(x.strides)} cannot be seen as ` +
        `${formatShape(full)} without a copy: use reshape`,
    );
  return record('view', x.asStrided(full, strides, x.offset), [x], (dy) => [reshape(dy, x.shape)]);
});

/**
 * Dimension d of the result is dimension `order[d]` of x.
 * @example
 * permute(zeros(2, 3, 4), [2, 0, 1]).shape; // [4, 2, 3]
 */
export const permute = viewOperation('permute', 1, (x: Tensor, order: Shape): Tensor => {
  const axes = order.map((d) => normalizeDim(d, x.ndim, 'permute'));
  if (axes.length !== x.ndim || new Set(axes).size !== x.ndim) {
    throw new ArgumentError(
      `permute: ${formatShape(order)} is not an order of the ${x.ndim} dimensions of ` +
        formatShape(x.shape),
    );
  }
  const y = x.asStrided(
    axes.map((d) => x.shape[d]),
    axes.map((d) => x.strides[d]),
    x.offset,
  );
  const inverse = axes.map((_, d) => axes.indexOf(d));
  return record('permute', y, [x], (dy) => [permute(dy, inverse)]);
});

/** Swaps two dimensions. @example transpose(tensor([[1, 2, 3]]), 0, 1); // [[1], [2], [3]] */
export const transpose = viewOperation(
  'transpose',
  1,
  (x: Tensor, dim0: number, dim1: number): Tensor => {
    const order = x.shape.map((_, d) => d);
    const a = requireDim(dim0, x.ndim, 'transpose');
    const b = requireDim(dim1, x.ndim, 'transpose');
    [order[a], order[b]] = [order[b], order[a]];
    return permute(x, order);
  },
);

/**
 * Repeats dimensions of size 1 without copying; -1 keeps a size.
 * @example
 * expand(tensor([[1], [2]]), [-1, 3]); // [[1, 1, 1], [2, 2, 2]]
 */
export const expand = viewOperation('expand', 1, (x: Tensor, shape: Shape): Tensor => {
  requireWhole(shape, 'expand', 'sizes');
  const leadingDims = shape.length - x.ndim;
  const full = shape.map((n, d) => (n === -1 ? x.shape[d - leadingDims] : n));
  const fits =
    leadingDims >= 0 &&
    full.every((n) => n >= 0) &&
    x.shape.every((n, d) => n === 1 || n === full[d + leadingDims]);
  if (!fits)
    throw new ArgumentError(
      `expand: ${formatShape(x.shape)} does not expand to ${formatShape(shape)}`,
    );
  return expandTo(x, full);
});

/**
 * Drops dimension `dim` if its size is 1; without `dim`, all such dimensions.
 * @example
 * squeeze(zeros(1, 3)).shape; // [3]
 */
export const squeeze = viewOperation('squeeze', 1, (x: Tensor, dim?: number): Tensor => {
  const only = dim === undefined ? undefined : normalizeDim(dim, x.ndim, 'squeeze');
  return reshape(
    x,
    x.shape.filter((n, d) => n !== 1 || (only !== undefined && d !== only)),
  );
});

/** Puts a dimension of size 1 at `dim`. @example unsqueeze(zeros(2, 3), 0).shape; // [1, 2, 3] */
export const unsqueeze = viewOperation('unsqueeze', 1, (x: Tensor, dim: number): Tensor => {
  const at = normalizeDim(dim, x.ndim + 1, 'unsqueeze');
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
});

/**
 * Merges dimensions `start` to `end` into one.
 * @throws ArgumentError if one is out of range, or `start` comes after `end`.
 * @example
 * flatten(zeros(2, 3, 4), 1).shape; // [2, 12]
 */
export const flatten = viewOperation('flatten', 1, (x: Tensor, start = 0, end = -1): Tensor => {
  const a = normalizeDim(start, x.ndim, 'flatten');
  const b = normalizeDim(end, x.ndim, 'flatten');
  if (a > b)
    throw new ArgumentError(`flatten: expected a start before the end, got ${start} and ${end}`);
  return reshape(x, [
    ...x.shape.slice(0, a),
    product(x.shape.slice(a, b + 1)),
    ...x.shape.slice(b + 1),
  ]);
});

/**
 * Python's x[a:b:c, …], a range for each leading dimension. Steps are positive.
 * @example
 * slice(tensor([1, 2, 3, 4]), [[1, 3]]); // [2, 3]
 */
export const slice = viewOperation(
  'slice',
  1,
  (x: Tensor, ranges: readonly SliceRange[]): Tensor => {
    if (ranges.length > x.ndim)
      throw new ArgumentError(`slice: ${ranges.length} ranges for ${x.ndim} dimensions`);
    const cuts = x.shape.map((n, d) => rangeOf(ranges[d] ?? null, n));
    return viewPart('slice', x, ({ strides, offset }) => ({
      shape: cuts.map(({ count }) => count),
      strides: cuts.map(({ step }, d) => step * strides[d]),
      offset: cuts.reduce((at, { first }, d) => at + first * strides[d], offset),
    }));
  },
);

/** The first place, step and number of places of a range in a dimension of size n. */
function rangeOf(range: SliceRange, n: number): { first: number; step: number; count: number } {
  const [start, end, step = 1] = range ?? [];
  requireWhole([start ?? 0, end ?? n], 'slice', 'bounds');
  if (!Number.isInteger(step) || step < 1)
    throw new ArgumentError(`slice: expected a positive integer step, got ${step}`);
  const clip = (at: number) => Math.min(n, Math.max(0, at < 0 ? at + n : at));
  const first = clip(start ?? 0);
  return { first, step, count: Math.max(0, Math.ceil((clip(end ?? n) - first) / step)) };
}

/**
 * The part of x where dimension `dim` is `index`, without that dimension.
 * @example
 * select(tensor([[1, 2], [3, 4]]), 0, 1); // [3, 4]
 */
export const select = viewOperation(
  'select',
  1,
  (x: Tensor, dim: number, index: number): Tensor => {
    const d = requireDim(dim, x.ndim, 'select');
    const n = x.shape[d];
    if (!Number.isInteger(index) || index < -n || index >= n) {
      throw new ArgumentError(
        `select: index ${index} is out of range for dimension ${dim} of ${formatShape(x.shape)}`,
      );
    }
    const at = index < 0 ? index + n : index;
    const part = slice(x, [...Array<SliceRange>(d).fill(null), [at, at + 1]]);
    const drop = (values: Shape) => values.filter((_, i) => i !== d);
    const y = part.asStrided(drop(part.shape), drop(part.strides), part.offset);
    return record('select', y, [part], (dy) => [reshape(dy, part.shape)]);
  },
);

/** Reverses the order along some dimensions. @example flip(tensor([1, 2, 3]), [0]); // [3, 2, 1] */
export const flip = operation('flip', 1, (x: Tensor, axes: Shape): Tensor => {
  const strides = [...x.strides];
  let offset = x.offset;
  for (const axis of axes) {
    const d = requireDim(axis, x.ndim, 'flip');
    offset += (x.shape[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  const y = launchMap(copy, [x.asStrided(x.shape, strides, offset)]);
  return record('flip', y, [x], (dy) => [flip(dy, axes)]);
});
