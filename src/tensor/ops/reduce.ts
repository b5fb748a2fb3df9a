import { FLOAT32_MAX } from '../../kernels/kit/float32.ts';
import { argmaxIntegers, argmax as argmaxKernel } from '../../kernels/reduction/argmax.ts';
import * as kernels from '../../kernels/reduction/reduce.ts';
import { maxIntegers, minIntegers, sumIntegers } from '../../kernels/reduction/reduceIntegers.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { record } from '../autograd.ts';
import { asDtype, requireFloat } from '../dtypes.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { reduceAxes, reduceIntegers, unsafeView } from '../reduceAxes.ts';
import { formatShape, normalizeDim, product } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import {
  add,
  affine,
  clamp,
  div,
  eq,
  exp,
  log,
  maskedFill,
  mul,
  sqrt,
  square,
  sub,
  toFloat,
} from './elementwise.ts';
import { contiguous, expand, reshape } from './views.ts';

/** Dimensions to reduce; all if it is undefined. */
export type Dims = number | readonly number[] | undefined;

/** The dimensions as sorted indices; all if `dim` is undefined. */
function normalizeDims(x: Tensor, dim: Dims, operation: string): number[] {
  if (dim === undefined) return x.shape.map((_, d) => d);
  const list = typeof dim === 'number' ? [dim] : dim;
  return [...new Set(list.map((d) => normalizeDim(d, x.ndim, operation)))]
    .filter((d) => d < x.ndim)
    .sort((a, b) => a - b);
}

const keepdimShape = (x: Tensor, axes: readonly number[]) =>
  x.shape.map((n, d) => (axes.includes(d) ? 1 : n));
const reducedShape = (x: Tensor, axes: readonly number[]) =>
  x.shape.filter((_, d) => !axes.includes(d));

/** A reduction's result with or without the reduced dimensions. */
const shaped = (y: Tensor, x: Tensor, axes: readonly number[], keepdim: boolean): Tensor =>
  unsafeView(y, keepdim ? keepdimShape(x, axes) : reducedShape(x, axes));

/**
 * Σ over dimensions; over all if `dim` is not given. Of int32 and bool it is an int32, which wraps
 * beyond 2^31.
 * @example
 * sum(tensor([[1, 2], [3, 4]]), 0); // [4, 6]
 */
export const sum = operation('sum', 1, (x: Tensor, dim?: Dims, keepdim = false): Tensor => {
  const axes = normalizeDims(x, dim, 'sum');
  if (x.dtype !== 'float32') return shaped(reduceIntegers(sumIntegers, x, axes), x, axes, keepdim);
  const shape = keepdim ? keepdimShape(x, axes) : reducedShape(x, axes);
  const y = axes.length > 0 ? unsafeView(reduceAxes(kernels.sum, x, axes), shape) : x.detach();
  return record('sum', y, [x], (dy) => [expand(reshape(dy, keepdimShape(x, axes)), x.shape)]);
});

/**
 * Mean over dimensions; over all if `dim` is not given.
 * @throws ArgumentError unless x is float32.
 * @example
 * mean(tensor([[1, 2], [3, 4]]), 0); // [2, 3]
 */
export const mean = operation('mean', 1, (x: Tensor, dim?: Dims, keepdim = false): Tensor => {
  requireFloat(x, 'mean');
  const count = product(normalizeDims(x, dim, 'mean').map((d) => x.shape[d]));
  return affine(sum(x, dim, keepdim), 1 / count, 0);
});

/** How a variance is taken: PyTorch's `correction` and `keepdim`. */
export interface VarianceOptions {
  /** Subtracted from the count, by which the sum of squares is divided. Default: 1. */
  correction?: number;
  keepdim?: boolean;
}

/**
 * Variance over dimensions. Σ (x - mean)² is divided by the count less `correction`: 1 by default,
 * as in PyTorch; `unbiased` false stands for 0. NaN if nothing is left to divide by.
 * @throws ArgumentError unless x is float32.
 * @example
 * variance(x, 1, { correction: 0, keepdim: true });
 */
export const variance = operation(
  'variance',
  1,
  (x: Tensor, dim?: Dims, unbiased: boolean | VarianceOptions = true, keepdim = false): Tensor => {
    requireFloat(x, 'var');
    const options =
      typeof unbiased === 'object' ? unbiased : { correction: Number(unbiased), keepdim };
    const { correction = 1 } = options;
    const count = product(normalizeDims(x, dim, 'var').map((d) => x.shape[d]));
    const centered = sub(x, mean(x, dim === undefined ? x.shape.map((_, d) => d) : dim, true));
    const squares = sum(square(centered), dim, options.keepdim);
    return affine(squares, 1 / Math.max(0, count - correction), 0);
  },
  ['correction', 'keepdim'],
);

/**
 * Largest value over dimensions, or NaN if any is NaN; equal maxima share the gradient, as in
 * PyTorch's `amax`.
 * @example
 * amax(tensor([[1, 2], [3, 4]]), 1); // [2, 4]
 */
export const amax = operation('amax', 1, (x: Tensor, dim?: Dims, keepdim = false): Tensor => {
  requireElements(x, normalizeDims(x, dim, 'amax'), 'amax');
  return largest(x, dim, keepdim);
});

/** `amax`, and -Infinity along a dimension of size 0. */
function largest(x: Tensor, dim: Dims, keepdim: boolean): Tensor {
  const axes = normalizeDims(x, dim, 'amax');
  if (x.dtype !== 'float32')
    return asDtype(shaped(reduceIntegers(maxIntegers, x, axes), x, axes, keepdim), x.dtype);
  const keepdims = keepdimShape(x, axes);
  const maxima = reduceAxes(kernels.max, x, axes);
  const y = unsafeView(maxima, keepdim ? keepdims : reducedShape(x, axes));
  return record('amax', y, [x], (dy) => {
    const ties = toFloat(eq(x, maxima));
    return [mul(ties, div(reshape(dy, keepdims), sum(ties, axes, true)))];
  });
}

/**
 * Smallest value over dimensions, as `amax`.
 * @example
 * amin(tensor([[1, 2], [3, 4]]), 1); // [1, 3]
 */
export const amin = operation('amin', 1, (x: Tensor, dim?: Dims, keepdim = false): Tensor => {
  const axes = normalizeDims(x, dim, 'amin');
  requireElements(x, axes, 'amin');
  if (x.dtype !== 'float32')
    return asDtype(shaped(reduceIntegers(minIntegers, x, axes), x, axes, keepdim), x.dtype);
  return affine(amax(affine(x, -1, 0), dim, keepdim), -1, 0);
});

/** @throws ArgumentError if there is no element to choose from along a dimension. */
function requireElements(x: Tensor, axes: readonly number[], operation: string): void {
  const empty = axes.find((d) => x.shape[d] === 0);
  if (empty !== undefined)
    throw new ArgumentError(
      `${operation}: expected elements along dimension ${empty}, got ${formatShape(x.shape)}`,
    );
}

function argMinMax(x: Tensor, dim: number | undefined, keepdim: boolean, sign: number): Tensor {
  const operation = sign > 0 ? 'argmax' : 'argmin';
  const dense = contiguous(x.detach());
  const d = dim === undefined ? 0 : normalizeDim(dim, x.ndim, operation);
  requireElements(x, normalizeDims(x, dim, operation), operation);
  const overAll = dim === undefined || x.ndim === 0;
  const shape = overAll ? [x.size] : x.shape;
  const params = {
    outer: product(shape.slice(0, d)),
    n: shape[d],
    inner: product(shape.slice(d + 1)),
    sign,
  };
  const kept = shape.map((n, i) => (i === d ? 1 : n));
  const y = empty(
    overAll ? [] : keepdim ? kept : kept.filter((_, i) => i !== d),
    'int32',
    x.device,
  );
  if (x.dtype === 'float32') launch(argmaxKernel, { x: dense, y }, params);
  else launch(argmaxIntegers, { x: dense, y }, params);
  return y;
}

/**
 * Index of the first largest element, or of the first NaN, along a dimension (int32); of all
 * elements if `dim` is not given.
 * @example
 * argmax(tensor([[1, 2], [4, 3]]), 1); // [1, 0]
 */
export const argmax = operation(
  'argmax',
  1,
  (x: Tensor, dim?: number, keepdim = false): Tensor => argMinMax(x, dim, keepdim, 1),
);
/**
 * Index of the first smallest element along a dimension (int32).
 * @example
 * argmin(tensor([[1, 2], [4, 3]]), 1); // [0, 1]
 */
export const argmin = operation(
  'argmin',
  1,
  (x: Tensor, dim?: number, keepdim = false): Tensor => argMinMax(x, dim, keepdim, -1),
);

/**
 * Euclidean norm over dimensions; if it is 0, so is its gradient. PyTorch's `norm` begins with an
 * order, which only `vectorNorm` has.
 * @throws ArgumentError unless x is float32 and `keepdim` a boolean.
 * @example
 * norm(tensor([3, 4])); // 5
 */
export const norm = operation('norm', 1, (x: Tensor, dim?: Dims, keepdim = false): Tensor => {
  requireFloat(x, 'norm');
  if (typeof keepdim !== 'boolean')
    throw new ArgumentError(
      `norm: \`keepdim\`: expected true or false, got ${formatValue(keepdim)}: ` +
        'norm takes dimensions, and no order, which `vectorNorm` takes',
    );
  const axes = normalizeDims(x, dim, 'norm');
  const keepdims = keepdimShape(x, axes);
  const lengths = sqrt(sum(square(x.detach()), axes, true));
  const y = unsafeView(lengths, keepdim ? keepdims : reducedShape(x, axes));
  return record('norm', y, [x], (dy) => {
    const length = reshape(y, keepdims);
    const share = div(reshape(dy, keepdims), length);
    return [mul(x, maskedFill(share, eq(length, 0), 0))];
  });
});

/**
 * log Σ exp over dimensions, shifted by the maximum so that nothing overflows.
 * @example
 * logsumexp(tensor([0, 0]), 0); // 0.6931
 */
export const logsumexp = operation(
  'logsumexp',
  1,
  (x: Tensor, dim: Dims, keepdim = false): Tensor => {
    // An infinite maximum is replaced by the largest number: infinity minus infinity is NaN.
    const maxima = clamp(largest(x.detach(), dim, true), -FLOAT32_MAX, FLOAT32_MAX);
    const shifted = log(sum(exp(sub(x, maxima)), dim, keepdim));
    return add(shifted, reshape(maxima, shifted.shape));
  },
);
