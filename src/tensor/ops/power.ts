import { pow as powNumber } from '../../kernels/elementwise/arithmetic.ts';
import { powInt, powTensor } from '../../kernels/elementwise/powers.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { tensor } from '../create.ts';
import { launchMap } from '../launch.ts';
import { operation, requireOperand } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { sumToSize } from './broadcasting.ts';
import { zerosLike } from './creation.ts';
import { affine, eq, log, lt, maskedFill, mul, type Operand, sub, toFloat } from './elementwise.ts';
import { logicalAnd, logicalNot } from './logical.ts';

/**
 * x to the power e, a number or a tensor; shapes broadcast. Integers to the power of integers are
 * integers, exact and wrapped at 32 bits.
 * @throws ArgumentError if shapes do not broadcast, or for integers to a number below 0.
 * @example
 * tensor([2, 3]).pow(tensor([[1], [2]])); // [[2, 3], [4, 9]]
 */
export const pow = operation('pow', 1, (x: Tensor, e: Operand): Tensor => {
  requireOperand(e);
  if (x.dtype !== 'float32' && isWhole(e)) return integerPower(x, e);
  return typeof e === 'number' ? powerOf(toFloat(x), e) : tensorPower(toFloat(x), toFloat(e));
});

const isWhole = (e: Operand): boolean =>
  typeof e === 'number' ? Number.isInteger(e) && (e | 0) === e : e.dtype !== 'float32';

function integerPower(x: Tensor, e: Operand): Tensor {
  if (typeof e !== 'number') return launchMap(powInt, [x, e]);
  if (e < 0)
    throw new ArgumentError(
      `pow: expected an exponent ≥ 0 for integers, got ${e}: convert them with \`float()\``,
    );
  return launchMap(powInt, [x, tensor(e, { dtype: 'int32', device: x.device })]);
}

const powerOf = (x: Tensor, e: number): Tensor =>
  record('pow', launchMap(powNumber, [x], { e }), [x], (dy) => [
    e === 0 ? zerosLike(dy) : affine(mul(dy, powerOf(x, e - 1)), e, 0),
  ]);

function tensorPower(x: Tensor, e: Tensor): Tensor {
  const y = launchMap(powTensor, [x, e]);
  return record('pow', y, [x, e], (dy) => {
    // 0 where the formulas have 0 times infinity.
    const byBase = () => maskedFill(mul(e, pow(x, sub(e, 1))), eq(e, 0), 0);
    const isZero = () => logicalAnd(eq(x, 0), logicalNot(lt(e, 0)));
    const byExponent = () => maskedFill(mul(y, log(x)), isZero(), 0);
    return [
      x.requiresGrad ? sumToSize(mul(dy, byBase()), x.shape) : null,
      e.requiresGrad ? sumToSize(mul(dy, byExponent()), e.shape) : null,
    ];
  });
}
