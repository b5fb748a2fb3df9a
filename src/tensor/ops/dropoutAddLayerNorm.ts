import * as kernels from '../../kernels/normalization/dropoutAddLayerNorm.ts';
import { layerNormBackward } from '../../kernels/normalization/layerNorm.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { needsGrad, record } from '../autograd.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { formatShape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { checkProbability, drawDropout, NO_DROPOUT } from './dropout.ts';
import { add } from './elementwise.ts';
import { affineGradients, layerNorm } from './layerNorm.ts';
import { contiguous } from './views.ts';

/** Options of `dropoutAddLayerNorm`. */
export interface DropoutAddLayerNormOptions {
  /** Dropout rate while `training`; default 0. */
  p?: number;
  training?: boolean;
  /** Epsilon of layer normalisation; default 1e-5. */
  eps?: number;
}

/**
 * layerNorm(dropout(x) + residual) over the last dimension, in one launch: the end of each half of
 * a post-norm transformer layer. Equal to the three operations one after the other, dropped
 * elements included. x, residual: [..., size], weight, bias: [size].
 * @throws ArgumentError if shapes do not fit or the rate is not in [0, 1].
 * @example
 * dropoutAddLayerNorm(randn(2, 8), randn(2, 8), ones(8), zeros(8), { p: 0.1 }).shape; // [2, 8]
 */
export const dropoutAddLayerNorm = operation(
  'dropoutAddLayerNorm',
  4,
  (
    x: Tensor,
    residual: Tensor,
    weight: Tensor,
    bias: Tensor,
    { p = 0, training = true, eps = 1e-5 }: DropoutAddLayerNormOptions = {},
  ): Tensor => {
    const cols = weight.size;
    const expectedShape = [...x.shape.slice(0, -1), cols];
    for (const [name, { shape }, expected] of [
      ['x', x, expectedShape],
      ['residual', residual, expectedShape],
      ['bias', bias, weight.shape],
    ] as const) {
      if (formatShape(shape) !== formatShape(expected)) {
        throw new ArgumentError(
          `dropoutAddLayerNorm: ${name}: expected shape ${formatShape(expected)}, ` +
            `got ${formatShape(shape)}`,
        );
      }
    }
    checkProbability('dropoutAddLayerNorm', p);
    const { device } = x;
    const sizes = { rows: x.size / cols, cols, eps };
    const mask = training && p > 0 ? drawDropout(device, p) : undefined;
    const [source, residualInput, w, b] = [x, residual, weight, bias].map(contiguous);
    const inputs = { x: source, residual: residualInput, weight: w, bias: b };
    const y = empty(x.shape, 'float32', device);
    if (!mask && !needsGrad([x, residual, weight, bias])) {
      launch(kernels.addLayerNormForward, { ...inputs, y }, { ...sizes, ...NO_DROPOUT });
      return y;
    }
    const z = empty(x.shape, 'float32', device);
    const moments = empty([sizes.rows, 2], 'float32', device);
    if (mask)
      launch(
        kernels.dropoutAddLayerNorm,
        { state: mask.state, ...inputs, y, z, moments },
        { ...sizes, ...mask.params() },
      );
    else launch(kernels.addLayerNorm, { ...inputs, y, z, moments }, { ...sizes, ...NO_DROPOUT });

    const backward = (gradient: Tensor) => {
      const dy = contiguous(gradient);
      const dresidual = empty(x.shape, 'float32', device);
      const dx = mask ? empty(x.shape, 'float32', device) : dresidual;
      const saved = { dy, weight: w, moments };
      if (mask) {
        const buffers = { state: mask.state, ...saved, z, dresidual, dx };
        launch(kernels.dropoutAddLayerNormBackward, buffers, { ...sizes, ...mask.params() });
      } else launch(layerNormBackward, { ...saved, x: z, dx }, sizes);
      return [dx, dresidual, ...affineGradients(dy, z, moments, w, b)];
    };
    const composed = () => layerNorm(add(source, residualInput), w.shape, w, b, eps);
    const given = [source, residualInput, w, b];
    return record('dropoutAddLayerNorm', y, given, backward, mask ? undefined : composed);
  },
  ['p', 'training', 'eps'],
);
