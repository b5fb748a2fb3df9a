import * as kernels from '../../kernels/reduction/reduce.ts';
import { record } from '../autograd.ts';
import { run } from '../launch.ts';
import { reduceAxes, withShape } from '../reduceAxes.ts';
import { normalizeDim, product } from '../shape.ts';
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

type Dims = number | readonly number[] | undefined;
/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/** The dimensions as sorted indices; none given means all. */
function reducedDims(x: Tensor, dim: Dims, operation: string): number[] {
  if (dim === undefined) return x.shape.map((_, d) => d);
  const list = typeof dim === 'number' ? [dim] : dim;
  return [...new Set(list.map((d) => normalizeDim(d, x.ndim, operation)))]
    .filter((d) => d < x.ndim)
    .sort((a, b) => a - b);
}

const keptShape = (x: Tensor, axes: readonly number[]) =>
  x.shape.map((n, d) => (axes.includes(d) ? 1 : n));
const droppedShape = (x: Tensor, axes: readonly number[]) =>
  x.shape.filter((_, d) => !axes.includes(d));

/** Σ over dimensions; all of them when none are given. */
export function sum(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const axes = reducedDims(x, dim, 'sum');
  const shape = keepdim ? keptShape(x, axes) : droppedShape(x, axes);
  const y = axes.length > 0 ? withShape(reduceAxes(kernels.sum, x, axes), shape) : x.detach();
  return record('sum', y, [x], (dy) => [expand(reshape(dy, keptShape(x, axes)), x.shape)]);
}

/** Mean over dimensions; all of them when none are given. */
export function mean(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const count = product(reducedDims(x, dim, 'mean').map((d) => x.shape[d]));
  return affine(sum(x, dim, keepdim), 1 / count, 0);
}

/** Variance over dimensions; `unbiased` divides by one less than the count, as PyTorch does by default. */
export function variance(x: Tensor, dim?: Dims, unbiased = true, keepdim = false): Tensor {
  const count = product(reducedDims(x, dim, 'var').map((d) => x.shape[d]));
  const centered = sub(x, mean(x, dim === undefined ? x.shape.map((_, d) => d) : dim, true));
  return affine(sum(square(centered), dim, keepdim), 1 / (unbiased ? count - 1 : count), 0);
}

/** Greatest value over dimensions, NaN where there is one; equal greatest ones share the gradient, as PyTorch's `amax`. */
export function amax(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const axes = reducedDims(x, dim, 'amax');
  const kept = keptShape(x, axes);
  const high = reduceAxes(kernels.max, x, axes);
  const y = withShape(high, keepdim ? kept : droppedShape(x, axes));
  return record('amax', y, [x], (dy) => {
    const ties = toFloat(eq(x, high));
    return [mul(ties, div(reshape(dy, kept), sum(ties, axes, true)))];
  });
}

/** Least value over dimensions. */
export function amin(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  return affine(amax(affine(x, -1, 0), dim, keepdim), -1, 0);
}

function argExtreme(x: Tensor, dim: number | undefined, keepdim: boolean, sign: number): Tensor {
  const whole = contiguous(x.detach());
  const d = dim === undefined ? 0 : normalizeDim(dim, x.ndim, 'argmax');
  const ofAll = dim === undefined || x.ndim === 0;
  const shape = ofAll ? [x.size] : x.shape;
  const params = {
    outer: product(shape.slice(0, d)),
    n: shape[d],
    inner: product(shape.slice(d + 1)),
    sign,
  };
  const kept = shape.map((n, i) => (i === d ? 1 : n));
  const y = empty(ofAll ? [] : keepdim ? kept : kept.filter((_, i) => i !== d), 'int32', x.device);
  run(kernels.argmax, { x: whole, y }, params);
  return y;
}

/** Place of the first greatest element, or of the first NaN, along a dimension (int32); of all elements when none is given. */
export const argmax = (x: Tensor, dim?: number, keepdim = false): Tensor =>
  argExtreme(x, dim, keepdim, 1);
/** Place of the first least element along a dimension (int32). */
export const argmin = (x: Tensor, dim?: number, keepdim = false): Tensor =>
  argExtreme(x, dim, keepdim, -1);

/** Euclidean norm over dimensions; where it is 0, so is its gradient. */
export function norm(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const axes = reducedDims(x, dim, 'norm');
  const kept = keptShape(x, axes);
  const length = sqrt(sum(square(x.detach()), axes, true));
  const y = withShape(length, keepdim ? kept : droppedShape(x, axes));
  return record('norm', y, [x], (dy) => {
    const share = div(reshape(dy, kept), length);
    return [mul(x, maskedFill(share, eq(length, 0), 0))];
  });
}

/** log Σ exp over dimensions, shifted by the maximum so that nothing overflows. */
export function logsumexp(x: Tensor, dim: Dims, keepdim = false): Tensor {
  // Infinite ones shift by the largest number instead: their distance from themselves is not a number.
  const high = clamp(amax(x.detach(), dim, true), -LARGEST, LARGEST);
  const shifted = log(sum(exp(sub(x, high)), dim, keepdim));
  return add(shifted, reshape(high, shifted.shape));
}
