import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { full, tensor } from '../create.ts';
import { requireFloat } from '../dtypes.ts';
import { operation } from '../operation.ts';
import { formatShape, normalizeDim, requireDim } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import {
  add,
  affine,
  clamp,
  div,
  eq,
  ge,
  le,
  maskedFill,
  maximum,
  minimum,
  mul,
  sub,
  toFloat,
  toInt,
  where,
} from './elementwise.ts';
import { indexSelect } from './embedding.ts';
import { isnan, logicalAnd } from './logical.ts';
import { matmul } from './matmul.ts';
import { logaddexp } from './numeric.ts';
import { diagonal } from './rearrange.ts';
import { amax, amin, mean } from './reduce.ts';
import { floor } from './rounding.ts';
import { scatterAdd } from './scatter.ts';
import { sort } from './sort.ts';
import { reshape, type SliceRange, select, slice, squeeze, transpose, unsqueeze } from './views.ts';

/** Statistics of samples, differences of neighbours, and extremes that leave NaN out. */

/** The smallest and the largest elements. */
export interface Extremes {
  min: Tensor;
  max: Tensor;
}
/**
 * The smallest and the largest element, of all or along a dimension.
 * @throws ArgumentError if `dim` is out of range, or there is no element.
 * @example
 * aminmax(tensor([3, 1, 2])).max; // 3
 */
export const aminmax = operation(
  'aminmax',
  1,
  (x: Tensor, { dim, keepdim }: { dim?: number; keepdim?: boolean } = {}): Extremes => ({
    min: amin(x, dim, keepdim),
    max: amax(x, dim, keepdim),
  }),
  ['dim', 'keepdim'],
);

/**
 * The covariance of variables: x [variables, samples] → [variables, variables]; a vector is one
 * variable, whose variance it is. The sum is divided by the samples less `correction` (default 1).
 * @throws ArgumentError if x has more than 2 dimensions.
 * @example
 * cov(tensor([[1, 2, 3], [3, 2, 1]])); // [[1, -1], [-1, 1]]
 */
export const cov = operation(
  'cov',
  1,
  (x: Tensor, { correction = 1 }: { correction?: number } = {}): Tensor => {
    if (x.ndim > 2)
      throw new ArgumentError(
        `cov: expected [variables, samples] or [samples], got ${formatShape(x.shape)}`,
      );
    const rows = x.ndim === 2 ? x : reshape(x, [1, x.size]);
    const centred = sub(rows, mean(rows, 1, true));
    const scale = 1 / Math.max(0, rows.shape[1] - correction);
    const product = mul(matmul(centred, transpose(centred, 0, 1)), scale);
    return x.ndim === 2 ? product : reshape(product, []);
  },
  ['correction'],
);
/**
 * The correlation coefficients of variables (Pearson): x [variables, samples] → [variables,
 * variables]; see `cov`.
 * @throws ArgumentError if x has more than 2 dimensions.
 * @example
 * corrcoef(tensor([[1, 2, 3], [3, 2, 1]])); // [[1, -1], [-1, 1]]
 */
export const corrcoef = operation('corrcoef', 1, (x: Tensor): Tensor => {
  const c = cov(x);
  if (c.ndim === 0) return div(c, c);
  const deviation = diagonal(c).sqrt();
  return clamp(div(div(c, unsqueeze(deviation, 1)), unsqueeze(deviation, 0)), -1, 1);
});

/**
 * Differences of neighbours along a dimension, n times over.
 * @throws ArgumentError if `dim` is out of range, or n is no whole number ≥ 0.
 * @example
 * diff(tensor([1, 4, 9])); // [3, 5]
 */
export const diff = operation('diff', 1, (x: Tensor, n = 1, dim = -1): Tensor => {
  const d = requireDim(dim, x.ndim, 'diff');
  if (!Number.isInteger(n) || n < 0)
    throw new ArgumentError(`diff: expected a whole number ≥ 0 of times, got ${n}`);
  let y = x;
  for (let time = 0; time < Math.min(n, x.shape[d]); time++) {
    const part = (range: SliceRange) => slice(y, [...Array<SliceRange>(d).fill(null), range]);
    y = sub(part([1, null]), part([0, -1]));
  }
  return y;
});

/** Options of `quantile`. */
export interface QuantileOptions {
  /** Between two elements: a share of both, one of them, or the middle. Default: linear. */
  interpolation?: 'linear' | 'lower' | 'higher' | 'nearest' | 'midpoint';
}
/**
 * Quantiles of all elements, or along a dimension: q from 0 to 1, or a list of these, which becomes
 * the first dimension. NaN if an element is NaN.
 * @throws ArgumentError unless x is float32 and has elements, and q is in range.
 * @example
 * quantile(tensor([0, 1, 2, 3]), 0.5); // 1.5
 */
export const quantile = operation(
  'quantile',
  1,
  (
    x: Tensor,
    q: number | readonly number[],
    dim?: number,
    keepdim = false,
    { interpolation = 'linear' }: QuantileOptions = {},
  ): Tensor => {
    requireFloat(x, 'quantile');
    if (dim === undefined || x.ndim === 0) {
      if (dim !== undefined) normalizeDim(dim, 0, 'quantile');
      const flat = quantile(reshape(x, [x.size]), q, 0, false, { interpolation });
      const kept = Array<number>(keepdim ? x.ndim : 0).fill(1);
      return reshape(flat, [...(typeof q === 'number' ? [] : [q.length]), ...kept]);
    }
    const d = requireDim(dim, x.ndim, 'quantile');
    const levels = typeof q === 'number' ? [q] : q;
    if (x.shape[d] === 0 || !levels.every((level) => level >= 0 && level <= 1))
      throw new ArgumentError(
        `quantile: expected elements, and numbers from 0 to 1, got ${formatShape(x.shape)} and ` +
          formatValue(q),
      );
    const picked = quantilesOf(x, levels, d, interpolation);
    if (typeof q === 'number') return keepdim ? picked : squeeze(picked, d);
    const first = transpose(unsqueeze(picked, 0), 0, d + 1);
    return keepdim ? first : squeeze(first, d + 1);
  },
  ['interpolation'],
);

/** x with the quantiles in place of dimension d. */
function quantilesOf(
  x: Tensor,
  levels: readonly number[],
  d: number,
  interpolation: NonNullable<QuantileOptions['interpolation']>,
): Tensor {
  const last = x.shape[d] - 1;
  const { device } = x;
  const ordered = sort(x, d).values;
  // In float32, as in PyTorch: 0.29 of 100 is 29 there, and a little less in float64.
  const ranks = levels.map((level) => Math.fround(Math.fround(level) * last));
  const at = (round: (rank: number) => number) =>
    indexSelect(ordered, d, tensor(Int32Array.from(ranks, round), { device }));
  const evenly = (rank: number) => {
    const near = Math.round(rank);
    return near - rank === 0.5 && near % 2 === 1 ? near - 1 : near;
  };
  const between = () => {
    const shares = ranks.map((rank) =>
      interpolation === 'midpoint' ? Math.ceil(rank % 1) / 2 : rank % 1,
    );
    const shape = x.shape.map((_, i) => (i === d ? levels.length : 1));
    const share = tensor(Float32Array.from(shares), { shape, device });
    const low = at(Math.floor);
    return add(low, mul(sub(at(Math.ceil), low), share));
  };
  const rounds = { lower: Math.floor, higher: Math.ceil, nearest: evenly };
  requireOneOf(interpolation, ['linear', 'midpoint', ...Object.keys(rounds)], '`interpolation`');
  const y = interpolation in rounds ? at(rounds[interpolation as 'lower']) : between();
  // Sorting puts NaN last.
  const greatest = unsqueeze(select(ordered.detach(), d, last), d);
  return maskedFill(y, isnan(greatest), Number.NaN);
}

/**
 * How many elements lie in each of some bins of equal width between `min` and `max` (float32), or
 * between the smallest and the largest element if these are equal. It has no gradient.
 * @throws ArgumentError unless `bins` is a whole number ≥ 1 and min ≤ max.
 * @example
 * histc(tensor([1, 2, 1]), 4, 0, 3); // [0, 2, 1, 0]
 */
export const histc = operation(
  'histc',
  1,
  (given: Tensor, bins = 100, min = 0, max = 0): Tensor => {
    if (!Number.isInteger(bins) || bins < 1 || !(min <= max))
      throw new ArgumentError(
        `histc: expected bins ≥ 1 and min ≤ max, got ${bins}, ${min} and ${max}`,
      );
    const x = toFloat(reshape(given.detach(), [given.size]));
    const { device } = x;
    const zeros = full([bins], 0, { device });
    if (x.size === 0) return zeros;
    const number = (value: number) => full([], value, { device });
    const [least, most] = min === max ? [amin(x), amax(x)] : [number(min), number(max)];
    // One value for all: bins around it.
    const isPoint = eq(least, most);
    const low = where(isPoint, affine(least, 1, -1), least);
    const high = where(isPoint, affine(most, 1, 1), most);
    const place = floor(mul(div(sub(x, low), sub(high, low)), bins));
    const isInside = toFloat(logicalAnd(ge(x, low), le(x, high)));
    return scatterAdd(
      zeros,
      0,
      toInt(clamp(maskedFill(place, eq(isInside, 0), 0), 0, bins - 1)),
      isInside,
    );
  },
);

/**
 * The larger of two elements; a NaN counts only where both are (PyTorch's `fmax`).
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * fmax(tensor([1, NaN]), tensor([0, 3])); // [1, 3]
 */
export const fmax = operation(
  'fmax',
  2,
  (a: Tensor, b: Tensor): Tensor =>
    where(isnan(a.detach()), b, where(isnan(b.detach()), a, maximum(a, b))),
);
/**
 * The smaller of two elements; a NaN counts only where both are (PyTorch's `fmin`).
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * fmin(tensor([1, NaN]), tensor([0, 3])); // [0, 3]
 */
export const fmin = operation(
  'fmin',
  2,
  (a: Tensor, b: Tensor): Tensor =>
    where(isnan(a.detach()), b, where(isnan(b.detach()), a, minimum(a, b))),
);
/**
 * Whether each element is infinity (bool).
 * @example
 * isposinf(tensor([1, Infinity, -Infinity])); // [0, 1, 0]
 */
export const isposinf = operation(
  'isposinf',
  1,
  (x: Tensor): Tensor => eq(toFloat(x.detach()), Number.POSITIVE_INFINITY),
);
/**
 * Whether each element is minus infinity (bool).
 * @example
 * isneginf(tensor([1, Infinity, -Infinity])); // [0, 0, 1]
 */
export const isneginf = operation(
  'isneginf',
  1,
  (x: Tensor): Tensor => eq(toFloat(x.detach()), Number.NEGATIVE_INFINITY),
);
/**
 * log2(2^a + 2^b), without an overflow. @throws ArgumentError if shapes do not broadcast.
 * @example
 * logaddexp2(tensor([0, 1]), tensor([0, 1])); // [1, 2]
 */
export const logaddexp2 = operation(
  'logaddexp2',
  2,
  (a: Tensor, b: Tensor): Tensor => mul(logaddexp(mul(a, Math.LN2), mul(b, Math.LN2)), Math.LOG2E),
);
