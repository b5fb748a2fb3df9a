/** Conversions of single numbers between float32 and the 16-bit formats, by their bits. */

/** Kinds of 16-bit floats. */
export type HalfKind = 'float16' | 'bfloat16';

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** Bits of a float32. */
export function bitsOf(value: number): number {
  float[0] = value;
  return word[0];
}

function floatOf(bits: number): number {
  word[0] = bits;
  return float[0];
}

/** IEEE 754 binary16, rounded to nearest, ties to even; from 65520 on infinity. */
function toFloat16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000)
    return sign | (((magnitude + 0xfff + ((magnitude >>> 13) & 1)) >>> 13) - (112 << 10));
  // Below 2^-14 halves count in 2^-24. A double ≥ 2^52 has no fraction: the sum rounds.
  return sign | (floatOf(magnitude) * 2 ** 24 + 2 ** 52 - 2 ** 52);
}

function fromFloat16Bits(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(half >>> 10) & 31, half & 0x3ff];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32, rounded to nearest, ties to even. */
const toBfloat16Bits = (bits: number): number =>
  (bits & 0x7fffffff) > 0x7f800000
    ? ((bits >>> 16) & 0x8000) | 0x7fc0
    : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** 16 bits of a number in a format. */
export const toHalfBits = (value: number, kind: HalfKind): number =>
  (kind === 'float16' ? toFloat16Bits : toBfloat16Bits)(bitsOf(value));

/** The number that 16 bits stand for. */
export const fromHalfBits = (half: number, kind: HalfKind): number =>
  kind === 'float16' ? fromFloat16Bits(half) : floatOf(half << 16);

/** WGSL: `toHalf` from the bits of a float32 to 16 bits, and `fromHalf` back. */
export const halfWgsl: Record<HalfKind, string> = {
  float16: `
fn toHalf(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude >= 0x38800000u) {
    return sign | (((magnitude + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u) - 0x1c000u);
  }
  let exponent = magnitude >> 23u;
  if (exponent < 102u) { return sign; }
  let fraction = (magnitude & 0x7fffffu) | 0x800000u;
  let shift = 126u - exponent;
  let whole = fraction >> shift;
  let rest = fraction & ((1u << shift) - 1u);
  let middle = 1u << (shift - 1u);
  let isUp = rest > middle || (rest == middle && (whole & 1u) == 1u);
  return sign | (whole + select(0u, 1u, isUp));
}
fn fromHalf(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let exponent = (half >> 10u) & 31u;
  let fraction = half & 0x3ffu;
  if (exponent == 31u) { return sign | 0x7f800000u | (fraction << 13u); }
  if (exponent == 0u) { return sign | bitcast<u32>(f32(fraction) * ${2 ** -24}); }
  return sign | ((exponent + 112u) << 23u) | (fraction << 13u);
}`,
  bfloat16: `
fn toHalf(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return ((bits >> 16u) & 0x8000u) | 0x7fc0u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}
fn fromHalf(half: u32) -> u32 { return half << 16u; }`,
};
