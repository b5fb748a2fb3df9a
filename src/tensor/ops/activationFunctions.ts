import * as k from '../../kernels/elementwise/arithmetic.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { launchMap } from '../launch.ts';
import { operation } from '../operation.ts';
import { formatShape, requireDim } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import {
  abs,
  add,
  affine,
  clamp,
  div,
  ge,
  gt,
  le,
  lt,
  maskedFill,
  mul,
  sigmoid,
  softplus,
  sub,
  tanh,
  toFloat,
  where,
} from './elementwise.ts';
import { onceOrAgain } from './floats.ts';
import { elu } from './functions.ts';
import { chunk } from './joins.ts';
import { logicalOr } from './logical.ts';
import { softmax } from './softmax.ts';
import { reshape } from './views.ts';

/**
 * x where it is positive, else `negativeSlope` x.
 * @example leakyRelu(tensor([-1.5, 0.5]), 0.1); // [-0.15, 0.5]
 */
export const leakyRelu = operation('leakyRelu', 1, (x: Tensor, negativeSlope = 0.01): Tensor => {
  const scalars = { slope: negativeSlope };
  const gradient = onceOrAgain(
    (dy) => launchMap(k.leakyReluBackward, [dy, x], scalars),
    (dy) => where(gt(x, 0), dy, affine(dy, negativeSlope, 0)),
  );
  return record('leakyRelu', launchMap(k.leakyRelu, [x], scalars), [x], (dy) => [
    gradient(dy, x, x),
  ]);
});

/** Activation functions of `torch.nn.functional` that are composed of others. */

/**
 * x limited to [minVal, maxVal]. Unlike that of `clamp`, its gradient is 0 at the limits.
 * @example
 * hardtanh(tensor([-1.5, 0.5])); // [-1, 0.5]
 */
export const hardtanh = operation(
  'hardtanh',
  1,
  (given: Tensor, minVal = -1, maxVal = 1): Tensor => {
    const x = toFloat(given);
    const isLimited = () => logicalOr(le(x, minVal), ge(x, maxVal));
    return record('hardtanh', clamp(x.detach(), minVal, maxVal), [x], (dy) => [
      maskedFill(dy, isLimited(), 0),
    ]);
  },
);
/**
 * x limited to [0, 6].
 * @example
 * relu6(tensor([-1.5, 0.5, 7.5])); // [0, 0.5, 6]
 */
export const relu6 = operation('relu6', 1, (x: Tensor): Tensor => hardtanh(x, 0, 6));
/**
 * A line from 0 at -3 to 1 at 3: relu6(x + 3) / 6.
 * @example
 * hardsigmoid(tensor([-3.5, 0, 1.5])); // [0, 0.5, 0.75]
 */
export const hardsigmoid = operation(
  'hardsigmoid',
  1,
  (x: Tensor): Tensor => affine(relu6(add(x, 3)), 1 / 6, 0),
);
/**
 * x hardsigmoid(x) (Howard et al. 2019, arXiv 1905.02244).
 * @example
 * hardswish(tensor([-3.5, 0, 1.5])); // [0, 0, 1.125]
 */
export const hardswish = operation('hardswish', 1, (given: Tensor): Tensor => {
  const x = toFloat(given);
  const y = mul(x.detach(), hardsigmoid(x.detach()));
  return record('hardswish', y, [x], (dy) => {
    const between = mul(dy, affine(x, 1 / 3, 0.5));
    return [where(lt(x, -3), 0, where(lt(x, 3), between, dy))];
  });
});
/**
 * x / (1 + |x|).
 * @example
 * softsign(tensor([-1, 0.25])); // [-0.5, 0.2]
 */
export const softsign = operation(
  'softsign',
  1,
  (x: Tensor): Tensor => div(x, affine(abs(x), 1, 1)),
);
/**
 * x where it is above `threshold`, else `value`; NaN stays.
 * @example
 * threshold(tensor([-1.5, 0.5]), 0, 20); // [20, 0.5]
 */
export const threshold = operation(
  'threshold',
  1,
  (x: Tensor, threshold: number, value: number): Tensor =>
    where(le(x.detach(), threshold), value, x),
);
/**
 * x tanh(softplus(x)) (Misra 2019, arXiv 1908.08681).
 * @example
 * mish(tensor([-1.5, 0.5])); // [-0.2981, 0.3752]
 */
export const mish = operation('mish', 1, (x: Tensor): Tensor => mul(x, tanh(softplus(x))));
/**
 * max(0, x) + min(0, alpha (e^(x / alpha) - 1)) (Barron 2017, arXiv 1704.07483).
 * @example
 * celu(tensor([-1.5, 0.5])); // [-0.7769, 0.5]
 */
export const celu = operation(
  'celu',
  1,
  (x: Tensor, alpha = 1): Tensor => affine(elu(affine(x, 1 / alpha, 0)), alpha, 0),
);
/**
 * `elu` scaled so that activations keep mean 0 and variance 1 (Klambauer 2017, 1706.02515).
 * @example
 * selu(tensor([-1.5, 0.5])); // [-1.366, 0.5254]
 */
export const selu = operation(
  'selu',
  1,
  (x: Tensor): Tensor => affine(elu(x, 1.6732632423543772), 1.0507009873554805, 0),
);
/**
 * x - tanh(x).
 * @example
 * tanhshrink(tensor([-1.5, 0.5])); // [-0.5949, 0.03788]
 */
export const tanhshrink = operation('tanhshrink', 1, (x: Tensor): Tensor => sub(x, tanh(x)));
/**
 * x where |x| is above `lambd`, else 0; NaN stays.
 * @example
 * hardshrink(tensor([-1.5, 0.2])); // [-1.5, 0]
 */
export const hardshrink = operation(
  'hardshrink',
  1,
  (x: Tensor, lambd = 0.5): Tensor => where(le(abs(x.detach()), lambd), 0, x),
);
/**
 * x moved towards 0 by `lambd`, and 0 where it would cross.
 * @example
 * softshrink(tensor([-1.5, 0.25])); // [-1, 0]
 */
export const softshrink = operation(
  'softshrink',
  1,
  (x: Tensor, lambd = 0.5): Tensor => sub(x, clamp(x, -lambd, lambd)),
);

/**
 * x where it is positive, else weight x, with one weight or one for each channel (dimension 1).
 * @throws ArgumentError if the number of weights does not fit.
 * @example
 * prelu(tensor([-1.5, 0.5]), tensor([0.25])); // [-0.375, 0.5]
 */
export const prelu = operation('prelu', 2, (x: Tensor, weight: Tensor): Tensor => {
  const channels = x.ndim > 1 ? x.shape[1] : 1;
  if (weight.ndim > 1 || (weight.size !== 1 && weight.size !== channels))
    throw new ArgumentError(
      `prelu: expected 1 or ${channels} weights for ${formatShape(x.shape)}, ` +
        `got ${formatShape(weight.shape)}`,
    );
  const lines = Array<number>(Math.max(0, x.ndim - 2)).fill(1);
  const slope = reshape(weight, weight.size === 1 ? [] : [weight.size, ...lines]);
  return where(gt(x.detach(), 0), x, mul(slope, x));
});

/**
 * The first half of a dimension times the sigmoid of the second (Dauphin 2016, arXiv 1612.08083).
 * @throws ArgumentError if the size of the dimension is odd.
 * @example
 * glu(tensor([1.5, 2.5, 0, 0])); // [0.75, 1.25]
 */
export const glu = operation('glu', 1, (x: Tensor, dim = -1): Tensor => {
  const d = requireDim(dim, x.ndim, 'glu');
  if (x.shape[d] % 2 !== 0)
    throw new ArgumentError(
      `glu: expected an even size in dimension ${dim}, got ${formatShape(x.shape)}`,
    );
  if (x.shape[d] === 0) return x;
  const [value, gate] = chunk(x, 2, d);
  return mul(value, sigmoid(gate));
});

/**
 * softmax(-x) along a dimension.
 * @example
 * softmin(tensor([0.5, 0.5, 0.5, 0.5])); // [0.25, 0.25, 0.25, 0.25]
 */
export const softmin = operation(
  'softmin',
  1,
  (x: Tensor, dim = -1): Tensor => softmax(affine(x, -1, 0), dim),
);
