import type { Binding } from '../device/device.ts';
import { fromHalfBits, type HalfKind, toHalfBits } from '../kernels/kit/half.ts';
import { ArgumentError } from '../platform/errors.ts';
import { forEachStrided, product, type Shape } from './shape.ts';

/** Elements are 32 bits wide, or 16 (float16, bfloat16); booleans are integers 0 and 1. */
export type DType = 'float32' | 'int32' | 'bool' | HalfKind;
export const dtypes: readonly DType[] = ['float32', 'float16', 'bfloat16', 'int32', 'bool'];

/** Whether it is float16 or bfloat16: operations convert these to float32 and back. */
export const isHalf = (dtype: DType): dtype is HalfKind =>
  dtype === 'float16' || dtype === 'bfloat16';

/** Words of memory that hold the elements from `start` to below `end`. */
export const wordRange = (dtype: DType, start: number, end: number): [from: number, to: number] =>
  isHalf(dtype) ? [Math.floor(start / 2), Math.ceil(end / 2)] : [start, end];

/** The elements in words of memory: float32, or int32 of integers and booleans. */
export function decode(bytes: ArrayBuffer, dtype: DType): Float32Array | Int32Array {
  if (dtype === 'float32') return new Float32Array(bytes);
  if (!isHalf(dtype)) return new Int32Array(bytes);
  return Float32Array.from(new Uint16Array(bytes), (bits) => fromHalfBits(bits, dtype));
}

/**
 * Words of memory for values. As booleans, all but 0 become 1; integers lose their fraction.
 * @throws ArgumentError if a value does not fit into int32.
 */
export function encode(
  values: ArrayLike<number>,
  dtype: DType,
): Float32Array | Int32Array | Uint32Array {
  if (dtype === 'bool') return Int32Array.from(values, (value) => Number(value !== 0));
  if (dtype === 'float32')
    return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32')
    return values instanceof Int32Array ? values : Int32Array.from(values, toInt32);
  const halves = new Uint16Array(2 * Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) halves[i] = toHalfBits(values[i], dtype);
  return new Uint32Array(halves.buffer);
}

/** A number without its fraction. @throws ArgumentError if it is not in the range of int32. */
export function toInt32(value: number): number {
  const whole = Math.trunc(value);
  if (!(Math.abs(whole) < 2 ** 31) && whole !== -(2 ** 31))
    throw new ArgumentError(`expected integers of 32 bits, got ${value}`);
  return whole;
}

let hasHalves = false;
/** Notes that there is a float16 or bfloat16 tensor. */
export const noteHalf = (): void => {
  hasHalves = true;
};
/** Whether there has been one: operations look for them only then. */
export const halvesExist = (): boolean => hasHalves;

/** A view of memory. */
interface View {
  readonly storage: { readonly binding: Binding };
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  readonly dtype: DType;
  readonly isContiguous: boolean;
}

/** The words of memory from the first to the last element. */
export function memoryOf({ storage, shape, strides, offset, dtype }: View): Binding {
  const { buffer, offset: start } = storage.binding;
  const last = shape.reduce((at, n, d) => at + (n - 1) * strides[d], offset);
  const [from, to] = wordRange(dtype, offset, last + 1);
  return { buffer, offset: start + from * 4, size: (to - from) * 4 };
}

/** The elements in row-major order, from the bytes of `memoryOf`. */
export function elementsIn(
  bytes: ArrayBuffer,
  { shape, strides, offset, dtype, isContiguous }: View,
): Float32Array | Int32Array {
  const values = decode(bytes, dtype);
  const size = product(shape);
  const start = isHalf(dtype) ? offset % 2 : 0;
  if (isContiguous) return values.length === size ? values : values.slice(start, start + size);
  const dense =
    dtype === 'int32' || dtype === 'bool' ? new Int32Array(size) : new Float32Array(size);
  forEachStrided(shape.length, shape, [strides], [start], (i, [at]) => {
    dense[i] = values[at];
  });
  return dense;
}

/** Words of memory that the elements of a dense tensor take. */
export const wordsOf = ({ dtype, size }: { dtype: DType; size: number }): number =>
  wordRange(dtype, 0, size)[1];
