import { cumsum as cumsumKernel } from '../../kernels/reduction/cumsum.ts';
import * as kernels from '../../kernels/reduction/scan.ts';
import { record } from '../autograd.ts';
import { asDtype, requireFloat } from '../dtypes.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { normalizeDim, product } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { gather } from './embedding.ts';
import type { ValuesAndIndices } from './sort.ts';
import { contiguous, reshape } from './views.ts';

/** x as [outer, n, inner] around a dimension. */
function sizesOf(x: Tensor, dim: number, operation: string) {
  const d = normalizeDim(dim, x.ndim, operation);
  const [outer, inner] = [x.shape.slice(0, d), x.shape.slice(d + 1)].map(product);
  return { outer, n: x.shape[d] ?? 1, inner };
}

const like = (x: Tensor) => empty(x.shape, 'float32', x.device);

/** Runs a kernel of integers; of bool as int32. */
function ofIntegers(
  kernel: typeof kernels.cumsumIntegers,
  x: Tensor,
  sizes: ReturnType<typeof sizesOf>,
): Tensor {
  const y = empty(x.shape, 'int32', x.device);
  launch(kernel, { x: contiguous(x.detach()), y }, sizes);
  return y;
}

/**
 * Running sum along a dimension, of the same shape as x: y[i] = x[0] + … + x[i]. Of int32 and bool
 * it is int32, which wraps.
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * await cumsum(tensor([1, 2, 3])).tolist(); // [1, 3, 6]
 */
export const cumsum = operation('cumsum', 1, (x: Tensor, dim = -1): Tensor => {
  const sizes = sizesOf(x, dim, 'cumsum');
  if (x.dtype !== 'float32') return ofIntegers(kernels.cumsumIntegers, x, sizes);
  const run = (source: Tensor, reverse: number): Tensor => {
    const y = like(x);
    launch(cumsumKernel, { x: contiguous(source.detach()), y }, { ...sizes, reverse });
    return record('cumsum', y, [source], (dy) => [run(dy, 1 - reverse)]);
  };
  return run(x, 0);
});

/**
 * Running product along a dimension: y[i] = x[0] · … · x[i]; see `cumsum`. Its gradient is exact
 * where elements are 0, and costs the square of the dimension's size.
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * cumprod(tensor([1, 2, 3])); // [1, 2, 6]
 */
export const cumprod = operation('cumprod', 1, (x: Tensor, dim = -1): Tensor => {
  const sizes = sizesOf(x, dim, 'cumprod');
  if (x.dtype !== 'float32') return ofIntegers(kernels.cumprodIntegers, x, sizes);
  const source = contiguous(x);
  const y = like(x);
  launch(kernels.cumprod, { x: source, y }, sizes);
  return record('cumprod', y, [source], (dy) => {
    const dx = like(x);
    launch(kernels.cumprodBackward, { x: source, dy: contiguous(dy), dx }, sizes);
    return [dx];
  });
});

/**
 * Running log Σ exp along a dimension: y[i] = log(exp(x[0]) + … + exp(x[i])), without overflow. Its
 * gradient costs the square of the dimension's size.
 * @throws ArgumentError if `dim` is out of range, or unless x is float32.
 * @example
 * logcumsumexp(tensor([0, 0])); // [0, 0.6931]
 */
export const logcumsumexp = operation('logcumsumexp', 1, (x: Tensor, dim = -1): Tensor => {
  requireFloat(x, 'logcumsumexp');
  const sizes = sizesOf(x, dim, 'logcumsumexp');
  const source = contiguous(x);
  const y = like(x);
  launch(kernels.logcumsumexp, { x: source, y }, sizes);
  return record('logcumsumexp', y, [source], (dy) => {
    const dx = like(x);
    launch(kernels.logcumsumexpBackward, { x: source, y, dy: contiguous(dy), dx }, sizes);
    return [dx];
  });
});

function running(
  operation: 'cummax' | 'cummin',
  x: Tensor,
  dim: number,
  largest: number,
): ValuesAndIndices {
  const params = { ...sizesOf(x, dim, operation), largest };
  const indices = empty(x.shape, 'int32', x.device);
  const source = contiguous(x.detach());
  if (x.dtype === 'float32') launch(kernels.runningIndex, { x: source, index: indices }, params);
  else
    launch(kernels.runningIndexIntegers, { x: asDtype(source, 'int32'), index: indices }, params);
  if (x.ndim > 0) return { values: gather(x, dim, indices), indices };
  return { values: reshape(gather(reshape(x, [1]), 0, reshape(indices, [1])), []), indices };
}

/**
 * Largest element so far along a dimension, and where it is (int32): of equal ones the last. From a
 * NaN on the values are NaN. The gradient goes to the elements named by the indices.
 * @throws ArgumentError if `dim` is out of range.
 * @example
 * const { values, indices } = cummax(tensor([1, 3, 2, 3])); // [1, 3, 3, 3], [0, 1, 1, 3]
 */
export const cummax = operation(
  'cummax',
  1,
  (x: Tensor, dim = -1): ValuesAndIndices => running('cummax', x, dim, 1),
);
/**
 * Smallest element so far along a dimension, and where it is; see `cummax`.
 * @example
 * cummin(tensor([3, 1, 2])).values; // [3, 1, 1]
 */
export const cummin = operation(
  'cummin',
  1,
  (x: Tensor, dim = -1): ValuesAndIndices => running('cummin', x, dim, 0),
);
