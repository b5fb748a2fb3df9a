import { prodBackward, prod as prodKernel } from '../../kernels/reduction/prod.ts';
import { prodIntegers } from '../../kernels/reduction/reduceIntegers.ts';
import { record } from '../autograd.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { reduceIntegers, unsafeView } from '../reduceAxes.ts';
import { normalizeDim, product } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import {
  abs,
  affine,
  clamp,
  div,
  eq,
  maskedFill,
  mul,
  ne,
  reciprocal,
  sqrt,
  toFloat,
} from './elementwise.ts';
import { pow } from './power.ts';
import { amax, amin, type Dims, norm, sum, type VarianceOptions, variance } from './reduce.ts';
import { sign } from './rounding.ts';
import { contiguous, reshape } from './views.ts';

/**
 * The product along a dimension, or of all elements. Its gradient is exact where elements are 0.
 * Of int32 and bool it is an int32, which wraps.
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * prod(tensor([2, 3, 4])); // 24
 */
export const prod = operation('prod', 1, (x: Tensor, dim?: number, keepdim = false): Tensor => {
  if (dim === undefined) return prod(reshape(x, [x.size]), 0);
  const d = normalizeDim(dim, x.ndim, 'prod');
  const shape = x.shape.flatMap((n, i) => (i !== d ? [n] : keepdim ? [1] : []));
  if (x.dtype !== 'float32')
    return unsafeView(reduceIntegers(prodIntegers, x, x.ndim === 0 ? [] : [d]), shape);
  const source = contiguous(x);
  const [outer, inner] = [product(x.shape.slice(0, d)), product(x.shape.slice(d + 1))];
  const params = { outer, n: x.shape[d] ?? 1, inner };
  const y = empty(shape, 'float32', x.device);
  launch(prodKernel, { x: source, y }, params);
  return record('prod', y, [source], (dy) => {
    const dx = empty(x.shape, 'float32', x.device);
    launch(prodBackward, { x: source, dy: contiguous(dy), dx }, params);
    return [dx];
  });
});

/**
 * Standard deviation over dimensions; as `variance`. Where it is 0, so is its gradient, as in
 * PyTorch.
 * @throws ArgumentError if a dimension is out of range.
 * @example
 * std(tensor([1, 2, 3])); // 1
 */
export const std = operation(
  'std',
  1,
  (x: Tensor, dim?: Dims, unbiased: boolean | VarianceOptions = true, keepdim = false): Tensor => {
    const squared = variance(x, dim, unbiased, keepdim);
    const y = sqrt(squared.detach());
    return record('std', y, [squared], (dy) => [
      mul(dy, maskedFill(affine(reciprocal(y), 0.5, 0), eq(y, 0), 0)),
    ]);
  },
  ['correction', 'keepdim'],
);

/**
 * The norm of vectors over dimensions (PyTorch's `linalg.vector_norm`): (Σ |x|^ord)^(1/ord), the
 * largest or smallest |x| for an order of ±infinity, the number of elements that are not 0 for 0.
 * Where it is 0, so is its gradient.
 * @throws ArgumentError if a dimension is out of range.
 * @example
 * vectorNorm(tensor([3, -4]), 1); // 7
 */
export const vectorNorm = operation(
  'vectorNorm',
  1,
  (x: Tensor, ord = 2, dim?: Dims, keepdim = false): Tensor => {
    if (ord === 2) return norm(x, dim, keepdim);
    if (ord === Number.POSITIVE_INFINITY) return amax(abs(x), dim, keepdim);
    if (ord === Number.NEGATIVE_INFINITY) return amin(abs(x), dim, keepdim);
    if (ord === 0) return sum(toFloat(ne(x.detach(), 0)), dim, keepdim);
    if (ord === 1) return sum(abs(x), dim, keepdim);
    const size = abs(x.detach());
    const kept = pow(sum(pow(size, ord), dim, true), 1 / ord);
    const y = keepdim ? kept : reshape(kept, sum(size, dim).shape);
    return record('vectorNorm', y, [x], (dy) => {
      // sign(x) (|x| / norm)^(ord - 1), and 0 for elements of 0.
      const share = mul(sign(x), pow(div(abs(x), reshape(y, kept.shape)), ord - 1));
      return [mul(reshape(dy, kept.shape), maskedFill(share, eq(size, 0), 0))];
    });
  },
);

/**
 * x divided by its norm along a dimension, which counts as `eps` at least (PyTorch's
 * `functional.normalize`).
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * const unit = normalize(embeddings); // rows of length 1
 */
export const normalize = operation(
  'normalize',
  1,
  (x: Tensor, p = 2, dim: number = 1, eps = 1e-12): Tensor => {
    return div(x, clamp(vectorNorm(x, p, dim, true), eps));
  },
);

/**
 * The cosine of the angle between vectors along a dimension; other sizes broadcast. Each norm
 * counts as `eps` at least. [rows, size] and [rows, size] → [rows].
 * @throws ArgumentError if shapes do not broadcast or `dim` is out of range.
 * @example
 * cosineSimilarity(tensor([[3, 4]]), tensor([[4, 3]])); // [0.96]
 */
export const cosineSimilarity = operation(
  'cosineSimilarity',
  2,
  (x1: Tensor, x2: Tensor, dim = 1, eps = 1e-8): Tensor => {
    // Both get the same number of dimensions, of which `dim` is one.
    const rank = Math.max(x1.ndim, x2.ndim);
    const d = normalizeDim(dim, rank, 'cosineSimilarity');
    const [a, b] = [x1, x2].map((x) => {
      const full = reshape(x, [...Array<number>(rank - x.ndim).fill(1), ...x.shape]);
      return normalize(full, 2, d, eps);
    });
    return sum(mul(a, b), d);
  },
);
