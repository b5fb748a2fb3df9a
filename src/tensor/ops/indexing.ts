import { flattenIndex } from '../../kernels/indexing/flattenIndex.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { arange, full, tensor } from '../create.ts';
import { asDtype } from '../dtypes.ts';
import { launchMap } from '../launch.ts';
import { operation } from '../operation.ts';
import { broadcastShapes, formatShape, normalizeDim, product, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { eq } from './elementwise.ts';
import { findInvalidIndex, gather, indexSelect, knownExtremes } from './embedding.ts';
import { indexAdd, indexCopy } from './scatter.ts';
import { expand, permute, reshape, type SliceRange, select, slice, unsqueeze } from './views.ts';

/**
 * An entry of `index` for one dimension: a tensor of indices (int32; negative ones count from the
 * end), one index, a range `[start, end, step]`, or null for all.
 */
export type Index = Tensor | number | SliceRange;

/** Slices of x along d, of any dtype, in the order of a vector of indices. */
function takeSlices(x: Tensor, d: number, index: Tensor): Tensor {
  if (x.dtype === 'float32') return indexSelect(x, d, index);
  const shape = x.shape.map((n, i) => (i === d ? index.size : n));
  const line = shape.map((_, i) => (i === d ? index.size : 1));
  return gather(x, d, expand(reshape(index, line), shape));
}

/** A tensor indexed in some dimensions, as [before, indexed, after], and what to restore. */
interface Indexed {
  blocks: Tensor;
  /** Position of each row among the indexed dimensions. */
  rows: Tensor;
  /** Shape of the result. */
  shape: number[];
  /** Order of x's dimensions in `blocks`. */
  order: number[];
  /** x's shape in that order. */
  permuted: number[];
}

/** x: after ranges and single indices; `indices`: for each dimension a tensor or undefined. */
function arrange(operation: string, x: Tensor, indices: readonly (Tensor | undefined)[]): Indexed {
  const dims = x.shape.flatMap((_, d) => (indices[d] ? [d] : []));
  const shape = dims
    .map((d) => indices[d]!.shape)
    .reduce((a, b) => broadcastShapes(a, b, operation));
  let rows = full([], 0, { dtype: 'int32', device: x.device });
  for (const d of dims) {
    checkIndex(operation, indices[d]!, x, d);
    const n = full([], x.shape[d], { dtype: 'int32', device: x.device });
    rows = launchMap(flattenIndex, [rows, indices[d]!, n]);
  }
  // As in PyTorch: neighbouring dimensions are replaced where they are, others in front.
  const areNeighbours = dims.at(-1)! - dims[0] === dims.length - 1;
  const before = areNeighbours ? x.shape.map((_, d) => d).slice(0, dims[0]) : [];
  const after = x.shape.flatMap((_, d) => (before.includes(d) || dims.includes(d) ? [] : [d]));
  const order = [...before, ...dims, ...after];
  const sizes = (of: readonly number[]) => of.map((d) => x.shape[d]);
  const [left, middle, right] = [before, dims, after].map((of) => product(sizes(of)));
  return {
    blocks: reshape(permute(x, order), [left, middle, right]),
    rows: reshape(expand(rows, shape), [product(shape)]),
    shape: [...sizes(before), ...shape, ...sizes(after)],
    order,
    permuted: sizes(order),
  };
}

function checkIndex(operation: string, index: Tensor, x: Tensor, d: number): void {
  if (index.dtype !== 'int32')
    throw new ArgumentError(
      `${operation}: expected int32 indices for dimension ${d}, got ${index.dtype}` +
        (index.dtype === 'bool' ? ': use maskedSelect or where for a mask' : ''),
    );
  const n = x.shape[d];
  index.device.onReplay(() => {
    const invalid = findInvalidIndex(index, n, undefined, -n);
    if (invalid !== undefined)
      throw new ArgumentError(
        `${operation}: index ${invalid} is out of range for dimension ${d} of ` +
          formatShape(x.shape),
      );
  });
}

/**
 * x indexed as `x[i, 1:3, 2]` in PyTorch: one entry for each leading dimension. Tensors of indices
 * are broadcast together and pick element by element; their shape stands in the place of their
 * dimensions, or in front if these are not neighbours. An index out of range
 * that the host does not know gives NaN (of integers the least one).
 * @throws ArgumentError if there are too many entries, an index from the host is out of range, or
 *   a tensor is not int32. A mask gives a shape that depends on data: see `maskedSelect`.
 * @example
 * index(logits, [arange(rows), labels]); // the logit of each row's label
 */
export const index = operation('index', 1, (x: Tensor, indices: readonly Index[]): Tensor => {
  if (indices.length > x.ndim)
    throw new ArgumentError(
      `index: ${indices.length} entries for the ${x.ndim} dimensions of ${formatShape(x.shape)}`,
    );
  const isRange = (one: Index): one is SliceRange => one === null || Array.isArray(one);
  const wrong = indices.find(
    (one) => !isRange(one) && typeof one !== 'number' && !(one instanceof Tensor),
  );
  if (wrong !== undefined)
    throw new ArgumentError(
      `index: expected tensors, numbers, ranges and null, got ${formatValue(wrong)}`,
    );
  let part = slice(
    x,
    indices.map((one) => (isRange(one) ? one : null)),
  );
  const tensors: (Tensor | undefined)[] = [];
  for (const one of indices) {
    if (typeof one === 'number') part = select(part, tensors.length, one);
    else tensors.push(one instanceof Tensor ? one : undefined);
  }
  if (!tensors.some(Boolean)) return part;
  const { blocks, rows, shape } = arrange('index', part, tensors);
  return reshape(takeSlices(blocks, 1, rows), shape);
});

/**
 * x with the elements at the given indices replaced by `values`, or with these added if
 * `accumulate` (PyTorch's `index_put`). `indices`: a tensor (int32) or null for each leading
 * dimension; values broadcast to the shape of `index(x, indices)`. Of elements for the same place
 * the last one counts.
 * @throws ArgumentError if shapes or dtypes do not fit, or an index from the host is out of range.
 * @example
 * indexPut(tensor([1, 2, 3]), [tensor(Int32Array.of(0, 2))], tensor([7, 9])); // [7, 2, 9]
 */
export const indexPut = operation(
  'indexPut',
  1,
  (
    x: Tensor,
    indices: readonly (Tensor | null)[],
    values: Tensor | number,
    accumulate = false,
  ): Tensor => {
    if (indices.length > x.ndim || !indices.some(Boolean))
      throw new ArgumentError(
        `indexPut: expected 1 to ${x.ndim} entries with a tensor for ${formatShape(x.shape)}, ` +
          `got ${indices.length}`,
      );
    const tensors = indices.map((one) => one ?? undefined);
    const { blocks, rows, shape, order, permuted } = arrange('indexPut', x, tensors);
    const given =
      typeof values === 'number' ? full([], values, { dtype: x.dtype, device: x.device }) : values;
    const source = reshape(expand(given, shape), [blocks.shape[0], rows.size, blocks.shape[2]]);
    const written = (accumulate ? indexAdd : indexCopy)(blocks, 1, rows, source);
    return permute(
      reshape(written, permuted),
      order.map((_, d) => order.indexOf(d)),
    );
  },
);

/**
 * Elements of x along a dimension by an index whose other sizes broadcast with x's (PyTorch's
 * `take_along_dim`): `takeAlongDim(x, argsort(x, 1), 1)` sorts. Without `dim` both are flat.
 * @throws ArgumentError if shapes do not broadcast, or an index from the host is out of range.
 * @example
 * takeAlongDim(tensor([[3, 1, 2]]), tensor([[1, 2, 0]], { dtype: 'int32' }), 1); // [[1, 2, 3]]
 */
export const takeAlongDim = operation(
  'takeAlongDim',
  2,
  (x: Tensor, indices: Tensor, dim?: number): Tensor => {
    if (dim === undefined) return gather(reshape(x, [-1]), 0, reshape(indices, [-1]));
    const d = normalizeDim(dim, x.ndim, 'takeAlongDim');
    if (indices.ndim !== x.ndim)
      throw new ArgumentError(
        `takeAlongDim: expected indices of ${x.ndim} dimensions as x has, ` +
          `got ${formatShape(indices.shape)}`,
      );
    const one = (shape: Shape) => shape.map((n, i) => (i === d ? 1 : n));
    const common = broadcastShapes(one(x.shape), one(indices.shape), 'takeAlongDim');
    const to = (shape: Shape) => common.map((n, i) => (i === d ? shape[d] : n));
    return gather(expand(x, to(x.shape)), d, expand(indices, to(indices.shape)));
  },
);

/** Positions of the elements that are not 0, in row-major order, once the device has them. */
async function positions(x: Tensor): Promise<Int32Array> {
  const values = await x.data();
  const found: number[] = [];
  values.forEach((value, i) => {
    if (value !== 0) found.push(i);
  });
  return Int32Array.from(found);
}

/**
 * The elements where the mask is not 0, as a vector; x and mask broadcast. Its length depends on
 * data, so the mask is read back: await it, and call it outside captured steps.
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * await maskedSelect(tensor([1, 2, 3]), tensor([1, 0, 1])); // [1, 3]
 */
export const maskedSelect = operation(
  'maskedSelect',
  2,
  async (x: Tensor, mask: Tensor): Promise<Tensor> => {
    const shape = broadcastShapes(x.shape, mask.shape, 'maskedSelect');
    const flat = reshape(expand(x, shape), [-1]);
    const at = await positions(expand(mask, shape));
    return takeSlices(flat, 0, tensor(at, { device: x.device }));
  },
);

/**
 * Indices of the elements that are not 0, in row-major order (int32, [count, dimensions]). The
 * count depends on data, so x is read back: await it, and call it outside captured steps.
 * @example
 * await nonzero(tensor([0, 5, 0, 7])); // [[1], [3]]
 */
export const nonzero = operation('nonzero', 1, async (x: Tensor): Promise<Tensor> => {
  const at = await positions(x);
  const indices = new Int32Array(at.length * x.ndim);
  at.forEach((place, i) => {
    let rest = place;
    for (let d = x.ndim - 1; d >= 0; d--) {
      indices[i * x.ndim + d] = rest % x.shape[d];
      rest = Math.floor(rest / x.shape[d]);
    }
  });
  return tensor(indices, { shape: [at.length, x.ndim], device: x.device });
});

/**
 * Vectors with a 1 at each class and zeros elsewhere: ids (int32, any shape) → int32
 * [...ids.shape, numClasses]. Without `numClasses` it is one more than the largest id, which the
 * host must know.
 * @throws ArgumentError if an id from the host is no class, or `numClasses` cannot be known.
 * @example
 * await oneHot(tensor(Int32Array.of(1, 0)), 3).tolist(); // [[0, 1, 0], [1, 0, 0]]
 */
export const oneHot = operation('oneHot', 1, (ids: Tensor, numClasses?: number): Tensor => {
  if (ids.dtype === 'float32')
    throw new ArgumentError('oneHot: expected int32 classes, got float32');
  const classes = numClasses ?? knownClasses(ids);
  if (!Number.isInteger(classes) || classes < 1)
    throw new ArgumentError(`oneHot: expected \`numClasses\` as an integer ≥ 1, got ${classes}`);
  ids.device.onReplay(() => {
    const invalid = findInvalidIndex(ids, classes);
    if (invalid !== undefined)
      throw new ArgumentError(
        `oneHot: class ${invalid} is out of range: there are ${classes} (0 to ${classes - 1})`,
      );
  });
  const range = arange(classes, undefined, { device: ids.device });
  return asDtype(eq(unsqueeze(ids, ids.ndim), range), 'int32');
});

/** One more than the largest id, if the host wrote all of them. */
function knownClasses(ids: Tensor): number {
  const extremes = knownExtremes(ids);
  if (!extremes)
    throw new ArgumentError(
      'oneHot: expected `numClasses`: the classes are on the device, and reading them back would ' +
        'wait',
    );
  return Math.max(...extremes) + 1;
}
