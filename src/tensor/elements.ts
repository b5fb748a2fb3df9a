import { fromHalfBits, type HalfKind, toHalfBits } from '../kernels/kit/half.ts';
import { ArgumentError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
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
function decode(bytes: ArrayBuffer, dtype: DType): Float32Array | Int32Array {
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

/** How elements lie in memory. */
interface Layout {
  dtype: DType;
  shape: Shape;
  strides: readonly number[];
  offset: number;
  isContiguous: boolean;
}

/** The elements in row-major order, from the words of memory that hold the first to the last. */
export function elementsIn(
  bytes: ArrayBuffer,
  { dtype, shape, strides, offset, isContiguous }: Layout,
): Float32Array | Int32Array {
  const values = decode(bytes, dtype);
  const start = isHalf(dtype) ? offset % 2 : 0;
  const size = product(shape);
  if (isContiguous) return values.length === size ? values : values.slice(start, start + size);
  const dense = values instanceof Float32Array ? new Float32Array(size) : new Int32Array(size);
  forEachStrided(shape.length, shape, [strides], [start], (i, [at]) => {
    dense[i] = values[at];
  });
  return dense;
}

/** Elements in row-major order as nested arrays. */
export function nestElements(values: ArrayLike<number>, shape: Shape): unknown {
  let at = 0;
  const nest = (d: number): unknown =>
    d === shape.length ? values[at++] : Array.from({ length: shape[d] }, () => nest(d + 1));
  return nest(0);
}

/** @throws ArgumentError if `dtype` is none of ours. */
export function checkDtype(dtype: DType): void {
  if (dtypes.includes(dtype)) return;
  const hint = String(dtype).includes('64') ? ': integers are int32 here, floats float32' : '';
  throw new ArgumentError(`dtype: expected ${dtypes.join(', ')}, got ${formatValue(dtype)}${hint}`);
}
