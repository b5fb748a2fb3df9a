import { columnChunk } from '../../kernels/heuristics.ts';
import * as kernels from '../../kernels/normalization/layerNorm.ts';
import { sum } from '../../kernels/reduction/reduce.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { emptyGrad, record } from '../autograd.ts';
import { full } from '../create.ts';
import { launch } from '../launch.ts';
import { operation, requireTensorIfGiven } from '../operation.ts';
import { reduceAxes, unsafeView } from '../reduceAxes.ts';
import { formatShape, product, type Shape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import { add, affine, mul, rsqrt, square, sub } from './elementwise.ts';
import { mean } from './reduce.ts';
import { contiguous } from './views.ts';

/**
 * Layer normalisation over the last dimensions, `shape`, with weight and bias of that shape
 * (default: 1 and 0).
 * @throws ArgumentError if x's shape does not end in `shape`.
 * @example
 * layerNorm(tensor([[1, 3]]), [2]); // [[-1, 1]]
 */
export const layerNorm = operation(
  'layerNorm',
  1,
  (x: Tensor, shape: Shape, weight?: Tensor | null, bias?: Tensor | null, eps = 1e-5): Tensor => {
    requireTensorIfGiven(weight);
    requireTensorIfGiven(bias);
    for (const [name, scale] of Object.entries({ weight, bias }))
      if (scale && formatShape(scale.shape) !== formatShape(shape))
        throw new ArgumentError(
          `layerNorm: \`${name}\`: expected shape ${formatShape(shape)}, ` +
            `got ${formatShape(scale.shape)}`,
        );
    if (formatShape(x.shape.slice(x.ndim - shape.length)) !== formatShape(shape)) {
      throw new ArgumentError(
        `layerNorm: ${formatShape(x.shape)} does not end in ${formatShape(shape)}`,
      );
    }
    const { device } = x;
    const cols = product(shape);
    const rows = x.size / cols;
    const source = contiguous(x);
    const w = contiguous(weight ?? full(shape, 1, { device }));
    const b = contiguous(bias ?? full(shape, 0, { device }));
    const y = empty(x.shape, 'float32', device);
    const moments = empty([rows, 2], 'float32', device);
    launch(kernels.layerNorm, { x: source, weight: w, bias: b, y, moments }, { rows, cols, eps });
    const backward = (gradient: Tensor) => {
      const dy = contiguous(gradient);
      const dx = empty(x.shape, 'float32', device);
      launch(
        kernels.layerNormBackward,
        { dy, x: source, weight: w, moments, dx },
        { rows, cols, eps },
      );
      return [dx, ...affineGradients(dy, source, moments, w, b)];
    };
    return record('layerNorm', y, [source, w, b], backward, () => {
      const axes = shape.map((_, d) => d - shape.length);
      const centered = sub(source, mean(source, axes, true));
      const scale = rsqrt(affine(mean(square(centered), axes, true), 1, eps));
      return add(mul(mul(centered, scale), w), b);
    });
  },
);

/**
 * Gradients of the weight and bias of a layer normalisation of x, from its moments; null for both
 * if neither needs one.
 */
export function affineGradients(
  dy: Tensor,
  x: Tensor,
  moments: Tensor,
  weight: Tensor,
  bias: Tensor,
): (Tensor | null)[] {
  if (!weight.requiresGrad && !bias.requiresGrad) return [null, null];
  const cols = weight.size;
  const rows = x.size / cols;
  const size = columnChunk(x.device.traits);
  const chunks = Math.ceil(rows / size);
  const [dWeight, dBias] = [weight, bias].map((of) =>
    chunks === 1 ? emptyGrad(of) : empty([chunks, cols], 'float32', x.device),
  );
  launch(
    kernels.layerNormBackwardAffine,
    { dy, x, moments, dWeight, dBias },
    { rows, cols, size, chunks },
  );
  if (chunks === 1) return [dWeight, dBias];
  const total = (partial: Tensor, of: Tensor) =>
    unsafeView(reduceAxes(sum, partial, [0], emptyGrad(of)), of.shape);
  return [total(dWeight, weight), total(dBias, bias)];
}
