import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { record } from '../autograd.ts';
import { tensor } from '../create.ts';
import { operation, requireTensors, viewOperation } from '../operation.ts';
import type { Shape } from '../shape.ts';
import { broadcastShapes, formatShape, inferShape, requireDim, requireWhole } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { zerosLike } from './creation.ts';
import { cat, pad } from './joins.ts';
import { diagonal, movedim } from './rearrange.ts';
import { indexAdd } from './scatter.ts';
import {
  expand,
  flatten,
  flip,
  reshape,
  type SliceRange,
  slice,
  transpose,
  unsqueeze,
} from './views.ts';

/** Other names and forms of views, of joining and of splitting. */

/**
 * x repeated along dimensions of size 1 to this shape. @throws ArgumentError if it cannot be.
 * @example broadcastTo(tensor([1, 2]), [2, 2]); // [[1, 2], [1, 2]]
 */
export const broadcastTo = viewOperation(
  'broadcastTo',
  1,
  (x: Tensor, shape: Shape): Tensor => expand(x, shape),
);
/**
 * All tensors in the shape they broadcast to. @throws ArgumentError if they do not.
 * @example broadcastTensors(zeros(2, 1), zeros(3))[0].shape; // [2, 3]
 */
export const broadcastTensors = viewOperation(
  'broadcastTensors',
  0,
  (...tensors: readonly Tensor[]): Tensor[] => {
    requireTensors(tensors);
    const shape = tensors
      .map((t) => t.shape)
      .reduce((a, b) => broadcastShapes(a, b, 'broadcastTensors'));
    return tensors.map((t) => expand(t, shape));
  },
);
/** Swaps two dimensions, as `transpose`. @example swapaxes(zeros(2, 3), 0, 1).shape; // [3, 2] */
export const swapaxes = viewOperation(
  'swapaxes',
  1,
  (x: Tensor, axis0: number, axis1: number): Tensor => transpose(x, axis0, axis1),
);
/**
 * Moves dimensions to other places, as `movedim`.
 * @example moveaxis(zeros(2, 3, 4), 0, 2).shape; // [3, 4, 2]
 */
export const moveaxis = viewOperation(
  'moveaxis',
  1,
  (x: Tensor, source: number | Shape, destination: number | Shape): Tensor =>
    movedim(x, source, destination),
);
/**
 * The transpose of a matrix; a vector as it is. @throws ArgumentError for more dimensions.
 * @example t(tensor([[1, 2]])); // [[1], [2]]
 */
export const t = viewOperation('t', 1, (x: Tensor): Tensor => {
  if (x.ndim > 2)
    throw new ArgumentError(`t: expected at most 2 dimensions, got ${formatShape(x.shape)}`);
  return x.ndim < 2 ? x : transpose(x, 0, 1);
});
/** All elements as a vector. @example ravel(tensor([[1, 2], [3, 4]])); // [1, 2, 3, 4] */
export const ravel = viewOperation('ravel', 1, (x: Tensor): Tensor => reshape(x, [x.size]));
/**
 * A dimension split into several; one -1 is inferred.
 * @throws ArgumentError if the sizes do not multiply to the dimension's.
 * @example unflatten(zeros(2, 6), 1, [2, 3]).shape; // [2, 2, 3]
 */
export const unflatten = viewOperation('unflatten', 1, (x: Tensor, dim: number, sizes: Shape) => {
  const d = requireDim(dim, x.ndim, 'unflatten');
  const split = inferShape(sizes, x.shape[d], [x.shape[d]], 'unflatten');
  return reshape(x, [...x.shape.slice(0, d), ...split, ...x.shape.slice(d + 1)]);
});
/**
 * `length` places along a dimension from `start` on.
 * @throws ArgumentError if they are not all inside.
 * @example narrow(tensor([1, 2, 3, 4]), 0, 1, 2); // [2, 3]
 */
export const narrow = viewOperation(
  'narrow',
  1,
  (x: Tensor, dim: number, start: number, length: number): Tensor => {
    const d = requireDim(dim, x.ndim, 'narrow');
    requireWhole([start, length], 'narrow', 'bounds');
    const n = x.shape[d];
    const first = start < 0 ? start + n : start;
    if (first < 0 || length < 0 || first + length > n)
      throw new ArgumentError(
        `narrow: expected places within 0 to ${n}, got ${start} and a length of ${length}`,
      );
    return slice(x, [...Array<SliceRange>(d).fill(null), [first, first + length]]);
  },
);
/**
 * A dimension cut into `sections` parts of nearly equal size (the first are larger), or before each
 * of the given places.
 * @throws ArgumentError unless `sections` is a whole number ≥ 1.
 * @example tensorSplit(tensor([1, 2, 3]), 2)[0]; // [1, 2]
 */
export const tensorSplit = viewOperation(
  'tensorSplit',
  1,
  (x: Tensor, sections: number | readonly number[], dim = 0): Tensor[] => {
    const d = requireDim(dim, x.ndim, 'tensorSplit');
    const n = x.shape[d];
    requireWhole(typeof sections === 'number' ? [sections] : sections, 'tensorSplit', 'sections');
    if (typeof sections === 'number' && sections < 1)
      throw new ArgumentError(`tensorSplit: expected sections ≥ 1, got ${sections}`);
    const equalCut = (count: number, i: number) =>
      i * Math.floor(n / count) + Math.min(i, n % count);
    const cuts =
      typeof sections === 'number'
        ? Array.from({ length: sections - 1 }, (_, i) => equalCut(sections, i + 1))
        : sections;
    return [...cuts, n].map((end, i) =>
      slice(x, [...Array<SliceRange>(d).fill(null), [cuts[i - 1] ?? 0, end]]),
    );
  },
);

/** x with at least 1 dimension. @example atleast1d(tensor(5)).shape; // [1] */
export const atleast1d = viewOperation(
  'atleast1d',
  1,
  (x: Tensor): Tensor => (x.ndim === 0 ? reshape(x, [1]) : x),
);
/**
 * x with at least 2 dimensions: a vector is a row.
 * @example atleast2d(tensor([1, 2])).shape; // [1, 2]
 */
export const atleast2d = viewOperation(
  'atleast2d',
  1,
  (x: Tensor): Tensor => (x.ndim < 2 ? reshape(x, [1, x.size]) : x),
);
/**
 * x with at least 3 dimensions: a vector of n is [1, n, 1], a matrix gets a last dimension.
 * @example atleast3d(tensor([1, 2])).shape; // [1, 2, 1]
 */
export const atleast3d = viewOperation('atleast3d', 1, (x: Tensor): Tensor => {
  if (x.ndim > 2) return x;
  return x.ndim === 2 ? unsqueeze(x, 2) : reshape(x, [1, x.size, 1]);
});

/**
 * Joins tensors side by side: along dimension 1, vectors along 0.
 * @example hstack([tensor([1, 2]), tensor([3])]); // [1, 2, 3]
 */
export const hstack = operation('hstack', 0, (tensors: readonly Tensor[]): Tensor => {
  requireTensors(tensors);
  const parts = tensors.map(atleast1d);
  return cat(parts, parts[0].ndim === 1 ? 0 : 1);
});
/**
 * Joins tensors below one another: along dimension 0, vectors as rows.
 * @example vstack([tensor([1, 2]), tensor([3, 4])]); // [[1, 2], [3, 4]]
 */
export const vstack = operation('vstack', 0, (tensors: readonly Tensor[]): Tensor => {
  requireTensors(tensors);
  return cat(tensors.map(atleast2d), 0);
});
/**
 * Joins tensors behind one another: along dimension 2; see `atleast3d`.
 * @example dstack([zeros(2, 3), zeros(2, 3)]).shape; // [2, 3, 2]
 */
export const dstack = operation('dstack', 0, (tensors: readonly Tensor[]): Tensor => {
  requireTensors(tensors);
  return cat(tensors.map(atleast3d), 2);
});

/**
 * Coordinates of a grid: vectors of n, m, … → tensors of [n, m, …], one a vector. `indexing`: the
 * first runs down (`ij`, default) or across (`xy`). @throws ArgumentError unless all are vectors.
 * @example meshgrid([tensor([1, 2]), tensor([3, 4])])[0]; // [[1, 1], [2, 2]]
 */
export const meshgrid = viewOperation(
  'meshgrid',
  0,
  (tensors: readonly Tensor[], { indexing = 'ij' }: { indexing?: 'ij' | 'xy' } = {}): Tensor[] => {
    requireOneOf(indexing, ['ij', 'xy'], '`indexing`');
    requireTensors(tensors);
    for (const { ndim, shape } of tensors)
      if (ndim > 1)
        throw new ArgumentError(`meshgrid: expected vectors, got ${formatShape(shape)}`);
    const shape = tensors.map(({ size }) => size);
    const grids = tensors.map((x, d) =>
      expand(reshape(x, [x.size, ...Array<number>(shape.length - 1 - d).fill(1)]), shape),
    );
    return indexing === 'xy' && shape.length > 1 ? grids.map((x) => transpose(x, 0, 1)) : grids;
  },
  ['indexing'],
);

/**
 * x turned by k quarter turns, from the first of two dimensions towards the second.
 * @example rot90(tensor([[1, 2], [3, 4]])); // [[2, 4], [1, 3]]
 */
export const rot90 = operation('rot90', 1, (x: Tensor, k = 1, dims: Shape = [0, 1]): Tensor => {
  requireWhole([k], 'rot90', 'turns');
  if (dims.length !== 2 || x.ndim < 2)
    throw new ArgumentError(
      `rot90: expected 2 dimensions of ${formatShape(x.shape)}, got ${formatShape(dims)}`,
    );
  const [a, b] = dims.map((d) => requireDim(d, x.ndim, 'rot90'));
  const turns = ((k % 4) + 4) % 4;
  if (turns === 2) return flip(x, [a, b]);
  if (turns === 0) return x;
  return turns === 1 ? transpose(flip(x, [b]), a, b) : flip(transpose(x, a, b), [b]);
});
/**
 * The order of dimension 1 reversed.
 * @example fliplr(tensor([[1, 2], [3, 4]])); // [[2, 1], [4, 3]]
 */
export const fliplr = operation('fliplr', 1, (x: Tensor): Tensor => flip(x, [1]));
/**
 * The order of dimension 0 reversed.
 * @example flipud(tensor([[1, 2], [3, 4]])); // [[3, 4], [1, 2]]
 */
export const flipud = operation('flipud', 1, (x: Tensor): Tensor => flip(x, [0]));

/**
 * The last dimension on a diagonal of square matrices, 0 elsewhere: [..., n] → [..., m, m] with
 * m = n + |offset|.
 * @example diagEmbed(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export const diagEmbed = operation('diagEmbed', 1, (x: Tensor, offset = 0): Tensor => {
  requireWhole([offset], 'diagEmbed', 'the offset');
  const n = x.shape[requireDim(-1, x.ndim, 'diagEmbed')];
  const m = n + Math.abs(offset);
  const wide = pad(unsqueeze(x, -1), [0, m]);
  const rows = reshape(wide, [...x.shape.slice(0, -1), n * (m + 1)]);
  // n rows of m + 1: each element moves on by one place in rows of m.
  const start = offset >= 0 ? offset : -offset * m;
  const filled = pad(rows, [start, Math.max(0, m * m - start - n * (m + 1))]);
  const all = slice(filled, [...x.shape.slice(0, -1).map(() => null), [0, m * m]]);
  return reshape(all, [...x.shape.slice(0, -1), m, m]);
});
/**
 * A vector on the diagonal of a matrix, or the diagonal of a matrix as a vector.
 * @throws ArgumentError unless x has 1 or 2 dimensions.
 * @example diag(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export const diag = operation('diag', 1, (x: Tensor, offset = 0): Tensor => {
  if (x.ndim !== 1 && x.ndim !== 2)
    throw new ArgumentError(`diag: expected 1 or 2 dimensions, got ${formatShape(x.shape)}`);
  return x.ndim === 1 ? diagEmbed(x, offset) : diagonal(x, offset);
});

/**
 * Windows of `size` places along a dimension, every `step`, as a last dimension (PyTorch's
 * `Tensor.unfold`): a view.
 * @throws ArgumentError unless 0 ≤ size ≤ the dimension's and step ≥ 1.
 * @example unfold(tensor([1, 2, 3, 4]), 0, 2, 1); // [[1, 2], [2, 3], [3, 4]]
 */
export const unfold = viewOperation(
  'unfold',
  1,
  (x: Tensor, dim: number, size: number, step: number): Tensor => {
    const d = requireDim(dim, x.ndim, 'unfold');
    const n = x.shape[d];
    if (!Number.isInteger(size) || size < 0 || size > n || !Number.isInteger(step) || step < 1)
      throw new ArgumentError(
        `unfold: expected a size from 0 to ${n} and a step ≥ 1, got ${size} and ${step}`,
      );
    const count = Math.floor((n - size) / step) + 1;
    const windows = (of: Shape, length: number, last: number) => [
      ...of.map((m, i) => (i === d ? length : m)),
      last,
    ];
    const y = x.asStrided(
      windows(x.shape, count, size),
      windows(x.strides, step * x.strides[d], x.strides[d]),
      x.offset,
    );
    return record('unfold', y, [x], (dy) => {
      const rows = flatten(movedim(dy, -1, d + 1), d, d + 1);
      const places = tensor(
        Int32Array.from(
          { length: count * size },
          (_, i) => Math.floor(i / size) * step + (i % size),
        ),
        { device: x.device },
      );
      return [indexAdd(zerosLike(x), d, places, rows)];
    });
  },
);
