import * as kernels from '../../kernels/normalization/dropoutAddLayerNorm.ts';
import { layerNormBackward } from '../../kernels/normalization/layerNorm.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record, records } from '../autograd.ts';
import { run } from '../launch.ts';
import { show } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { checkRate, drawDropout, NO_DROPOUT } from './dropout.ts';
import { affineGradients } from './layerNorm.ts';
import { contiguous } from './views.ts';

export interface DropoutAddLayerNormOptions {
  /** Dropout's, while `training`; default 0. */
  rate?: number;
  training?: boolean;
  /** Layer normalisation's; default 1e-5. */
  eps?: number;
}

/**
 * layerNorm(dropout(x) + residual) over the last dimension, in one launch: how each half of a post-norm transformer layer
 * ends. Equal to the three operations one after the other, drops included. x, residual: [..., size], weight, bias: [size].
 * @throws ArgumentError when shapes do not fit or the rate is not one.
 */
export function dropoutAddLayerNorm(
  x: Tensor,
  residual: Tensor,
  weight: Tensor,
  bias: Tensor,
  { rate = 0, training = true, eps = 1e-5 }: DropoutAddLayerNormOptions = {},
): Tensor {
  const cols = weight.size;
  const wanted = [...x.shape.slice(0, -1), cols];
  for (const [name, { shape }, expected] of [
    ['x', x, wanted],
    ['the residual', residual, wanted],
    ['the bias', bias, weight.shape],
  ] as const) {
    if (show(shape) !== show(expected)) {
      throw new ArgumentError(
        `dropoutAddLayerNorm: ${name} has shape ${show(shape)}, ${show(expected)} was expected`,
      );
    }
  }
  checkRate('dropoutAddLayerNorm', rate);
  const { device } = x;
  const sizes = { rows: x.size / cols, cols, eps };
  const drops = training && rate > 0 ? drawDropout(device, rate) : undefined;
  const [source, added, w, b] = [x, residual, weight, bias].map(contiguous);
  const inputs = { x: source, residual: added, weight: w, bias: b };
  const y = empty(x.shape, 'float32', device);
  if (!drops && !records([x, residual, weight, bias])) {
    run(kernels.addLayerNormForward, { ...inputs, y }, { ...sizes, ...NO_DROPOUT });
    return y;
  }
  const z = empty(x.shape, 'float32', device);
  const moments = empty([sizes.rows, 2], 'float32', device);
  if (drops)
    run(
      kernels.dropoutAddLayerNorm,
      { state: drops.state, ...inputs, y, z, moments },
      { ...sizes, ...drops.params() },
    );
  else run(kernels.addLayerNorm, { ...inputs, y, z, moments }, { ...sizes, ...NO_DROPOUT });

  return record('dropoutAddLayerNorm', y, [source, added, w, b], (gradient) => {
    const dy = contiguous(gradient);
    const dresidual = empty(x.shape, 'float32', device);
    const dx = drops ? empty(x.shape, 'float32', device) : dresidual;
    const given = { dy, weight: w, moments };
    if (drops) {
      const buffers = { state: drops.state, ...given, z, dresidual, dx };
      run(kernels.dropoutAddLayerNormBackward, buffers, { ...sizes, ...drops.params() });
    } else run(layerNormBackward, { ...given, x: z, dx }, sizes);
    return [dx, dresidual, ...affineGradients(dy, z, moments, w, b)];
  });
}
