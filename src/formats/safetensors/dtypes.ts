import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';

/** Bytes of one element. In the reference library's order, which decides where a tensor lies in a file. */
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

export type SafetensorsDtype = keyof typeof dtypeBytes;

/** From the narrowest to the widest. */
export const dtypeOrder = Object.keys(dtypeBytes);

/** A tensor as it lies in a file: row-major, little-endian. */
export interface RawTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  /** A view of the file's bytes, not a copy. */
  data: Uint8Array;
}

/** Bytes that are not a valid safetensors file, or tensors that cannot become one. */
export class SafetensorsError extends UsageError {
  override name = 'SafetensorsError';
  override readonly code = 'ERR_SAFETENSORS';
}

/** Refuses a tensor by name. */
export function rejectTensor(name: string | undefined, why: string): never {
  throw new SafetensorsError(
    name === undefined ? `the tensor ${why}` : `tensor ${formatValue(name)} ${why}`,
  );
}

/** Of a tensor's bytes alone in their buffer, which F32 values go on using. */
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
 * What makes float32 of a tensor's bytes, which must be alone in their buffer: F32 values go on using it.
 * @throws SafetensorsError when the dtype is not F64, F32, F16 or BF16; `name` is for the message.
 */
export function float32Decoder(
  dtype: SafetensorsDtype,
  name?: string,
): (buffer: ArrayBuffer) => Float32Array {
  return (
    float32Decoders[dtype] ??
    rejectTensor(name, `is ${dtype}; expected floats (F64, F32, F16 or BF16)`)
  );
}

/**
 * The values of a floating-point tensor (F64, F32, F16, BF16) as float32, always in fresh memory.
 * @throws SafetensorsError for another dtype; `name` is for the message.
 */
export function toFloat32(raw: RawTensor, name?: string): Float32Array {
  // A copy starts aligned, wherever the tensor lay in its file.
  return float32Decoder(raw.dtype, name)(new Uint8Array(raw.data).buffer);
}

/**
 * IEEE 754 binary32 to binary16, to the nearest, of two as near to the even one.
 * @throws SafetensorsError for NaN, and for what would round to infinity; `name` is for the message.
 */
export function toFloat16(floats: Float32Array, name?: string): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < halves.length; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    const half =
      magnitude < 0x38800000
        ? // Below 2^-14 a half counts in 2^-24. A double as large as 2^52 has no fraction, so the sum rounds.
          Math.abs(floats[i]) * 2 ** 24 + 2 ** 52 - 2 ** 52
        : // A carry out of the fraction goes, rightly, into the exponent, whose bias is 112 less.
          ((magnitude + 0xfff + ((magnitude >> 13) & 1)) >>> 13) - (112 << 10);
    if (half >= 0x7c00)
      rejectTensor(
        name,
        `holds ${floats[i]}; float16 takes numbers up to 65504: store it as float32`,
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
 * The values of an integer or BOOL tensor as int32, always in fresh memory.
 * @throws SafetensorsError for another dtype, or a value outside int32; `name` is for the message.
 */
export function toInt32(raw: RawTensor, name?: string): Int32Array {
  const IntegerArray = integerArrays[raw.dtype];
  if (!IntegerArray) rejectTensor(name, `is ${raw.dtype}; expected integers`);
  return Int32Array.from(new IntegerArray(new Uint8Array(raw.data).buffer), (value) => {
    const number = Number(value);
    if ((number | 0) !== number)
      rejectTensor(name, `holds ${value}, which does not fit into 32 bits`);
    return number;
  });
}

/** Whether the format knows a dtype of this name whose elements fill whole bytes. */
export function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(dtypeBytes, value);
}

/** Whether a value can be a shape or offsets: whole numbers that JavaScript holds exactly. */
export function isIndexArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/**
 * Bytes of a tensor of this dtype and shape.
 * @throws SafetensorsError when the product overflows.
 */
export function byteSize(name: string, dtype: SafetensorsDtype, shape: readonly number[]): number {
  let size: number = dtypeBytes[dtype];
  for (const dimension of shape) {
    size *= dimension;
    if (!Number.isSafeInteger(size))
      rejectTensor(name, `has the shape ${formatValue(shape)}, too large for any file`);
  }
  return size;
}

/** IEEE 754 binary16 to binary32, exactly. */
function float16ToFloat32(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i];
    if ((half & 0x7c00) === 0x7c00) {
      bits[i] = 0x7f800000 | ((half & 0x3ff) << 13);
    } else {
      // In a float's place the exponent reads 2^112 too small; the product is exact, subnormals included.
      bits[i] = (half & 0x7fff) << 13;
      floats[i] *= 2 ** 112;
    }
    if (half & 0x8000) bits[i] |= 0x80000000;
  }
  return floats;
}
