import { ArgumentError } from '../../platform/errors.ts';
import { full } from '../create.ts';
import { operation, requireTensorIfGiven } from '../operation.ts';
import {
  broadcastShapes,
  formatShape,
  normalizeDim,
  product,
  requireDim,
  requireWhole,
} from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { bmm } from './einsum.ts';
import { add, affine, clamp, div, maskedFill, mul, sub } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { diagonal, roll } from './rearrange.ts';
import { sum } from './reduce.ts';
import { vectorNorm } from './statistics.ts';
import { expand, permute, reshape, transpose, unsqueeze } from './views.ts';

/** Products and sums of products, composed of others. */

/** @throws ArgumentError unless the numbers of dimensions are these. */
function requireRanks(name: string, tensors: readonly Tensor[], ranks: readonly number[]): void {
  if (tensors.some(({ ndim }, i) => ndim !== ranks[i]))
    throw new ArgumentError(
      `${name}: expected ${ranks.join(' and ')} dimensions, ` +
        `got ${tensors.map(({ shape }) => formatShape(shape)).join(' and ')}`,
    );
}

/**
 * The product of two matrices. @throws ArgumentError unless the shapes are [m, k] and [k, n].
 * @example mm(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export const mm = operation('mm', 2, (a: Tensor, b: Tensor): Tensor => {
  requireRanks('mm', [a, b], [2, 2]);
  return matmul(a, b);
});
/**
 * A matrix times a vector. @throws ArgumentError unless the shapes are [m, k] and [k].
 * @example mv(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export const mv = operation('mv', 2, (a: Tensor, b: Tensor): Tensor => {
  requireRanks('mv', [a, b], [2, 1]);
  return matmul(a, b);
});
/**
 * Σ a b of two vectors of one size. @throws ArgumentError for other shapes.
 * @example dot(tensor([1, 2]), tensor([3, 4])); // 11
 */
export const dot = operation('dot', 2, (a: Tensor, b: Tensor): Tensor => {
  requireRanks('dot', [a, b], [1, 1]);
  if (a.size !== b.size)
    throw new ArgumentError(`dot: expected vectors of one size, got ${a.size} and ${b.size}`);
  return sum(mul(a, b));
});

/**
 * beta x + alpha product; the product's own shape stands for x's where it broadcasts. With a beta
 * of 0, x does not count, even where it is NaN or infinite.
 */
function combine(x: Tensor, y: Tensor, beta: number, alpha: number): Tensor {
  const own = expand(x, y.shape);
  const everywhere = { dtype: 'bool', device: x.device } as const;
  const scaled = beta === 0 ? maskedFill(own, full([], 1, everywhere), 0) : mul(own, beta);
  return add(scaled, mul(y, alpha));
}

/**
 * beta x + alpha a b of matrices; x broadcasts. @throws ArgumentError if shapes do not fit.
 * @example addmm(tensor([1, 1]), tensor([[1, 2]]), tensor([[1, 0], [0, 1]])); // [[2, 3]]
 */
export const addmm = operation(
  'addmm',
  3,
  (x: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1): Tensor =>
    combine(x, mm(a, b), beta, alpha),
);
/**
 * beta x + alpha a b of a matrix and a vector. @throws ArgumentError if shapes do not fit.
 * @example addmv(tensor([1, 1]), tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [4, 8]
 */
export const addmv = operation(
  'addmv',
  3,
  (x: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1): Tensor =>
    combine(x, mv(a, b), beta, alpha),
);
/**
 * beta x + alpha a b of batches of matrices. @throws ArgumentError if shapes do not fit.
 * @example baddbmm(zeros(8, 2, 4), randn(8, 2, 3), randn(8, 3, 4)).shape; // [8, 2, 4]
 */
export const baddbmm = operation(
  'baddbmm',
  3,
  (x: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1): Tensor =>
    combine(x, bmm(a, b), beta, alpha),
);

/**
 * Sums of products over dimensions of both: the last `dims` of a and the first of b, or the ones
 * listed for each.
 * @throws ArgumentError if the sizes of these dimensions differ.
 * @example
 * tensordot(a, b, [[0], [1]]); // Σ over a's dimension 0 and b's 1
 */
export const tensordot = operation(
  'tensordot',
  2,
  (a: Tensor, b: Tensor, dims: number | readonly [readonly number[], readonly number[]] = 2) => {
    const count = (n: number, first: number) => Array.from({ length: n }, (_, i) => first + i);
    if (typeof dims === 'number') requireWhole([dims], 'tensordot', 'dims');
    const [ofA, ofB] =
      typeof dims === 'number' ? [count(dims, a.ndim - dims), count(dims, 0)] : dims;
    const [left, right] = [
      ofA.map((d) => requireDim(d, a.ndim, 'tensordot')),
      ofB.map((d) => requireDim(d, b.ndim, 'tensordot')),
    ];
    const fits =
      left.length === right.length && left.every((d, i) => a.shape[d] === b.shape[right[i]]);
    if (!fits)
      throw new ArgumentError(
        `tensordot: expected dimensions of equal sizes, got ${formatShape(left)} of ` +
          `${formatShape(a.shape)} and ${formatShape(right)} of ${formatShape(b.shape)}`,
      );
    const rest = (x: Tensor, taken: readonly number[]) =>
      x.shape.map((_, d) => d).filter((d) => !taken.includes(d));
    const [outerA, outerB] = [rest(a, left), rest(b, right)];
    const sizes = (x: Tensor, of: readonly number[]) => of.map((d) => x.shape[d]);
    const inner = product(sizes(a, left));
    const rows = reshape(permute(a, [...outerA, ...left]), [product(sizes(a, outerA)), inner]);
    const cols = reshape(permute(b, [...right, ...outerB]), [inner, product(sizes(b, outerB))]);
    return reshape(matmul(rows, cols), [...sizes(a, outerA), ...sizes(b, outerB)]);
  },
);

/**
 * The Kronecker product: blocks of b, times each element of a.
 * @example kron(tensor([[1, 2]]), tensor([[1, 1]])); // [[1, 1, 2, 2]]
 */
export const kron = operation('kron', 2, (a: Tensor, b: Tensor): Tensor => {
  const rank = Math.max(a.ndim, b.ndim);
  const [x, y] = [a, b].map((t) => [...Array<number>(rank - t.ndim).fill(1), ...t.shape]);
  const spread = mul(
    reshape(
      a,
      x.flatMap((n) => [n, 1]),
    ),
    reshape(
      b,
      y.flatMap((n) => [1, n]),
    ),
  );
  return reshape(
    spread,
    x.map((n, d) => n * y[d]),
  );
});

/**
 * The cross product of vectors of size 3 along a dimension; other sizes broadcast.
 * @throws ArgumentError if the size is not 3 or the shapes do not fit.
 * @example cross(tensor([1, 0, 0]), tensor([0, 1, 0])); // [0, 0, 1]
 */
export const cross = operation('cross', 2, (a: Tensor, b: Tensor, dim = -1): Tensor => {
  const shape = broadcastShapes(a.shape, b.shape, 'cross');
  const d = requireDim(dim, shape.length, 'cross');
  if (a.ndim !== b.ndim || a.shape[d] !== 3 || b.shape[d] !== 3)
    throw new ArgumentError(
      `cross: expected size 3 in dimension ${dim}, got ${formatShape(a.shape)} and ` +
        formatShape(b.shape),
    );
  const next = (x: Tensor, by: number) => roll(x, -by, d);
  return sub(mul(next(a, 1), next(b, 2)), mul(next(a, 2), next(b, 1)));
});

/**
 * Σ of the diagonal of a matrix. @throws ArgumentError unless x has two dimensions.
 * @example trace(tensor([[1, 2], [3, 4]])); // 5
 */
export const trace = operation('trace', 1, (x: Tensor): Tensor => {
  requireRanks('trace', [x], [2]);
  return sum(diagonal(x));
});

/**
 * The distance of vectors along the last dimension: (Σ |x1 - x2 + eps|^p)^(1/p).
 * @throws ArgumentError if shapes do not broadcast.
 * @example pairwiseDistance(tensor([[0, 0]]), tensor([[3, 4]])); // [5]
 */
export const pairwiseDistance = operation(
  'pairwiseDistance',
  2,
  (x1: Tensor, x2: Tensor, p = 2, eps = 1e-6, keepdim = false): Tensor =>
    vectorNorm(add(sub(x1, x2), eps), p, -1, keepdim),
);

/**
 * The distances of all pairs of rows: [..., n, size] and [..., m, size] → [..., n, m].
 * @param p order of the norm: Σ |d|^p, to the power 1/p; Infinity gives the largest |d|
 * @throws ArgumentError if shapes do not fit, or p is negative.
 * @example cdist(tensor([[0, 0]]), tensor([[3, 4], [0, 1]])); // [[5, 1]]
 */
export const cdist = operation('cdist', 2, (x1: Tensor, x2: Tensor, p = 2): Tensor => {
  if (x1.ndim < 2 || x2.ndim < 2 || x1.shape.at(-1) !== x2.shape.at(-1) || !(p >= 0))
    throw new ArgumentError(
      `cdist: expected [..., n, size] and [..., m, size] and p ≥ 0, ` +
        `got ${formatShape(x1.shape)}, ${formatShape(x2.shape)} and ${p}`,
    );
  return vectorNorm(sub(unsqueeze(x1, -2), unsqueeze(x2, -3)), p, -1);
});

/**
 * Σ over the last dimension of both: [..., k] and [..., k] → the other sizes of a, then of b.
 * @example inner(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export const inner = operation('inner', 2, (a: Tensor, b: Tensor): Tensor => {
  if (a.ndim === 0 || b.ndim === 0) return mul(a, b);
  return tensordot(a, b, [[-1], [-1]]);
});

/**
 * x1ᵀ W x2 + bias for each output (PyTorch's `bilinear`). x1: [..., in1], x2: [..., in2], weight:
 * [out, in1, in2], bias: [out] → [..., out].
 * @throws ArgumentError if shapes do not fit.
 * @example bilinear(randn(8, 2), randn(8, 3), randn(4, 2, 3)).shape; // [8, 4]
 */
export const bilinear = operation(
  'bilinear',
  3,
  (x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor => {
    const [out, in1, in2] = weight.shape;
    const lead = x1.shape.slice(0, -1);
    const fits =
      weight.ndim === 3 &&
      x1.shape.at(-1) === in1 &&
      x2.shape.at(-1) === in2 &&
      formatShape(lead) === formatShape(x2.shape.slice(0, -1));
    if (!fits)
      throw new ArgumentError(
        `bilinear: expected [..., in1], [..., in2] and [out, in1, in2], got ` +
          [x1, x2, weight].map(({ shape }) => formatShape(shape)).join(', '),
      );
    requireTensorIfGiven(bias);
    const count = product(lead);
    const rows = reshape(x1, [count, in1]);
    const products = matmul(rows, reshape(transpose(weight, 0, 1), [in1, out * in2]));
    const y = sum(mul(reshape(products, [count, out, in2]), reshape(x2, [count, 1, in2])), -1);
    return reshape(bias ? add(y, bias) : y, [...lead, out]);
  },
);

/**
 * x with its slices along a dimension scaled so that their norm is at most `maxnorm`.
 * @throws ArgumentError if `dim` is out of range.
 * @example renorm(tensor([[3, 4], [0.5, 0]]), 2, 0, 1); // [[0.6, 0.8], [0.5, 0]]
 */
export const renorm = operation(
  'renorm',
  1,
  (x: Tensor, p: number, dim: number, maxnorm: number): Tensor => {
    const d = normalizeDim(dim, x.ndim, 'renorm');
    const others = x.shape.map((_, i) => i).filter((i) => i !== d);
    const size = vectorNorm(x, p, others, true);
    return mul(x, clamp(div(affine(size, 0, maxnorm), affine(size, 1, 1e-7)), 0, 1));
  },
);
