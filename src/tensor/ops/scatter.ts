import {
  NO_INDEX,
  scatterAddIntegers,
  scatterAdd as scatterAddKernel,
  scatter as scatterKernel,
} from '../../kernels/indexing/scatter.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { full } from '../create.ts';
import { launch } from '../launch.ts';
import { operation, requireTensor } from '../operation.ts';
import { formatShape, product, requireDim, type Shape } from '../shape.ts';
import { sortRows } from '../sortRows.ts';
import { empty, type Tensor } from '../tensor.ts';
import { mul } from './elementwise.ts';
import { checkIndices, gather, indexSelect, invalidBits } from './embedding.ts';
import { pad } from './joins.ts';
import { contiguous, reshape, slice, transpose } from './views.ts';

/**
 * Writes the source into a copy of x along dimension d, or adds it. index: of the source's shape,
 * or a vector for all lines. Not recorded.
 */
function write(x: Tensor, d: number, index: Tensor, source: Tensor, adds: boolean): Tensor {
  const [outer, n, m] = [product(x.shape.slice(0, d)), x.shape[d], source.shape[d]];
  const inner = product(x.shape.slice(d + 1));
  const isShared = index.ndim !== x.ndim;
  const lines = isShared ? reshape(index, [m]) : transpose(reshape(index, [outer, m, inner]), 1, 2);
  const { keys, order } = sortRows(contiguous(lines));
  const y = empty(x.shape, x.dtype, x.device);
  const buffers = { x: contiguous(x), keys, order, source: contiguous(source), y };
  const invalid = invalidBits(x.dtype);
  const params = { outer, n, inner, m, oneLine: Number(isShared), invalid };
  if (adds && x.dtype === 'int32') launch(scatterAddIntegers, buffers, params);
  else if (adds) launch(scatterAddKernel, buffers, params);
  else launch(scatterKernel, buffers, params);
  keys.dispose();
  order.dispose();
  return y;
}

/** The gradient of x where nothing was written over it. */
function clearWritten(dy: Tensor, d: number, index: Tensor, source: Tensor): Tensor {
  const zeros = full(source.shape, 0, { device: dy.device });
  return record('scatter', write(dy.detach(), d, index, zeros, false), [dy], (ddy) => [
    clearWritten(ddy, d, index, source),
  ]);
}

function requireSameType(operation: string, x: Tensor, source: Tensor): void {
  if (x.dtype !== source.dtype)
    throw new ArgumentError(`${operation}: expected ${x.dtype} as in x, got ${source.dtype}`);
}

/** The source of index's shape, then both filled up to x's other sizes. */
function alignSource(
  operation: string,
  x: Tensor,
  dim: number,
  index: Tensor,
  given: Tensor | number,
): { d: number; places: Tensor; source: Tensor } {
  requireTensor(index);
  if (typeof given !== 'number') requireTensor(given);
  const d = requireDim(dim, x.ndim, operation);
  const source =
    typeof given === 'number'
      ? full(index.shape, given, { dtype: x.dtype, device: x.device })
      : given;
  requireSameType(operation, x, source);
  const fits =
    index.ndim === x.ndim &&
    source.ndim === x.ndim &&
    index.shape.every((n, i) => (i === d || n <= x.shape[i]) && n <= source.shape[i]);
  if (!fits)
    throw new ArgumentError(
      `${operation}: expected an index no larger than x ${formatShape(x.shape)} (except in ` +
        `dimension ${dim}) and the source ${formatShape(source.shape)}, ` +
        `got ${formatShape(index.shape)}`,
    );
  checkIndices(operation, index, x.shape[d]);
  const part = slice(
    source,
    index.shape.map((n) => [0, n]),
  );
  const isWhole = index.shape.every((n, i) => i === d || n === x.shape[i]);
  if (isWhole) return { d, places: index, source: part };
  const missing = index.shape.map((n, i) => (i === d ? 0 : x.shape[i] - n));
  const widths = missing.reverse().flatMap((n) => [0, n]);
  return { d, places: pad(index, widths, NO_INDEX), source: pad(part, widths) };
}

/**
 * x with y[…, index[…, k, …], …] = source[…, k, …] along a dimension (PyTorch's `scatter`). Where
 * an index is repeated, the last one counts. index (int32) is no larger than the source in any
 * dimension, nor than x in the others. If an index that the host does not know is out of range,
 * its line of the result is NaN (of integers the least one).
 * @throws ArgumentError if sizes or dtypes do not fit, or an index from the host is out of range.
 * @example
 * scatter(zeros(2, 3), 1, tensor(Int32Array.of(2, 0), { shape: [2, 1] }), 1); // one-hot rows
 */
export const scatter = operation(
  'scatter',
  1,
  (x: Tensor, dim: number, index: Tensor, source: Tensor | number): Tensor => {
    const aligned = alignSource('scatter', x, dim, index, source);
    const { d, places } = aligned;
    const y = write(x.detach(), d, places, aligned.source.detach(), false);
    return record('scatter', y, [x, aligned.source], (dy) => [
      clearWritten(dy, d, places, aligned.source),
      gather(dy, d, places),
    ]);
  },
);

/**
 * x with all elements of the source added that name a place, in order (PyTorch's `scatter_add`): as
 * `scatter` otherwise. float32, or int32, which wraps.
 * @throws ArgumentError if sizes or dtypes do not fit, or an index from the host is out of range.
 * @example
 * scatterAdd(zeros(3), 0, tensor(Int32Array.of(0, 0, 2)), tensor([1.5, 2, 3])); // [3.5, 0, 3]
 */
export const scatterAdd = operation(
  'scatterAdd',
  1,
  (x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor => {
    const aligned = alignSource('scatterAdd', x, dim, index, source);
    const { d, places } = aligned;
    const y = write(x.detach(), d, places, aligned.source.detach(), true);
    return record('scatterAdd', y, [x, aligned.source], (dy) => [dy, gather(dy, d, places)]);
  },
);

/** Checks a vector of indices for slices of x; the dimension. */
function checkSlices(
  operation: string,
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
): number {
  requireTensor(index);
  requireTensor(source);
  const d = requireDim(dim, x.ndim, operation);
  requireSameType(operation, x, source);
  const expected: Shape = x.shape.map((n, i) => (i === d ? index.size : n));
  if (index.ndim > 1 || formatShape(source.shape) !== formatShape(expected))
    throw new ArgumentError(
      `${operation}: expected a vector of indices and a source of shape ` +
        `${formatShape(expected)}, got ${formatShape(index.shape)} and ` +
        formatShape(source.shape),
    );
  checkIndices(operation, index, x.shape[d]);
  return d;
}

/**
 * x with slices of the source added along a dimension: slice k, times `alpha`, to slice index[k] of
 * x (PyTorch's `index_add`). index: [m] (int32), source: x's shape with m in that dimension.
 * @throws ArgumentError if shapes or dtypes do not fit, or an index from the host is out of range.
 * @example
 * indexAdd(tensor([1, 2, 3]), 0, tensor(Int32Array.of(0, 0)), tensor([10, 20])); // [31, 2, 3]
 */
export const indexAdd = operation(
  'indexAdd',
  1,
  (x: Tensor, dim: number, index: Tensor, source: Tensor, alpha = 1): Tensor => {
    const d = checkSlices('indexAdd', x, dim, index, source);
    const part = alpha === 1 ? source : mul(source, alpha);
    const y = write(x.detach(), d, reshape(index, [-1]), part.detach(), true);
    return record('indexAdd', y, [x, part], (dy) => [dy, indexSelect(dy, d, index)]);
  },
);

/**
 * x with slices replaced along a dimension: slice index[k] of x by slice k of the source (PyTorch's
 * `index_copy`); where an index is repeated, the last one counts. As `indexAdd` otherwise.
 * @throws ArgumentError if shapes or dtypes do not fit, or an index from the host is out of range.
 * @example
 * indexCopy(tensor([1, 2, 3]), 0, tensor(Int32Array.of(2, 0)), tensor([10, 20])); // [20, 2, 10]
 */
export const indexCopy = operation(
  'indexCopy',
  1,
  (x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor => {
    const d = checkSlices('indexCopy', x, dim, index, source);
    const y = write(x.detach(), d, reshape(index, [-1]), source.detach(), false);
    return record('indexCopy', y, [x, source], (dy) => [
      clearWritten(dy, d, index, source),
      indexSelect(dy, d, index),
    ]);
  },
);
