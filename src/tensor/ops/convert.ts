import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { asDtype } from '../dtypes.ts';
import { floatToHalf } from '../half.ts';
import { viewOperation } from '../operation.ts';
import type { DType, Tensor } from '../tensor.ts';
import { ne, toFloat, toInt } from './elementwise.ts';

/** How each dtype is reached from any other. */
const conversions: Record<DType, (x: Tensor) => Tensor> = {
  float32: toFloat,
  float16: (x) => floatToHalf(toFloat(x), 'float16'),
  bfloat16: (x) => floatToHalf(toFloat(x), 'bfloat16'),
  int32: (x) => asDtype(toInt(x), 'int32'),
  bool: (x) => asDtype(ne(x, 0), 'bool'),
};

/**
 * x with another dtype: as it is if it has that already. Halves are rounded to nearest; integers
 * lose the fraction, booleans are whether the element is not 0. Between floats gradients flow. For
 * another device, read it: `tensor(await x.data(), { shape: x.shape, device })`.
 * @throws ArgumentError if there is no such dtype.
 * @example
 * const stored = weights.to('float16'); // half the memory
 */
export const to = viewOperation('to', 1, (x: Tensor, dtype: DType): Tensor => {
  if (!Object.hasOwn(conversions, dtype))
    throw new ArgumentError(
      `to: expected ${Object.keys(conversions).join(', ')}, got ${formatValue(dtype)}`,
    );
  return x.dtype === dtype ? x : conversions[dtype](x);
});

/** x as float32; see `to`. */
export const float = viewOperation('float', 1, (x: Tensor): Tensor => to(x, 'float32'));
/** x as float16; see `to`. */
export const half = viewOperation('half', 1, (x: Tensor): Tensor => to(x, 'float16'));
/** x as bfloat16; see `to`. */
export const bfloat16 = viewOperation('bfloat16', 1, (x: Tensor): Tensor => to(x, 'bfloat16'));
/** x as int32; see `to`. */
export const int = viewOperation('int', 1, (x: Tensor): Tensor => to(x, 'int32'));
/** x as bool; see `to`. */
export const bool = viewOperation('bool', 1, (x: Tensor): Tensor => to(x, 'bool'));
