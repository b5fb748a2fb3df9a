import * as k from '../../kernels/elementwise/arithmetic.ts';
import * as r from '../../kernels/elementwise/rounding.ts';
import { FLOAT32_MAX } from '../../kernels/kit/float32.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { fillMemory, full } from '../create.ts';
import { launchMap } from '../launch.ts';
import { operation, requireOperand } from '../operation.ts';
import { empty, type Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';
import { add, affine, div, mul, neg, type Operand, toFloat, where } from './elementwise.ts';

/** Functions of whole parts: integers stay as they are, and the gradient is 0, as in PyTorch. */
const step = (kernel: MapKernel) =>
  operation(kernel.spec.name, 1, (x: Tensor): Tensor => {
    if (x.dtype !== 'float32') return x;
    return record(kernel.spec.name, launchMap(kernel, [x]), [x], () => [
      fillMemory(empty(x.shape, 'float32', x.device), 0),
    ]);
  });

/**
 * The largest whole number that is not above x.
 * @example
 * floor(tensor([1.2, -1.2])); // [1, -2]
 */
export const floor = step(r.floor);
/**
 * The smallest whole number that is not below x.
 * @example
 * ceil(tensor([1.2, -1.2])); // [2, -1]
 */
export const ceil = step(r.ceil);
/**
 * The nearest whole number; halves go to the even one, as in PyTorch.
 * @example
 * round(tensor([0.5, 1.5, 2.6])); // [0, 2, 3]
 */
export const round = step(r.round);
/**
 * x without its fraction.
 * @example
 * trunc(tensor([1.7, -1.7])); // [1, -1]
 */
export const trunc = step(r.trunc);
/**
 * -1, 0 or 1; 0 for NaN, as in PyTorch.
 * @example
 * sign(tensor([-1.5, 0, 2.5])); // [-1, 0, 1]
 */
export const sign = step(k.sign);

/**
 * The fraction of x, with x's sign: x - trunc(x).
 * @example
 * frac(tensor([1.25, -1.25])); // [0.25, -0.25]
 */
export const frac = operation(
  'frac',
  1,
  (x: Tensor): Tensor => record('frac', launchMap(r.frac, [x]), [x], (dy) => [dy]),
);

/** Both operands as floats, or as integers if both are whole. */
function sameType(name: string, a: Tensor, b: Operand): [Tensor, Tensor, isInt: boolean] {
  requireOperand(b);
  const isInt =
    a.dtype !== 'float32' && (typeof b === 'number' ? Number.isInteger(b) : b.dtype !== 'float32');
  if (isInt && b === 0)
    throw new ArgumentError(`${name}: expected a divisor other than 0 for integers`);
  if (typeof b !== 'number') return isInt ? [a, b, true] : [toFloat(a), toFloat(b), false];
  const divisor = full([], b, { dtype: isInt ? 'int32' : 'float32', device: a.device });
  return [isInt ? a : toFloat(a), divisor, isInt];
}

const remainderOf = (kernel: MapKernel, ofInt: MapKernel, rounded: (q: Tensor) => Tensor) =>
  operation(kernel.spec.name, 1, (x: Tensor, divisor: Operand): Tensor => {
    const { name } = kernel.spec;
    const [a, b, isInt] = sameType(name, x, divisor);
    if (isInt) return launchMap(ofInt, [a, b]);
    return record(name, launchMap(kernel, [a, b]), [a, b], (dy) => [
      sumToSize(dy, a.shape),
      // The remainder is a minus a whole number of b.
      b.requiresGrad ? sumToSize(neg(mul(dy, rounded(div(a, b)))), b.shape) : null,
    ]);
  });

/**
 * The remainder of a division with the divisor's sign, as Python's %: x - b floor(x / b), computed
 * exactly. NaN if the divisor is 0; for integers 0, or an error if it is a number.
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * await remainder(tensor([-3, 3]), 2).tolist(); // [1, 1]
 */
export const remainder = remainderOf(r.remainder, r.remainderInt, floor);

/**
 * The remainder of a division with x's sign, as C's fmod: x - b trunc(x / b), computed exactly. As
 * `remainder` otherwise.
 * @example
 * fmod(tensor([5, -5]), 3); // [2, -2]
 */
export const fmod = remainderOf(r.fmod, r.fmodInt, trunc);

/**
 * The quotient rounded down, as Python's //. It has no gradient. By 0 it is x / 0; for integers 0,
 * or an error if the divisor is a number.
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * await floorDivide(tensor([-3, 3]), 2).tolist(); // [-2, 1]
 */
export const floorDivide = operation('floorDivide', 1, (x: Tensor, divisor: Operand): Tensor => {
  const [a, b, isInt] = sameType('floorDivide', x.detach(), divisor);
  return launchMap(isInt ? r.floorDivideInt : r.floorDivide, [a, b]);
});

/**
 * other - alpha x: `rsub(x, 2)` is 2 - x.
 * @example
 * rsub(tensor([1, 2]), 10); // [9, 8]
 */
export const rsub = operation(
  'rsub',
  1,
  (x: Tensor, other: Operand, alpha = 1): Tensor =>
    typeof other === 'number' && x.dtype === 'float32'
      ? affine(x, -alpha, other)
      : add(mul(x, -alpha), other),
);

/**
 * x with NaN, infinity and minus infinity replaced; by default by 0 and by the largest and the
 * least float32. What is replaced gets no gradient.
 * @example
 * nanToNum(tensor([1, NaN])); // [1, 0]
 */
export const nanToNum = operation(
  'nanToNum',
  1,
  (x: Tensor, nan = 0, posinf: number = FLOAT32_MAX, neginf: number = -FLOAT32_MAX): Tensor => {
    const scalars = { ofNan: nan, ofInfinity: posinf, ofMinus: neginf };
    return record('nanToNum', launchMap(r.nanToNum, [x], scalars), [x], (dy) => [
      where(launchMap(r.isfinite, [x]), dy, 0),
    ]);
  },
);
