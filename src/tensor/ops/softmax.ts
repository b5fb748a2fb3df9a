import * as kernels from '../../kernels/normalization/softmax.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { isGradEnabled, record } from '../autograd.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { formatShape, normalizeDim, product, type Shape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { affine, exp, mul, sub } from './elementwise.ts';
import { sum } from './reduce.ts';
import { contiguous, transpose } from './views.ts';

/** x as rows of its last dimension. */
function rowsAndCols(shape: Shape): { rows: number; cols: number } {
  const cols = shape.at(-1) ?? 1;
  return { rows: product(shape) / Math.max(1, cols), cols };
}

/**
 * exp(x) / Σ exp(x) along a dimension. Dimensions other than the last are transposed there and
 * back.
 * @example
 * softmax(tensor([0, 0, 0, 0])); // [0.25, 0.25, 0.25, 0.25]
 */
export const softmax = operation('softmax', 1, (x: Tensor, dim = -1): Tensor => {
  const d = normalizeDim(dim, x.ndim, 'softmax');
  if (d < x.ndim - 1) return transpose(softmax(transpose(x, d, -1)), d, -1);
  const source = contiguous(x);
  const y = empty(x.shape, 'float32', x.device);
  launch(kernels.softmax, { x: source, y }, rowsAndCols(x.shape));
  return record('softmax', y, [source], (dy) => [softmaxGradient(dy, y, 1)]);
});

function softmaxGradient(dy: Tensor, y: Tensor, scale: number): Tensor {
  if (isGradEnabled()) return affine(mul(y, sub(dy, sum(mul(dy, y), -1, true))), scale, 0);
  const dx = empty(y.shape, 'float32', y.device);
  launch(
    kernels.softmaxBackward,
    { dy: contiguous(dy), y, dx },
    { ...rowsAndCols(y.shape), scale },
  );
  return dx;
}

/**
 * softmax(scale x + mask) along the last dimension, in one launch. x: [batch, heads, length, keys],
 * mask: [batch or 1, 1, 1, keys], which gets no gradient. With `isCausal`, row r covers keys 0 to r
 * and is 0 in the others.
 * @throws ArgumentError if the mask does not fit.
 * @example
 * maskedSoftmax(randn(2, 4, 8, 8), ones(2, 1, 1, 8), 0.25).shape; // [2, 4, 8, 8]
 */
export const maskedSoftmax = operation(
  'maskedSoftmax',
  2,
  (x: Tensor, mask: Tensor, scale: number, isCausal = false): Tensor => {
    const [batch, heads, length, keys] = x.shape;
    const maskBatch = mask.shape[0];
    if (
      x.ndim !== 4 ||
      formatShape(mask.shape) !== formatShape([maskBatch, 1, 1, keys]) ||
      (maskBatch !== 1 && maskBatch !== batch)
    ) {
      throw new ArgumentError(
        `maskedSoftmax: expected a mask of shape [batch or 1, 1, 1, keys] for ` +
          `${formatShape(x.shape)}, got ${formatShape(mask.shape)}`,
      );
    }
    const source = contiguous(x);
    const y = empty(x.shape, 'float32', x.device);
    const maskParams = {
      rowsPerMask: (batch / maskBatch) * heads * length,
      causalRows: isCausal ? length : 0,
    };
    launch(
      kernels.maskedSoftmax,
      { x: source, mask: contiguous(mask), y },
      { ...rowsAndCols(x.shape), scale, ...maskParams },
    );
    return record('maskedSoftmax', y, [source], (dy) => [softmaxGradient(dy, y, scale)]);
  },
);

/**
 * log(softmax(x)), computed without taking the softmax first.
 * @example
 * logSoftmax(tensor([0, 0])); // [-0.6931, -0.6931]
 */
export const logSoftmax = operation('logSoftmax', 1, (x: Tensor, dim = -1): Tensor => {
  const d = normalizeDim(dim, x.ndim, 'logSoftmax');
  if (d < x.ndim - 1) return transpose(logSoftmax(transpose(x, d, -1)), d, -1);
  const source = contiguous(x);
  const y = empty(x.shape, 'float32', x.device);
  launch(kernels.logSoftmax, { x: source, y }, rowsAndCols(x.shape));
  return record('logSoftmax', y, [source], (dy) => {
    if (isGradEnabled()) return [sub(dy, mul(exp(y), sum(dy, -1, true)))];
    const dx = empty(x.shape, 'float32', x.device);
    launch(kernels.logSoftmaxBackward, { dy: contiguous(dy), y, dx }, rowsAndCols(x.shape));
    return [dx];
  });
});
