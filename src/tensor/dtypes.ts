import { ArgumentError } from '../platform/errors.ts';
import { type DType, Tensor } from './tensor.ts';

/** The same words under another dtype: integers 0 and 1 as bool, bool as int32. Not recorded. */
export const asDtype = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : new Tensor(x.storage, x.shape, dtype, x.strides, x.offset);

/** @throws ArgumentError unless x is float32: PyTorch has no result of integers here either. */
export function requireFloat(x: Tensor, operation: string): void {
  if (x.dtype !== 'float32')
    throw new ArgumentError(
      `${operation}: expected float32, got ${x.dtype}: convert it with toFloat()`,
    );
}
