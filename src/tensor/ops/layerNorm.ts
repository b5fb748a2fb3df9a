import * as kernels from '../../kernels/layerNorm.ts';
import { sum } from '../../kernels/reduce.ts';
import { emptyGrad, record } from '../autograd.ts';
import { full } from '../create.ts';
import { reduceAxes, withShape } from '../reduceAxes.ts';
import { run } from '../run.ts';
import { product, type Shape, show } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { contiguous } from './views.ts';

/** Rows that one lane adds up for the gradients of weight and bias. */
const CHUNK = 64;

/**
 * Layer normalisation over the last dimensions, `shape`, with weight and bias of that shape (default: 1 and 0).
 * @throws RangeError when x does not end in `shape`.
 */
export function layerNorm(x: Tensor, shape: Shape, weight?: Tensor | null, bias?: Tensor | null, eps = 1e-5): Tensor {
  if (show(x.shape.slice(x.ndim - shape.length)) !== show(shape)) {
    throw new RangeError(`layerNorm: ${show(x.shape)} does not end in ${show(shape)}`);
  }
  const { device } = x;
  const cols = product(shape);
  const rows = x.size / cols;
  const source = contiguous(x);
  const w = weight ?? full(shape, 1, { device });
  const b = bias ?? full(shape, 0, { device });
  const y = empty(x.shape, 'float32', device);
  const mean = empty([rows], 'float32', device);
  const rstd = empty([rows], 'float32', device);
  run(kernels.layerNorm, { x: source, weight: w, bias: b, y, mean, rstd }, { rows, cols, eps });
  return record('layerNorm', y, [source, w, b], (gradient) => {
    const dy = contiguous(gradient);
    const dx = empty(x.shape, 'float32', device);
    run(kernels.layerNormBackward, { dy, x: source, weight: w, mean, rstd, dx }, { rows, cols, eps });
    if (!w.requiresGrad && !b.requiresGrad) return [dx, null, null];
    const chunks = Math.ceil(rows / CHUNK);
    const dWeight = empty([chunks, cols], 'float32', device);
    const dBias = empty([chunks, cols], 'float32', device);
    run(kernels.layerNormBackwardAffine, { dy, x: source, mean, rstd, dWeight, dBias }, { rows, cols, size: CHUNK, chunks });
    const total = (partial: Tensor, of: Tensor) => withShape(reduceAxes(sum, partial, [0], emptyGrad(of)), shape);
    return [dx, total(dWeight, w), total(dBias, b)];
  });
}
