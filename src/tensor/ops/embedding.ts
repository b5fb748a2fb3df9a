import {
  embeddingBackward,
  embedding as kernel,
  linkEqualIds,
  markTouchedRows,
} from '../../kernels/indexing/embedding.ts';
import { gatherBackward, gather as gatherKernel } from '../../kernels/indexing/gather.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { isGradEnabled, record } from '../autograd.ts';
import { fillMemory } from '../create.ts';
import { indexRangeOf } from '../indexRange.ts';
import { launch } from '../launch.ts';
import { operation, requireTensor } from '../operation.ts';
import { formatShape, product, requireDim } from '../shape.ts';
import { type DType, empty, type SparseRowGradient, type Tensor } from '../tensor.ts';
import { eq, maskedFill } from './elementwise.ts';
import { contiguous, permute, reshape, type SliceRange, slice, unsqueeze } from './views.ts';

/**
 * An index outside `least` to count - 1 that is not `ignored`, if the host knows one: it knows the
 * indices of whole tensors only.
 */
export function findInvalidIndex(
  index: Tensor,
  count: number,
  ignored?: number,
  least = 0,
): number | undefined {
  return knownExtremes(index)?.find((i) => (i < least || i >= count) && i !== ignored);
}

/** The extremes of indices that the host wrote (see `IndexRange`); undefined of others. */
export function knownExtremes({ storage, offset, size, strides }: Tensor) {
  const range = indexRangeOf(storage);
  const isAll = offset === 0 && size === range?.count && !strides.includes(0);
  return isAll ? range.extremes : undefined;
}

/**
 * Checks indices that came from the host; others, and parts of a tensor, give NaN if out of range.
 */
export function checkIndices(operation: string, index: Tensor, count: number): void {
  requireTensor(index);
  if (index.dtype === 'float32')
    throw new ArgumentError(`${operation}: expected int32 indices, got float32`);
  index.device.onReplay(() => {
    const invalid = findInvalidIndex(index, count);
    if (invalid !== undefined)
      throw new ArgumentError(
        `${operation}: index ${invalid} is out of range: there are ${count} rows ` +
          `(0 to ${count - 1})`,
      );
  });
}

/** @throws ArgumentError unless it is a row, or -1 for none. */
export function checkPaddingIdx(paddingIdx: number, rows: number): void {
  if (!Number.isInteger(paddingIdx) || paddingIdx < -1 || paddingIdx >= rows)
    throw new ArgumentError(
      `\`paddingIdx\`: expected a row from 0 to ${rows - 1}, or -1 for none, got ${paddingIdx}`,
    );
}

/**
 * Rows of a table. weight: [vocab, size], ids: any shape → [...ids.shape, size]. `paddingIdx` names
 * a row that gets no gradient (-1: none).
 * @throws ArgumentError if `paddingIdx` is no row, or an id from the host has none (in a part of a
 *   tensor it gives NaN).
 * @example
 * embedding(tensor(Int32Array.of(2, 0)), tensor([[1, 1], [2, 2], [3, 3]])); // [[3, 3], [1, 1]]
 */
export const embedding = operation(
  'embedding',
  2,
  (ids: Tensor, weight: Tensor, paddingIdx = -1): Tensor => {
    if (weight.ndim !== 2)
      throw new ArgumentError(
        `embedding: expected a weight [vocab, size], got ${formatShape(weight.shape)}`,
      );
    const [vocab, cols] = weight.shape;
    checkPaddingIdx(paddingIdx, vocab);
    checkIndices('embedding', ids, vocab);
    const index = contiguous(ids);
    const table = contiguous(weight);
    const sizes = { vocab, first: 0, rows: vocab, cols, n: ids.size };
    const y = empty([...ids.shape, cols], 'float32', weight.device);
    launch(kernel, { weight: table, ids: index, y }, sizes);
    // Of recorded gradients: dense, and with the rows picked again as their own gradient.
    const spread = (rows: Tensor, accumulateInto: SparseRowGradient['accumulateInto']): Tensor => {
      const dense = fillMemory(empty(weight.shape, 'float32', weight.device), 0);
      accumulateInto(dense);
      return record('embedding', dense, [rows], (ddw) => {
        const picked = embedding(index, ddw);
        return [maskedFill(picked, unsqueeze(eq(index, paddingIdx), -1), 0)];
      });
    };
    return record('embedding', y, [table], (gradient) => {
      const dy = contiguous(gradient);
      const next = empty([ids.size], 'int32', weight.device);
      launch(linkEqualIds, { ids: index, next }, sizes);
      const rows = dy.detach();
      const accumulateInto = (dWeight: Tensor, touchedRows?: Tensor) => {
        launch(
          embeddingBackward,
          { dy: rows, ids: index, next, dWeight },
          { ...sizes, padding: paddingIdx },
        );
        if (touchedRows) launch(markTouchedRows, { ids: index, next, touchedRows }, sizes);
      };
      if (isGradEnabled()) return [spread(dy, accumulateInto)];
      return [{ keepAlive: [rows, next], accumulateInto }];
    });
  },
);

/**
 * Slices of x along a dimension, in the order of a vector of indices (PyTorch's `index_select`).
 * @example
 * indexSelect(tensor([[1, 2, 3]]), 1, tensor(Int32Array.of(2, 0))); // [[3, 1]]
 */
export const indexSelect = operation(
  'indexSelect',
  1,
  (x: Tensor, dim: number, index: Tensor): Tensor => {
    const d = requireDim(dim, x.ndim, 'indexSelect');
    checkIndices('indexSelect', index, x.shape[d]);
    if (index.ndim > 1)
      throw new ArgumentError(
        `indexSelect: expected a vector of indices, got ${formatShape(index.shape)}`,
      );
    const order = [d, ...x.shape.map((_, i) => i).filter((i) => i !== d)];
    const permuted = permute(x, order);
    const rows = embedding(
      index,
      reshape(permuted, [x.shape[d], product(permuted.shape.slice(1))]),
    );
    return permute(
      reshape(rows, [index.size, ...permuted.shape.slice(1)]),
      order.map((_, i) => order.indexOf(i)),
    );
  },
);

/** Bits of an element whose index is out of range: NaN, or the least integer. */
export const invalidBits = (dtype: DType): number =>
  dtype === 'float32' ? 0x7fc00000 : -0x80000000;

/**
 * y[…, k, …] = x[…, index[…, k, …], …] along a dimension (PyTorch's `gather`). In the others, the
 * index may be smaller than x. The result has x's dtype.
 * @example
 * gather(tensor([[1, 2, 3]]), 1, tensor([[2, 0]], { dtype: 'int32' })); // [[3, 1]]
 */
export const gather = operation('gather', 1, (x: Tensor, dim: number, index: Tensor): Tensor => {
  requireTensor(index);
  const d = requireDim(dim, x.ndim, 'gather');
  const fits = x.ndim === index.ndim && x.shape.every((n, i) => i === d || n >= index.shape[i]);
  if (!fits)
    throw new ArgumentError(
      `gather: expected an index of at most ${formatShape(x.shape)} except in dimension ${dim}, ` +
        `got ${formatShape(index.shape)}`,
    );
  checkIndices('gather', index, x.shape[d]);
  const sizes = {
    outer: product(index.shape.slice(0, d)),
    n: x.shape[d],
    m: index.shape[d],
    inner: product(index.shape.slice(d + 1)),
  };
  const isWhole = x.shape.every((n, i) => i === d || n === index.shape[i]);
  const ranges = index.shape.map((n, i): SliceRange => (i === d ? null : [0, n]));
  const source = contiguous(isWhole ? x : slice(x, ranges));
  const indices = contiguous(index);
  const y = empty(index.shape, x.dtype, x.device);
  const invalid = invalidBits(x.dtype);
  launch(gatherKernel, { x: source, index: indices, y }, { ...sizes, invalid });
  return record('gather', y, [source], (gradient) => {
    const dy = contiguous(gradient);
    const dx = empty(source.shape, 'float32', x.device);
    launch(gatherBackward, { dy, index: indices, dx }, sizes);
    return [record('gather', dx, [dy], (ddx) => [gather(ddx, d, indices)])];
  });
});
