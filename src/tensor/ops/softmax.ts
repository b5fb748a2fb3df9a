import * as kernels from '../../kernels/normalization/softmax.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { run } from '../launch.ts';
import { normalizeDim, product, type Shape, show } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { contiguous, transpose } from './views.ts';

/** x as rows of its last dimension. */
function rowSizes(shape: Shape): { rows: number; cols: number } {
  const cols = shape.at(-1) ?? 1;
  return { rows: product(shape) / Math.max(1, cols), cols };
}

/** exp(x) / Σ exp(x) along a dimension. Another one than the last is brought there and back. */
export function softmax(x: Tensor, dim = -1): Tensor {
  const d = normalizeDim(dim, x.ndim, 'softmax');
  if (d < x.ndim - 1) return transpose(softmax(transpose(x, d, -1)), d, -1);
  const source = contiguous(x);
  const y = empty(x.shape, 'float32', x.device);
  run(kernels.softmax, { x: source, y }, rowSizes(x.shape));
  return record('softmax', y, [source], (dy) => [softmaxGradient(dy, y, 1)]);
}

function softmaxGradient(dy: Tensor, y: Tensor, scale: number): Tensor {
  const dx = empty(y.shape, 'float32', y.device);
  run(kernels.softmaxBackward, { dy: contiguous(dy), y, dx }, { ...rowSizes(y.shape), scale });
  return dx;
}

/**
 * softmax(scale x + mask) along the last dimension, in one launch. x: [batch, heads, length, keys],
 * mask: [batch or 1, 1, 1, keys], which gets no gradient. With `isCausal`, row r is over keys 0 to r, and 0 in the others.
 * @throws ArgumentError when the mask does not fit.
 */
export function maskedSoftmax(x: Tensor, mask: Tensor, scale: number, isCausal = false): Tensor {
  const [batch, heads, length, keys] = x.shape;
  const masks = mask.shape[0];
  if (
    x.ndim !== 4 ||
    show(mask.shape) !== show([masks, 1, 1, keys]) ||
    (masks !== 1 && masks !== batch)
  ) {
    throw new ArgumentError(
      `maskedSoftmax: a mask of shape [batch, 1, 1, keys] was expected for ${show(x.shape)}, not ${show(mask.shape)}`,
    );
  }
  const source = contiguous(x);
  const y = empty(x.shape, 'float32', x.device);
  const sharing = {
    rowsPerMask: (batch / masks) * heads * length,
    causalRows: isCausal ? length : 0,
  };
  run(
    kernels.maskedSoftmax,
    { x: source, mask: contiguous(mask), y },
    { ...rowSizes(x.shape), scale, ...sharing },
  );
  return record('maskedSoftmax', y, [source], (dy) => [softmaxGradient(dy, y, scale)]);
}

/** log(softmax(x)), computed without leaving the logarithm. */
export function logSoftmax(x: Tensor, dim = -1): Tensor {
  const d = normalizeDim(dim, x.ndim, 'logSoftmax');
  if (d < x.ndim - 1) return transpose(logSoftmax(transpose(x, d, -1)), d, -1);
  const source = contiguous(x);
  const y = empty(x.shape, 'float32', x.device);
  run(kernels.logSoftmax, { x: source, y }, rowSizes(x.shape));
  return record('logSoftmax', y, [source], (dy) => {
    const dx = empty(x.shape, 'float32', x.device);
    run(kernels.logSoftmaxBackward, { dy: contiguous(dy), y, dx }, rowSizes(x.shape));
    return [dx];
  });
}
