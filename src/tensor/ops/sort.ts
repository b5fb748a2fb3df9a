import { ArgumentError } from '../../platform/errors.ts';
import { operation } from '../operation.ts';
import { formatShape, normalizeDim } from '../shape.ts';
import { sortRows } from '../sortRows.ts';
import type { Tensor } from '../tensor.ts';
import { maximum, minimum } from './elementwise.ts';
import { gather } from './embedding.ts';
import { amax, amin, argmax, argmin } from './reduce.ts';
import { contiguous, reshape, slice, transpose } from './views.ts';

/** Elements along a dimension, and the positions there that they come from (int32). */
export interface ValuesAndIndices {
  values: Tensor;
  indices: Tensor;
}

/** x with dimension `d` last; a scalar as [1]. */
const withLast = (x: Tensor, d: number): Tensor =>
  x.ndim === 0 ? reshape(x, [1]) : transpose(x, d, -1);

/** The reverse of `withLast` for a tensor made from x. */
const undoLast = (y: Tensor, x: Tensor, d: number): Tensor =>
  x.ndim === 0 ? reshape(y, []) : transpose(y, d, -1);

function sortAlong(
  operation: string,
  x: Tensor,
  dim: number,
  descending: boolean,
  k?: number,
): ValuesAndIndices {
  const d = normalizeDim(dim, x.ndim, operation);
  const rows = withLast(x, d);
  const { order } = sortRows(contiguous(rows.detach()), descending);
  const first = rows.shape.slice(0, -1).map(() => null);
  const indices = k === undefined ? order : slice(order, [...first, [0, k]]);
  const values = gather(rows, -1, indices);
  return { values: undoLast(values, x, d), indices: undoLast(indices, x, d) };
}

/**
 * The elements in order along a dimension, and where they come from. NaN is the greatest. Equal
 * elements keep their order, as with PyTorch's `stable=True`.
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * const { values, indices } = sort(tensor([3, 1, 2])); // [1, 2, 3], [1, 2, 0]
 */
export const sort = operation(
  'sort',
  1,
  (x: Tensor, dim = -1, descending = false): ValuesAndIndices =>
    sortAlong('sort', x, dim, descending),
);

/**
 * The indices that sort x along a dimension (int32); see `sort`.
 * @example
 * argsort(tensor([3, 1, 2])); // [1, 2, 0]
 */
export const argsort = operation(
  'argsort',
  1,
  (x: Tensor, dim = -1, descending = false): Tensor => {
    const d = normalizeDim(dim, x.ndim, 'argsort');
    const { order } = sortRows(contiguous(withLast(x.detach(), d)), descending);
    return undoLast(order, x, d);
  },
);

/**
 * The k largest (or smallest) elements along a dimension in order, and where they are; NaN is the
 * greatest, and of equal ones the first come first. They are sorted whatever `sorted` is.
 * @throws ArgumentError unless k is an integer from 0 to the size of the dimension.
 * @example
 * const { values, indices } = topk(logits, 5); // [rows, classes] → [rows, 5]
 */
export const topk = operation(
  'topk',
  1,
  (x: Tensor, k: number, dim = -1, largest = true, _sorted = true): ValuesAndIndices => {
    const d = normalizeDim(dim, x.ndim, 'topk');
    const n = x.shape[d] ?? 1;
    if (!Number.isInteger(k) || k < 0 || k > n)
      throw new ArgumentError(
        `topk: expected k from 0 to ${n} for dimension ${dim} of ${formatShape(x.shape)}, got ${k}`,
      );
    // A scalar has one element, which k = 0 cannot leave out of the shape [].
    if (x.ndim === 0 && k === 0)
      throw new ArgumentError('topk: expected k = 1 for a scalar, got 0');
    return sortAlong('topk', x, dim, largest, k);
  },
);

const pick = (x: Tensor, d: number, indices: Tensor): ValuesAndIndices => ({
  values: gather(x, d, indices),
  indices,
});

function extreme(
  operation: 'max' | 'min',
  x: Tensor,
  dim: number,
  keepdim: boolean,
): ValuesAndIndices {
  const d = normalizeDim(dim, x.ndim, operation);
  if (x.shape[d] === 0)
    throw new ArgumentError(
      `${operation}: expected elements in dimension ${dim}, got shape ${formatShape(x.shape)}`,
    );
  const rows = x.ndim === 0 ? reshape(x, [1]) : x;
  const indexOf = operation === 'max' ? argmax : argmin;
  const { values, indices } = pick(rows, d, indexOf(rows, d, true));
  const shape = x.shape.flatMap((n, i) => (i !== d ? [n] : keepdim ? [1] : []));
  return { values: reshape(values, shape), indices: reshape(indices, shape) };
}

/** All elements, a dimension, or element by element: the three forms of `max` and `min`. */
function extremeOf(
  operation: 'max' | 'min',
  x: Tensor,
  other: Tensor | number | undefined,
  keepdim: boolean,
): Tensor | ValuesAndIndices {
  if (typeof other === 'number') return extreme(operation, x, other, keepdim);
  if (other) return (operation === 'max' ? maximum : minimum)(x, other);
  if (x.size === 0)
    throw new ArgumentError(`${operation}: expected elements, got shape ${formatShape(x.shape)}`);
  return (operation === 'max' ? amax : amin)(x);
}

/** The three forms of `max` and `min`. */
export interface Extreme {
  (x: Tensor): Tensor;
  (x: Tensor, dim: number, keepdim?: boolean): ValuesAndIndices;
  (x: Tensor, other: Tensor): Tensor;
}
const extremeForms = (name: 'max' | 'min'): Extreme =>
  operation(name, 1, ((x: Tensor, other?: Tensor | number, keepdim: boolean = false) =>
    extremeOf(name, x, other, keepdim)) as Extreme);

/**
 * PyTorch's `max` in its three forms: of all elements (equal ones share the gradient); along a
 * dimension with the indices of the first largest elements (int32), which get the gradient; or
 * element by element with another tensor. NaN is the greatest.
 * @throws ArgumentError if `dim` is out of range, or there is no element.
 * @example
 * const { values, indices } = max(tensor([[1, 3], [4, 2]]), 1); // [3, 4], [1, 0]
 */
export const max = extremeForms('max');

/**
 * PyTorch's `min` in its three forms; see `max`. A NaN is found before the smallest element.
 * @example
 * min(tensor([3, 1, 2])); // 1
 */
export const min = extremeForms('min');
