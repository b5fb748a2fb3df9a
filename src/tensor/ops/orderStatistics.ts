import { ArgumentError } from '../../platform/errors.ts';
import { full } from '../create.ts';
import { requireFloat } from '../dtypes.ts';
import { operation } from '../operation.ts';
import { formatShape, normalizeDim } from '../shape.ts';
import { sortRows } from '../sortRows.ts';
import type { Tensor } from '../tensor.ts';
import { div, maskedFill, toFloat, where } from './elementwise.ts';
import { gather } from './embedding.ts';
import { isnan, logicalNot } from './logical.ts';
import { argmax, type Dims, sum } from './reduce.ts';
import type { ValuesAndIndices } from './sort.ts';
import { contiguous, reshape, slice, transpose } from './views.ts';

/** Values at [..., 1, ...] along a dimension, with or without that dimension. */
function pick(x: Tensor, d: number, indices: Tensor, keepdim: boolean): ValuesAndIndices {
  const shape = x.shape.flatMap((n, i) => (i !== d ? [n] : keepdim ? [1] : []));
  return {
    values: reshape(gather(x, d, indices), shape),
    indices: reshape(indices, shape),
  };
}

/** Place of the k-th smallest element (from 0) along dimension d: d has size 1 in the result. */
function placeOf(x: Tensor, d: number, k: number): Tensor {
  const { order } = sortRows(contiguous(transpose(x.detach(), d, -1)));
  const at = order.shape.map((_, i) => (i === x.ndim - 1 ? ([k, k + 1] as const) : null));
  return transpose(slice(order, at), d, -1);
}

/**
 * The k-th smallest element along a dimension, k from 1, and where it is (int32). NaN is the
 * greatest. The gradient goes to the element.
 * @throws ArgumentError unless k is an integer from 1 to the size of the dimension.
 * @example
 * kthvalue(tensor([3, 1, 2]), 2).values; // 2
 */
export const kthvalue = operation(
  'kthvalue',
  1,
  (x: Tensor, k: number, dim = -1, keepdim = false): ValuesAndIndices => {
    const d = normalizeDim(dim, x.ndim, 'kthvalue');
    const n = x.shape[d] ?? 1;
    if (!Number.isInteger(k) || k < 1 || k > n)
      throw new ArgumentError(
        `kthvalue: expected k from 1 to ${n} for dimension ${dim} of ${formatShape(x.shape)}, ` +
          `got ${k}`,
      );
    if (x.ndim === 0) return withScalar(x, (row) => kthvalue(row, k, 0, false));
    return pick(x, d, placeOf(x, d, k - 1), keepdim);
  },
);

const withScalar = (x: Tensor, f: (row: Tensor) => ValuesAndIndices): ValuesAndIndices =>
  f(reshape(x, [1]));

/**
 * The median: of all elements, or along a dimension with the indices (int32). Of an even number it
 * is the lower of the two in the middle, and NaN if any element is NaN, as in PyTorch. The gradient
 * goes to the element.
 * @throws ArgumentError if `dim` is out of range, or its size is 0.
 * @example
 * await median(tensor([3, 1, 2, 4])).item(); // 2
 */
export const median = operation('median', 1, medianOf as MedianForms);

/** Of all elements, or along a dimension. */
export interface MedianForms {
  (x: Tensor): Tensor;
  (x: Tensor, dim: number, keepdim?: boolean): ValuesAndIndices;
}
function medianOf(x: Tensor, dim?: number, keepdim = false): Tensor | ValuesAndIndices {
  if (dim === undefined) {
    if (x.size === 0) return full([], Number.NaN, { device: x.device });
    return medianAlong(reshape(x, [x.size]), 0, false).values;
  }
  const d = normalizeDim(dim, x.ndim, 'median');
  if (x.shape[d] === 0)
    throw new ArgumentError(
      `median: expected elements along dimension ${dim}, got ${formatShape(x.shape)}`,
    );
  if (x.ndim === 0) return withScalar(x, (row) => medianAlong(row, 0, false));
  return medianAlong(x, d, keepdim);
}

function medianAlong(x: Tensor, d: number, keepdim: boolean): ValuesAndIndices {
  const middle = placeOf(x, d, (x.shape[d] - 1) >> 1);
  if (x.dtype !== 'float32') return pick(x, d, middle, keepdim);
  // The first NaN, if there is one, is what `argmax` finds.
  const greatest = argmax(x, d, true);
  const isBroken = isnan(gather(x.detach(), d, greatest));
  return pick(x, d, where(isBroken, greatest, middle), keepdim);
}

/**
 * Σ over dimensions of the elements that are not NaN; over all if `dim` is not given.
 * @example
 * nansum(tensor([1, NaN, 3])); // 4
 */
export const nansum = operation(
  'nansum',
  1,
  (x: Tensor, dim?: Dims, keepdim = false): Tensor =>
    x.dtype === 'float32' ? sum(maskedFill(x, isnan(x), 0), dim, keepdim) : sum(x, dim, keepdim),
);

/**
 * Mean over dimensions of the elements that are not NaN; NaN if there is none.
 * @throws ArgumentError unless x is float32.
 * @example
 * nanmean(tensor([1, NaN, 3])); // 2
 */
export const nanmean = operation('nanmean', 1, (x: Tensor, dim?: Dims, keepdim = false): Tensor => {
  requireFloat(x, 'nanmean');
  const count = sum(toFloat(logicalNot(isnan(x))), dim, keepdim);
  return div(nansum(x, dim, keepdim), count);
});
