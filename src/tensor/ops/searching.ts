import {
  searchsorted as searchKernel,
  searchsortedIntegers,
} from '../../kernels/indexing/searchsorted.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { record } from '../autograd.ts';
import { full, tensor } from '../create.ts';
import { launch } from '../launch.ts';
import { operation, requireTensor, viewOperation } from '../operation.ts';
import { formatShape, product, requireDim } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import {
  clamp,
  div,
  eq,
  gt,
  maximum,
  minimum,
  mul,
  neg,
  toFloat,
  toInt,
  where,
} from './elementwise.ts';
import { gather } from './embedding.ts';
import { cumsum } from './scan.ts';
import { scatter, scatterAdd } from './scatter.ts';
import { sort } from './sort.ts';
import { contiguous, expand, reshape } from './views.ts';

/** Places in sorted rows, scattering with a reduction, and results whose size depends on data. */

/**
 * Where each value would stand in a sorted row (int32): the number of elements below it, or not
 * above it if `right`. sorted: [n], or [..., n] with the leading sizes of the values.
 * @throws ArgumentError if shapes do not fit.
 * @example
 * searchsorted(tensor([1, 3, 5]), tensor([3, 4])); // [1, 2]
 */
export const searchsorted = operation(
  'searchsorted',
  2,
  (sorted: Tensor, values: Tensor, right = false): Tensor => {
    const lead = formatShape(sorted.shape.slice(0, -1));
    const isShared = sorted.ndim === 1;
    if (sorted.ndim < 1 || (!isShared && lead !== formatShape(values.shape.slice(0, -1))))
      throw new ArgumentError(
        `searchsorted: expected [n], or the leading sizes of the values ` +
          `${formatShape(values.shape)}, got ${formatShape(sorted.shape)}`,
      );
    const n = sorted.shape[sorted.ndim - 1];
    const m = isShared ? values.size : values.shape[values.ndim - 1];
    const rows = isShared ? 1 : product(values.shape.slice(0, -1));
    const out = empty(values.shape, 'int32', values.device);
    const isWhole = sorted.dtype !== 'float32' && values.dtype !== 'float32';
    const [inOrder, sought] = [sorted.detach(), values.detach()].map((x) =>
      contiguous(isWhole ? x : toFloat(x)),
    );
    launch(
      isWhole ? searchsortedIntegers : searchKernel,
      { sorted: inOrder, values: sought, out },
      { rows, n, m, oneRow: Number(isShared), right: Number(right) },
    );
    return out;
  },
);
/**
 * The bucket of each value between sorted boundaries [n] (int32); see `searchsorted`.
 * @example
 * bucketize(tensor([0.5, 3.5]), tensor([1, 3, 5])); // [0, 2]
 */
export const bucketize = operation(
  'bucketize',
  2,
  (values: Tensor, boundaries: Tensor, right = false): Tensor => {
    if (boundaries.ndim !== 1)
      throw new ArgumentError(
        `bucketize: expected boundaries [n], got ${formatShape(boundaries.shape)}`,
      );
    return searchsorted(boundaries, values, right);
  },
);

/** How elements for the same place are combined. */
export type ScatterReduction = 'sum' | 'mean' | 'amax' | 'amin';

/**
 * x with all elements of the source that name a place combined there (PyTorch's `scatter_reduce`),
 * together with x's own unless `includeSelf` is false. Equal extremes share the gradient.
 * Shapes as in `scatterAdd`.
 * @throws ArgumentError if sizes or dtypes do not fit, or an index from the host is out of range.
 * @example
 * scatterReduce(zeros(2), 0, tensor(Int32Array.of(0, 0, 1)), tensor([1, 4, 2]), 'amax'); // [4, 2]
 */
export const scatterReduce = operation(
  'scatterReduce',
  1,
  (
    x: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    reduce: ScatterReduction,
    includeSelf = true,
  ): Tensor => {
    requireOneOf(reduce, ['sum', 'mean', 'amax', 'amin'], '`reduce`');
    requireTensor(index);
    requireTensor(source);
    const d = requireDim(dim, x.ndim, 'scatterReduce');
    const zeros = full(x.shape, 0, { device: x.device });
    const ones = full(index.shape, 1, { device: x.device });
    const hits = scatterAdd(zeros, d, index, ones);
    const isHit = gt(hits, 0);
    if (reduce === 'sum' || reduce === 'mean') {
      const base = includeSelf ? x : where(isHit, 0, x);
      const total = scatterAdd(base, d, index, source);
      if (reduce === 'sum') return total;
      return div(total, clamp(includeSelf ? hits.add(1) : hits, 1));
    }
    return scatterExtremes(x, d, index, source, reduce === 'amax', includeSelf ? undefined : isHit);
  },
);

/** `scatterReduce` by amax or amin. `isHit`: places that the source alone decides. */
function scatterExtremes(
  x: Tensor,
  d: number,
  index: Tensor,
  source: Tensor,
  isMax: boolean,
  isHit: Tensor | undefined,
): Tensor {
  const part = source.slice(index.shape.map((n) => [0, n]));
  // Of the elements for a place, the last one counts: the extreme one, once they are sorted.
  // NaN is extreme either way, and comes last among ascending ones.
  const negates = !isMax && part.dtype === 'float32';
  const { indices } = negates ? sort(neg(part.detach()), d) : sort(part.detach(), d, !isMax);
  const values = gather(part.detach(), d, indices);
  const ofSource = scatter(x.detach(), d, gather(index, d, indices), values);
  const y = isHit ? ofSource : (isMax ? maximum : minimum)(ofSource, x.detach());
  return record('scatterReduce', y, [x, part], (dy) => {
    const at = (t: Tensor) => gather(t, d, index);
    const isPart = toFloat(eq(part.detach(), at(y.detach())));
    const isOwn = isHit ? toFloat(eq(toFloat(isHit), 0)) : toFloat(eq(x.detach(), y.detach()));
    // Equal extremes share the gradient.
    const share = div(dy, scatterAdd(isOwn, d, index, isPart));
    return [mul(share, isOwn), mul(at(share), isPart)];
  });
}

/**
 * x with the elements where the mask is not 0 replaced by the source's, in order. The mask
 * broadcasts to x. Where the source has too few elements, the result is NaN.
 * @throws ArgumentError if the mask does not broadcast to x.
 * @example
 * maskedScatter(tensor([1, 2, 3]), tensor([1, 0, 1]), tensor([7, 9])); // [7, 2, 9]
 */
export const maskedScatter = operation(
  'maskedScatter',
  3,
  (x: Tensor, mask: Tensor, source: Tensor): Tensor => {
    const isTaken = expand(toFloat(eq(mask.detach(), 0)), x.shape).rsub(1);
    if (source.size === 0 || x.size === 0) return where(isTaken, Number.NaN, x);
    const order = cumsum(reshape(isTaken, [-1]), 0).add(-1);
    const places = toInt(maximum(order, 0));
    const taken = gather(reshape(source, [-1]), 0, places);
    return where(isTaken, reshape(taken, x.shape), x);
  },
);

/** What `unique` returns. */
export interface UniqueResult {
  /** The distinct elements, in order. */
  values: Tensor;
  /** For each element of x, its position among `values` (int32). */
  inverse: Tensor;
  /** How often each value occurs (int32). */
  counts: Tensor;
}

/**
 * The distinct elements in order, where each element of x is among them, and how often they occur.
 * Their number depends on data, so x is read back: await it, and call it outside captured steps.
 * It has no gradient.
 * @example
 * (await unique(tensor([3, 1, 3]))).values; // [1, 3]
 */
export const unique = viewOperation('unique', 1, async (x: Tensor): Promise<UniqueResult> => {
  const data = await x.data();
  const sorted = Float64Array.from(new Set(data)).sort();
  const places = new Map(Array.from(sorted, (value, i) => [value, i]));
  const inverse = Int32Array.from(data, (value) => places.get(value)!);
  const counts = new Int32Array(sorted.length);
  for (const place of inverse) counts[place]++;
  const { dtype, device, shape } = x;
  return {
    values: tensor(sorted, { dtype, device }),
    inverse: tensor(inverse, { shape, device }),
    counts: tensor(counts, { device }),
  };
});

/**
 * How often each whole number from 0 on occurs in a vector of ids (int32), or the sums of their
 * `weights` (float32); at least `minlength` numbers. The length depends on data: await it.
 * @throws ArgumentError unless ids are a vector of int32 ≥ 0.
 * @example
 * await bincount(tensor(Int32Array.of(0, 1, 1, 3))); // [1, 2, 0, 1]
 */
export const bincount = viewOperation(
  'bincount',
  1,
  async (ids: Tensor, weights?: Tensor | null, minlength = 0): Promise<Tensor> => {
    const [data, factors] = await Promise.all([ids.data(), weights?.data()]);
    if (ids.ndim !== 1 || ids.dtype !== 'int32' || data.some((id) => id < 0))
      throw new ArgumentError(
        `bincount: expected a vector of int32 ≥ 0, got ${ids.dtype} ${formatShape(ids.shape)}`,
      );
    let length = minlength;
    for (const id of data) length = Math.max(length, id + 1);
    const totals = factors ? new Float32Array(length) : new Int32Array(length);
    data.forEach((id, i) => {
      totals[id] += factors?.[i] ?? 1;
    });
    return tensor(totals, { device: ids.device });
  },
);
