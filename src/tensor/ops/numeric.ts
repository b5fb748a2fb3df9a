import * as bits from '../../kernels/elementwise/bitwise.ts';
import { erfc as erfcKernel } from '../../kernels/elementwise/functions.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { full } from '../create.ts';
import { asDtype } from '../dtypes.ts';
import { launchMap } from '../launch.ts';
import { operation, requireOperand } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import {
  abs,
  add,
  affine,
  clamp,
  div,
  eq,
  exp,
  gt,
  log,
  lt,
  maskedFill,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  type Operand,
  rsqrt,
  sin,
  sqrt,
  square,
  sub,
  toFloat,
  where,
} from './elementwise.ts';
import { log1p } from './functions.ts';
import { isinf, isnan, logicalAnd, logicalOr } from './logical.ts';
import { type Dims, sum } from './reduce.ts';

/** Functions of elements that are composed of others. */

/**
 * x, at least `min`: a number or a tensor.
 * @example
 * clampMin(tensor([1, 5]), 3); // [3, 5]
 */
export const clampMin = operation('clampMin', 1, (x: Tensor, min: Operand): Tensor => {
  requireOperand(min);
  return typeof min === 'number' ? clamp(x, min) : maximum(x, min);
});
/**
 * x, at most `max`: a number or a tensor.
 * @example
 * clampMax(tensor([1, 5]), 3); // [1, 3]
 */
export const clampMax = operation('clampMax', 1, (x: Tensor, max: Operand): Tensor => {
  requireOperand(max);
  return typeof max === 'number' ? clamp(x, Number.NEGATIVE_INFINITY, max) : minimum(x, max);
});
/**
 * 1 - erf(x), with a small relative error where erf is near 1 too.
 * @example
 * erfc(tensor([0, 1])); // [1, 0.1573]
 */
export const erfc = operation('erfc', 1, (given: Tensor): Tensor => {
  const x = toFloat(given);
  const slope = () => affine(exp(neg(square(x))), -2 / Math.sqrt(Math.PI), 0);
  return record('erfc', launchMap(erfcKernel, [x]), [x], (dy) => [mul(dy, slope())]);
});
/**
 * Degrees to radians.
 * @example
 * deg2rad(tensor([180, 90])); // [3.142, 1.571]
 */
export const deg2rad = operation(
  'deg2rad',
  1,
  (x: Tensor): Tensor => affine(toFloat(x), Math.PI / 180, 0),
);
/**
 * Radians to degrees.
 * @example
 * rad2deg(tensor([0, Math.PI])); // [0, 180]
 */
export const rad2deg = operation(
  'rad2deg',
  1,
  (x: Tensor): Tensor => affine(toFloat(x), 180 / Math.PI, 0),
);
/**
 * log(x / (1 - x)); with `eps`, x is limited to [eps, 1 - eps].
 * @example
 * logit(tensor([0.5, 0.9])); // [0, 2.197]
 */
export const logit = operation('logit', 1, (x: Tensor, eps?: number): Tensor => {
  const p = eps === undefined ? x : clamp(x, eps, 1 - eps);
  return sub(log(p), log1p(neg(p)));
});
/**
 * sin(πx) / (πx), and 1 at 0.
 * @example
 * sinc(tensor([0, 0.5])); // [1, 0.6366]
 */
export const sinc = operation('sinc', 1, (x: Tensor): Tensor => {
  const isZero = eq(x.detach(), 0);
  const angle = affine(maskedFill(x, isZero, 1), Math.PI, 0);
  return maskedFill(div(sin(angle), angle), isZero, 1);
});
/**
 * The number whose hyperbolic sine is x.
 * @example
 * asinh(tensor([0, 1])); // [0, 0.8814]
 */
export const asinh = operation('asinh', 1, (x: Tensor): Tensor => {
  const size = abs(x.detach());
  const squared = square(size);
  const grown = add(size, div(squared, affine(sqrt(affine(squared, 1, 1)), 1, 1)));
  // Far out it is log(2 |x|), and squares would overflow.
  const distance = where(gt(size, 1e9), affine(log(size), 1, Math.LN2), log1p(grown));
  const y = where(lt(x.detach(), 0), neg(distance), distance);
  return record('asinh', y, [x], (dy) => [mul(dy, rsqrt(affine(square(x), 1, 1)))]);
});
/**
 * The number ≥ 0 whose hyperbolic cosine is x; NaN below 1.
 * @example
 * acosh(tensor([1, 2])); // [0, 1.317]
 */
export const acosh = operation('acosh', 1, (x: Tensor): Tensor => {
  const above = affine(x, 1, -1);
  // Two roots: the product of their squares could overflow.
  return log1p(add(above, mul(sqrt(above), sqrt(affine(x, 1, 1)))));
});
/**
 * The number whose hyperbolic tangent is x; NaN beyond ±1.
 * @example
 * atanh(tensor([0, 0.5])); // [0, 0.5493]
 */
export const atanh = operation(
  'atanh',
  1,
  (x: Tensor): Tensor => affine(sub(log1p(x), log1p(neg(x))), 0.5, 0),
);

/**
 * √(a² + b²), without an overflow. @throws ArgumentError if shapes do not broadcast.
 * @example
 * hypot(tensor([3, 5]), tensor([4, 12])); // [5, 13]
 */
export const hypot = operation('hypot', 2, (a: Tensor, b: Tensor): Tensor => {
  const size = maximum(abs(a), abs(b)).detach();
  const scale = maskedFill(size, logicalOr(eq(size, 0), isinf(size)), 1);
  const length = mul(sqrt(add(square(div(a, scale)), square(div(b, scale)))), scale);
  // As in C: also beside NaN.
  return maskedFill(length, logicalOr(isinf(a.detach()), isinf(b.detach())), Infinity);
});
/**
 * log(e^a + e^b), without an overflow. @throws ArgumentError if shapes do not broadcast.
 * @example
 * logaddexp(tensor([0, 1]), tensor([0, 1])); // [0.6931, 1.693]
 */
export const logaddexp = operation('logaddexp', 2, (a: Tensor, b: Tensor): Tensor => {
  const larger = maximum(a, b);
  const isSame = logicalAnd(eq(a.detach(), b.detach()), isinf(larger.detach()));
  const gap = maskedFill(sub(minimum(a, b), larger), isSame, 0);
  return add(larger, maskedFill(log1p(exp(gap)), isSame, 0));
});
/**
 * x log(y), 0 where x is 0 (unless y is NaN). @throws ArgumentError if shapes do not broadcast.
 * @example
 * xlogy(tensor([0, 2]), tensor([0, 10])); // [0, 4.605]
 */
export const xlogy = operation('xlogy', 2, (x: Tensor, y: Tensor): Tensor => {
  const isZero = logicalAnd(eq(x.detach(), 0), eq(toFloat(isnan(y.detach())), 0));
  return where(isZero, mul(x, 0), mul(x, log(where(isZero, 1, y))));
});
/**
 * 0 where x < 0, `values` where it is 0, else 1. It has no gradient.
 * @example
 * heaviside(tensor([-2, 0, 3]), tensor([0.5])); // [0, 0.5, 1]
 */
export const heaviside = operation('heaviside', 2, (x: Tensor, values: Tensor): Tensor => {
  const step = toFloat(lt(neg(x.detach()), 0));
  return where(eq(x.detach(), 0), values.detach(), step);
});
/**
 * |x| with the sign of `other`. @throws ArgumentError if shapes do not broadcast.
 * @example
 * copysign(tensor([1, 2]), tensor([-3, 3])); // [-1, 2]
 */
export const copysign = operation('copysign', 1, (x: Tensor, other: Operand): Tensor => {
  requireOperand(other);
  const signs = typeof other === 'number' ? full([], other, { device: x.device }) : other;
  // 1 / -0 is minus infinity.
  const isNegative = logicalOr(
    lt(signs.detach(), 0),
    eq(div(full([], 1, { device: x.device }), toFloat(signs.detach())), Number.NEGATIVE_INFINITY),
  );
  return where(isNegative, neg(abs(toFloat(x))), abs(toFloat(x)));
});

const bitwise = (kernel: MapKernel) =>
  operation(kernel.spec.name, 1, (a: Tensor, b: Operand): Tensor => {
    requireOperand(b);
    const isInt = typeof b === 'number' ? Number.isInteger(b) : b.dtype !== 'float32';
    if (a.dtype === 'float32' || !isInt)
      throw new ArgumentError('expected int32 or bool, got floating-point numbers');
    const isBool = a.dtype === 'bool' && typeof b !== 'number' && b.dtype === 'bool';
    const other = typeof b === 'number' ? full([], b, { dtype: 'int32', device: a.device }) : b;
    return asDtype(launchMap(kernel, [asDtype(a, 'int32'), other]), isBool ? 'bool' : 'int32');
  });
/**
 * a & b of int32, or of two masks. @throws ArgumentError for float32.
 * @example
 * bitwiseAnd(tensor(Int32Array.of(6, 5)), 3); // [2, 1]
 */
export const bitwiseAnd = bitwise(bits.bitwiseAnd);
/**
 * a | b; see `bitwiseAnd`.
 * @example
 * bitwiseOr(tensor(Int32Array.of(6, 5)), 3); // [7, 7]
 */
export const bitwiseOr = bitwise(bits.bitwiseOr);
/**
 * a ^ b; see `bitwiseAnd`.
 * @example
 * bitwiseXor(tensor(Int32Array.of(6, 5)), 3); // [5, 6]
 */
export const bitwiseXor = bitwise(bits.bitwiseXor);
/**
 * ~a of int32; of a mask its opposite. @throws ArgumentError for float32.
 * @example
 * bitwiseNot(tensor(Int32Array.of(0, 5))); // [-1, -6]
 */
export const bitwiseNot = operation('bitwiseNot', 1, (a: Tensor): Tensor => {
  if (a.dtype === 'bool') return bitwiseXor(a, full([], 1, { dtype: 'bool', device: a.device }));
  return bitwiseXor(a, -1);
});

/**
 * How many elements over some dimensions are not 0 (int32); of all if `dim` is not given.
 * @example
 * countNonzero(tensor([0, 5, 7])); // 2
 */
export const countNonzero = operation(
  'countNonzero',
  1,
  (x: Tensor, dim?: Dims): Tensor => sum(ne(x.detach(), 0), dim),
);
