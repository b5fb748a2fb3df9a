import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';

/**
 * Bytes of one element. The order is the reference library's, which orders the tensors of a file.
 */
const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  C64: 8,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

/** A type of elements, as safetensors files name it. */
export type SafetensorsDtype = keyof typeof dtypeBytes;

/** From the narrowest to the widest. */
export const dtypeOrder = Object.keys(dtypeBytes);

/** A tensor as stored in a file: row-major, little-endian. */
export interface RawTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  /** A view of the file's bytes, not a copy. */
  data: Uint8Array;
}

/**
 * Bytes that are not a valid safetensors file, or tensors that cannot be written to one.
 * @example
 * catch (error) {
 *   if (error instanceof SafetensorsError) console.error(error.message); // what the file has wrong
 * }
 */
export class SafetensorsError extends UsageError {
  override name = 'SafetensorsError';
  override readonly code = 'ERR_SAFETENSORS';
}

/** @throws SafetensorsError about a tensor, naming it. */
export function rejectTensor(name: string | undefined, why: string): never {
  throw new SafetensorsError(
    name === undefined ? `the tensor: ${why}` : `tensor ${formatValue(name)}: ${why}`,
  );
}

/** By dtype. The buffer holds one tensor; F32 values keep using it. */
const float32Decoders: { [dtype in SafetensorsDtype]?: (buffer: ArrayBuffer) => Float32Array } = {
  F32: (buffer) => new Float32Array(buffer),
  F64: (buffer) => new Float32Array(new Float64Array(buffer)),
  F16: (buffer) => float16ToFloat32(new Uint16Array(buffer)),
  BF16: (buffer) => {
    const halves = new Uint16Array(buffer);
    const bits = new Uint32Array(halves.length);
    for (let i = 0; i < bits.length; i++) bits[i] = halves[i] << 16;
    return new Float32Array(bits.buffer);
  },
};

/**
 * A decoder of a tensor's bytes to float32. The buffer must hold this tensor only: F32 values keep
 * using it.
 * @param name names the tensor in the message
 * @throws SafetensorsError for dtypes other than F64, F32, F16 and BF16.
 */
export function float32Decoder(
  dtype: SafetensorsDtype,
  name?: string,
): (buffer: ArrayBuffer) => Float32Array {
  return (
    float32Decoders[dtype] ??
    rejectTensor(name, `expected floats (F64, F32, F16 or BF16), got ${dtype}`)
  );
}

/**
 * The values of a floating-point tensor (F64, F32, F16, BF16) as float32, in fresh memory.
 * @param name names the tensor in the message
 * @throws SafetensorsError for another dtype.
 * @example
 * toFloat32(parseSafetensors(bytes).tensors.get('weight')!);
 */
export function toFloat32(raw: RawTensor, name?: string): Float32Array {
  // A copy is aligned, whatever the offset in the file.
  return float32Decoder(raw.dtype, name)(new Uint8Array(raw.data).buffer);
}

/**
 * Converts IEEE 754 binary32 to binary16, rounding to nearest, ties to even.
 * @param name names the tensor in the message
 * @throws SafetensorsError for NaN, and for values that would round to infinity.
 * @example
 * toFloat16(Float32Array.of(1, 0.5)); // the bits 0x3c00 and 0x3800
 */
export function toFloat16(floats: Float32Array, name?: string): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < halves.length; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    const half =
      magnitude < 0x38800000
        ? // Below 2^-14 halves count in 2^-24. A double ≥ 2^52 has no fraction: the sum rounds.
          Math.abs(floats[i]) * 2 ** 24 + 2 ** 52 - 2 ** 52
        : // A carry out of the fraction correctly increments the exponent, whose bias is 112 less.
          ((magnitude + 0xfff + ((magnitude >> 13) & 1)) >>> 13) - (112 << 10);
    if (half >= 0x7c00)
      rejectTensor(
        name,
        `expected numbers up to 65504 for float16, got ${floats[i]}: store it as float32`,
      );
    halves[i] = half | ((bits[i] >>> 16) & 0x8000);
  }
  return halves;
}

const integerArrays: {
  [dtype in SafetensorsDtype]?: new (
    buffer: ArrayBuffer,
  ) => ArrayLike<number | bigint>;
} = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
};

/**
 * The values of an integer or BOOL tensor as int32, in fresh memory.
 * @param name names the tensor in the message
 * @throws SafetensorsError for another dtype, or a value outside int32.
 * @example
 * toInt32(parseSafetensors(bytes).tensors.get('ids')!);
 */
export function toInt32(raw: RawTensor, name?: string): Int32Array {
  const IntegerArray = integerArrays[raw.dtype];
  if (!IntegerArray) rejectTensor(name, `expected integers, got ${raw.dtype}`);
  return Int32Array.from(new IntegerArray(new Uint8Array(raw.data).buffer), (value) => {
    const number = Number(value);
    if ((number | 0) !== number) rejectTensor(name, `expected integers of 32 bits, got ${value}`);
    return number;
  });
}

/** Whether a value names a dtype of the format whose elements are whole bytes. */
export function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(dtypeBytes, value);
}

/** Whether a value is a list of integers ≥ 0 that JavaScript represents exactly. */
export function isIndexArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/**
 * Size in bytes of a tensor of this dtype and shape.
 * @throws SafetensorsError when it overflows.
 */
export function byteSize(name: string, dtype: SafetensorsDtype, shape: readonly number[]): number {
  let size: number = dtypeBytes[dtype];
  for (const dimension of shape) {
    size *= dimension;
    if (!Number.isSafeInteger(size))
      rejectTensor(name, `shape ${formatValue(shape)} is too large for any file`);
  }
  return size;
}

/** Converts IEEE 754 binary16 to binary32, exactly. */
function float16ToFloat32(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i];
    if ((half & 0x7c00) === 0x7c00) {
      bits[i] = 0x7f800000 | ((half & 0x3ff) << 13);
    } else {
      // The smaller bias of halves makes this 2^112 too small. The product is exact, even if
      // subnormal.
      bits[i] = (half & 0x7fff) << 13;
      floats[i] *= 2 ** 112;
    }
    if (half & 0x8000) bits[i] |= 0x80000000;
  }
  return floats;
}
