import { operation } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import { add, div, mul, type Operand } from './elementwise.ts';

/** Element by element, of three tensors. */

/**
 * x + value a b. @throws ArgumentError if shapes do not broadcast.
 * @example addcmul(tensor([1, 2]), tensor([3, 4]), tensor([2, 2]), 10); // [61, 82]
 */
export const addcmul = operation(
  'addcmul',
  3,
  (x: Tensor, a: Tensor, b: Tensor, value = 1): Tensor => add(x, mul(mul(a, b), value)),
);
/**
 * x + value a / b. @throws ArgumentError if shapes do not broadcast.
 * @example addcdiv(tensor([1, 2]), tensor([3, 4]), tensor([2, 2]), 10); // [16, 22]
 */
export const addcdiv = operation(
  'addcdiv',
  3,
  (x: Tensor, a: Tensor, b: Tensor, value = 1): Tensor => add(x, mul(div(a, b), value)),
);

/**
 * From x to `end` by the share `weight`, a number or a tensor: x + weight (end - x).
 * @throws ArgumentError if shapes do not broadcast.
 * @example
 * lerp(tensor([0, 10]), tensor([10, 20]), 0.5); // [5, 15]
 */
export const lerp = operation(
  'lerp',
  2,
  (x: Tensor, end: Tensor, weight: Operand): Tensor =>
    typeof weight === 'number' && weight >= 0.5
      ? end.sub(end.sub(x).mul(1 - weight))
      : x.add(end.sub(x).mul(weight)),
);
