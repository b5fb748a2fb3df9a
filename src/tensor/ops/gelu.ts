import * as g from '../../kernels/elementwise/gelu.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { record } from '../autograd.ts';
import { launchMap } from '../launch.ts';
import { operation } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { add, affine, erf, exp, mul, square, tanh } from './elementwise.ts';
import { onceOrAgain } from './floats.ts';

const byErf = onceOrAgain(
  (dy, x) => launchMap(g.geluBackward, [dy, x]),
  (dy, x) => {
    const share = affine(erf(affine(x, Math.SQRT1_2, 0)), 0.5, 0.5);
    const density = affine(exp(affine(square(x), -0.5, 0)), 1 / Math.sqrt(2 * Math.PI), 0);
    return mul(dy, add(share, mul(x, density)));
  },
);
const byTanh = onceOrAgain(
  (dy, x) => launchMap(g.geluTanhBackward, [dy, x]),
  (dy, x) => {
    const scale = Math.sqrt(2 / Math.PI);
    const t = tanh(mul(x, affine(square(x), 0.044715 * scale, scale)));
    const inner = mul(x, affine(square(x), 3 * 0.044715 * scale, scale));
    return mul(dy, add(affine(t, 0.5, 0.5), mul(inner, affine(square(t), -0.5, 0.5))));
  },
);

/**
 * GELU; `approximate` as in PyTorch: none (by erf) or tanh.
 * @example gelu(tensor([-1.5, 0.5])); // [-0.1002, 0.3457]
 */
export const gelu = operation(
  'gelu',
  1,
  (x: Tensor, approximate: 'none' | 'tanh' = 'none'): Tensor => {
    requireOneOf(approximate, ['none', 'tanh'], '`approximate`');
    const [kernel, gradient] = approximate === 'tanh' ? [g.geluTanh, byTanh] : [g.gelu, byErf];
    const y = launchMap(kernel, [x]);
    return record('gelu', y, [x], (dy) => [gradient(dy, x, y)]);
  },
);
