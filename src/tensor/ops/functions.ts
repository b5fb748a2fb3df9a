import * as f from '../../kernels/elementwise/functions.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { record } from '../autograd.ts';
import { launchMap } from '../launch.ts';
import { operation } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';
import {
  add,
  affine,
  clamp,
  div,
  exp,
  gt,
  mul,
  neg,
  reciprocal,
  rsqrt,
  softplus,
  square,
  toFloat,
  where,
} from './elementwise.ts';
import { onceOrAgain } from './floats.ts';

/** A function of one argument; `slope` takes it and the result. Integers give float32. */
const unary = (kernel: MapKernel, slope: (x: Tensor, y: Tensor) => Tensor) =>
  operation(kernel.spec.name, 1, (given: Tensor): Tensor => {
    const x = toFloat(given);
    const y = launchMap(kernel, [x]);
    return record(kernel.spec.name, y, [x], (dy) => [mul(dy, slope(x, y))]);
  });

const oneMinusSquare = (x: Tensor): Tensor => affine(square(x), -1, 1);

/**
 * The logarithm to the base 2.
 * @example
 * log2(tensor([1, 8])); // [0, 3]
 */
export const log2 = unary(f.log2, (x) => affine(reciprocal(x), Math.LOG2E, 0));
/**
 * The logarithm to the base 10.
 * @example
 * log10(tensor([1, 100])); // [0, 2]
 */
export const log10 = unary(f.log10, (x) => affine(reciprocal(x), Math.LOG10E, 0));
/**
 * log(1 + x), exact for small x too.
 * @example
 * log1p(tensor([0, 1])); // [0, 0.6931]
 */
export const log1p = unary(f.log1p, (x) => reciprocal(affine(x, 1, 1)));
/**
 * 2 to the power x.
 * @example
 * exp2(tensor([3, -1])); // [8, 0.5]
 */
export const exp2 = unary(f.exp2, (_, y) => affine(y, Math.LN2, 0));
/**
 * e^x - 1, exact for small x too.
 * @example
 * expm1(tensor([0, 1])); // [0, 1.718]
 */
export const expm1 = unary(f.expm1, (_, y) => affine(y, 1, 1));
/**
 * The hyperbolic sine of each element.
 * @example
 * sinh(tensor([0, 1])); // [0, 1.175]
 */
export const sinh = unary(f.sinh, (x) => cosh(x));
/**
 * The hyperbolic cosine of each element.
 * @example
 * cosh(tensor([0, 1])); // [1, 1.543]
 */
export const cosh = unary(f.cosh, (x) => sinh(x));
/**
 * The tangent of each element.
 * @example
 * tan(tensor([0, 1])); // [0, 1.557]
 */
export const tan = unary(f.tan, (_, y) => affine(square(y), 1, 1));
/**
 * The angle whose sine is x; NaN beyond ±1.
 * @example
 * asin(tensor([0, 1])); // [0, 1.571]
 */
export const asin = unary(f.asin, (x) => rsqrt(oneMinusSquare(x)));
/**
 * The angle whose cosine is x; NaN beyond ±1.
 * @example
 * acos(tensor([1, 0])); // [0, 1.571]
 */
export const acos = unary(f.acos, (x) => neg(rsqrt(oneMinusSquare(x))));
/**
 * The angle whose tangent is x.
 * @example
 * atan(tensor([0, 1])); // [0, 0.7854]
 */
export const atan = unary(f.atan, (x) => reciprocal(affine(square(x), 1, 1)));

/**
 * The angle of the point (x, y), from -π to π.
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * atan2(tensor([1, 0]), tensor([1, -1])); // [0.7854, 3.142]
 */
export const atan2 = operation('atan2', 2, (ofY: Tensor, ofX: Tensor): Tensor => {
  const [y, x] = [toFloat(ofY), toFloat(ofX)];
  return record('atan2', launchMap(f.atan2, [y, x]), [y, x], (dy) => {
    const share = div(dy, add(square(x), square(y)));
    return [sumToSize(mul(share, x), y.shape), sumToSize(neg(mul(share, y)), x.shape)];
  });
});

/**
 * log(sigmoid(x)), without an overflow.
 * @example
 * logSigmoid(tensor([0, 1])); // [-0.6931, -0.3133]
 */
export const logSigmoid = operation('logSigmoid', 1, (x: Tensor): Tensor => neg(softplus(neg(x))));

/**
 * x where it is positive, else alpha (e^x - 1). Source: Clevert, Unterthiner, Hochreiter, "Fast and
 * accurate deep network learning by exponential linear units", 2016.
 * @example
 * elu(tensor([-1.5, 0.5])); // [-0.7769, 0.5]
 */
export const elu = operation('elu', 1, (x: Tensor, alpha = 1): Tensor => {
  const gradient = onceOrAgain(
    (dy) => launchMap(f.eluBackward, [dy, x], { alpha }),
    (dy) => mul(dy, where(gt(x, 0), 1, affine(exp(clamp(x, undefined, 0)), alpha, 0))),
  );
  return record('elu', launchMap(f.elu, [x], { alpha }), [x], (dy) => [gradient(dy, x, x)]);
});
