import { ArgumentError } from '../../platform/errors.ts';
import { tensor } from '../create.ts';
import { operation, requireOperand, requireTensors } from '../operation.ts';
import { formatShape, requireDim, requireWhole } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { affine, eq, mul, type Operand, toFloat } from './elementwise.ts';
import { indexSelect } from './embedding.ts';
import { cat, pad, stack } from './joins.ts';
import { any } from './logical.ts';
import { diff } from './moments.ts';
import { type Dims, mean, sum, type VarianceOptions, variance } from './reduce.ts';
import type { DrawOptions } from './sampling.ts';
import { meshgrid } from './shapes.ts';
import { std } from './statistics.ts';
import { reshape, type SliceRange, slice, unsqueeze } from './views.ts';

/** Functions that put tensors together, and pairs of results. */

/**
 * Joins tensors as columns: along dimension 1, vectors as one column each.
 * @throws ArgumentError if shapes do not fit.
 * @example
 * columnStack([tensor([1, 2]), tensor([3, 4])]); // [[1, 3], [2, 4]]
 */
export const columnStack = operation('columnStack', 0, (tensors: readonly Tensor[]): Tensor => {
  requireTensors(tensors);
  return cat(
    tensors.map((x) => (x.ndim < 2 ? reshape(x, [x.size, 1]) : x)),
    1,
  );
});

/** Options of `padSequence`. */
export interface PadSequenceOptions {
  /** Whether the batch is the first dimension of the result, not the second. Default: false. */
  batchFirst?: boolean;
  /** Default: 0. */
  paddingValue?: number;
}
/**
 * Sequences [length, …] of different lengths as one tensor [longest, batch, …], padded at their end
 * (PyTorch's `nn.utils.rnn.pad_sequence`).
 * @throws ArgumentError if other sizes differ.
 * @example
 * padSequence([tensor([1, 2]), tensor([3])], { batchFirst: true }); // [[1, 2], [3, 0]]
 */
export const padSequence = operation(
  'padSequence',
  0,
  (
    sequences: readonly Tensor[],
    { batchFirst = false, paddingValue = 0 }: PadSequenceOptions = {},
  ): Tensor => {
    requireTensors(sequences);
    const lengths = sequences.map(({ shape, ndim }) => shape[requireDim(0, ndim, 'padSequence')]);
    const longest = Math.max(...lengths);
    const padded = sequences.map((x, i) => {
      const after = [...Array<number>(2 * x.ndim - 1).fill(0), longest - lengths[i]];
      return pad(x, after, paddingValue);
    });
    return stack(padded, batchFirst ? 0 : 1);
  },
  ['batchFirst', 'paddingValue'],
);

/**
 * Matrices along a diagonal, 0 elsewhere; vectors count as rows.
 * @throws ArgumentError if one has more than 2 dimensions.
 * @example
 * blockDiag(tensor([[1]]), tensor([[2, 3]])); // [[1, 0, 0], [0, 2, 3]]
 */
export const blockDiag = operation('blockDiag', 0, (...tensors: readonly Tensor[]): Tensor => {
  requireTensors(tensors);
  const wrong = tensors.find(({ ndim }) => ndim > 2);
  if (wrong)
    throw new ArgumentError(
      `blockDiag: expected at most 2 dimensions, got ${formatShape(wrong.shape)}`,
    );
  const blocks = tensors.map((x) => (x.ndim === 2 ? x : reshape(x, [1, x.size])));
  const total = blocks.reduce((width, x) => width + x.shape[1], 0);
  let start = 0;
  return cat(
    blocks.map((x) => {
      const before = start;
      start += x.shape[1];
      return pad(x, [before, total - start]);
    }),
  );
});

/**
 * All tuples of one element of each vector, as rows; of one vector itself.
 * @throws ArgumentError unless all are vectors.
 * @example
 * cartesianProd(tensor([1, 2]), tensor([3, 4])); // [[1, 3], [1, 4], [2, 3], [2, 4]]
 */
export const cartesianProd = operation(
  'cartesianProd',
  0,
  (...tensors: readonly Tensor[]): Tensor => {
    requireTensors(tensors);
    const wrong = tensors.find(({ ndim }) => ndim !== 1);
    if (wrong)
      throw new ArgumentError(`cartesianProd: expected vectors, got ${formatShape(wrong.shape)}`);
    if (tensors.length === 1) return tensors[0];
    return stack(
      meshgrid(tensors).map((grid) => reshape(grid, [grid.size])),
      1,
    );
  },
);

/** Rising places below n, `r` at a time; with repetition, they may stay equal. */
function* choices(n: number, r: number, withReplacement: boolean, from = 0): Generator<number[]> {
  if (r === 0) yield [];
  else
    for (let first = from; first < n; first++)
      for (const rest of choices(n, r - 1, withReplacement, first + Number(!withReplacement)))
        yield [first, ...rest];
}
/**
 * All choices of r elements of a vector, in order, as rows.
 * @throws ArgumentError unless x is a vector and r a whole number ≥ 0.
 * @example
 * combinations(tensor([1, 2, 3])); // [[1, 2], [1, 3], [2, 3]]
 */
export const combinations = operation(
  'combinations',
  1,
  (x: Tensor, r = 2, withReplacement = false): Tensor => {
    if (x.ndim !== 1 || !Number.isInteger(r) || r < 0)
      throw new ArgumentError(
        `combinations: expected a vector and a number r ≥ 0, got ${formatShape(x.shape)} and ${r}`,
      );
    const rows = r > x.size && !withReplacement ? [] : [...choices(x.size, r, withReplacement)];
    const places = tensor(Int32Array.from(rows.flat()), { device: x.device });
    return reshape(indexSelect(x, 0, places), [r === 0 ? 0 : rows.length, r]);
  },
);

/** Places of a matrix, row by row, for which `isIn` holds: [2, places] of int32. */
function placesWhere(
  name: string,
  sizes: readonly [number, number, number],
  options: DrawOptions,
  isIn: (row: number, col: number) => boolean,
): Tensor {
  const [rows, cols] = sizes;
  requireWhole(sizes, name, 'sizes and offset');
  if (rows < 0 || cols < 0)
    throw new ArgumentError(`${name}: expected sizes ≥ 0, got ${rows} and ${cols}`);
  const places = Array.from({ length: rows * cols }, (_, i) => [Math.floor(i / cols), i % cols]);
  const inside = places.filter(([row, col]) => isIn(row, col));
  const values = [0, 1].flatMap((d) => inside.map((place) => place[d]));
  return tensor(Int32Array.from(values), { shape: [2, inside.length], ...options });
}
/**
 * Rows and columns of the lower triangle of a matrix (columns up to row + offset), int32 [2, n].
 * @throws ArgumentError unless sizes are whole numbers ≥ 0.
 * @example
 * trilIndices(2, 2); // [[0, 1, 1], [0, 0, 1]]
 */
export const trilIndices = (
  rows: number,
  cols: number,
  offset = 0,
  options: DrawOptions = {},
): Tensor =>
  placesWhere('trilIndices', [rows, cols, offset], options, (row, col) => col <= row + offset);
/**
 * Rows and columns of the upper triangle of a matrix (columns from row + offset on), int32 [2, n].
 * @throws ArgumentError unless sizes are whole numbers ≥ 0.
 * @example
 * triuIndices(2, 2); // [[0, 0, 1], [0, 1, 1]]
 */
export const triuIndices = (
  rows: number,
  cols: number,
  offset = 0,
  options: DrawOptions = {},
): Tensor =>
  placesWhere('triuIndices', [rows, cols, offset], options, (row, col) => col >= row + offset);

/**
 * Whether each element is one of the others (bool).
 * @example
 * isin(tensor([1, 2, 3]), tensor([3, 1])); // [1, 0, 1]
 */
export const isin = operation('isin', 2, (elements: Tensor, testElements: Tensor): Tensor => {
  const others = reshape(testElements.detach(), [testElements.size]);
  return any(eq(unsqueeze(elements.detach(), -1), others), -1);
});

/**
 * Standard deviation and mean over dimensions; see `std`.
 * @throws ArgumentError if a dimension is out of range.
 * @example
 * stdMean(tensor([1, 2, 3]))[1]; // 2
 */
export const stdMean = operation(
  'stdMean',
  1,
  (x: Tensor, dim?: Dims, unbiased: boolean | VarianceOptions = true, keepdim = false) =>
    [std(x, dim, unbiased, keepdim), mean(x, dim, keepdim)] as [std: Tensor, mean: Tensor],
  ['correction', 'keepdim'],
);
/**
 * Variance and mean over dimensions; see `variance`.
 * @throws ArgumentError if a dimension is out of range.
 * @example
 * varMean(tensor([1, 2, 3]))[0]; // 1
 */
export const varMean = operation(
  'varMean',
  1,
  (x: Tensor, dim?: Dims, unbiased: boolean | VarianceOptions = true, keepdim = false) =>
    [variance(x, dim, unbiased, keepdim), mean(x, dim, keepdim)] as [
      variance: Tensor,
      mean: Tensor,
    ],
  ['correction', 'keepdim'],
);

/**
 * The integral along a dimension by the trapezoidal rule. `x`: the places of the values y, or their
 * distance (default 1).
 * @throws ArgumentError if shapes do not fit.
 * @example
 * trapezoid(tensor([1, 2, 3])); // 4
 */
export const trapezoid = operation(
  'trapezoid',
  1,
  (y: Tensor, x: Operand = 1, dim = -1): Tensor => {
    requireOperand(x);
    const d = requireDim(dim, y.ndim, 'trapezoid');
    const values = toFloat(y);
    const part = (range: SliceRange) => slice(values, [...Array<SliceRange>(d).fill(null), range]);
    const means = affine(part([1, null]).add(part([0, -1])), 0.5, 0);
    if (typeof x === 'number') return mul(sum(means, d), x);
    const widths = diff(toFloat(x), 1, x.ndim === 1 ? 0 : d);
    const along = y.shape.map((_, i) => (i === d ? widths.size : 1));
    return sum(mul(means, x.ndim === 1 ? reshape(widths, along) : widths), d);
  },
);
