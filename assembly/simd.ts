/** a × b + c: rounded once where the build has relaxed SIMD and the processor fuses, else twice. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of the four lanes, in a fixed order. */
// @ts-ignore: decorator
@inline
export function hsum(x: v128): f32 {
  const y = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(y, 0) + f32x4.extract_lane(y, 1);
}

/** Copies `count` words: for short runs, quicker than memory.copy, which leaves WebAssembly. */
// @ts-ignore: decorator
@inline
export function copyWords(to: usize, from: usize, count: u32): void {
  const end = to + (<usize>count << 2);
  for (; to + 16 <= end; to += 16, from += 16) v128.store(to, v128.load(from));
  for (; to < end; to += 4, from += 4) store<u32>(to, load<u32>(from));
}

/** The first `count` (1 to 3) floats at an address, and `rest` in the other lanes. */
export function loadPart(at: usize, count: u32, rest: f32): v128 {
  let x = v128.load32_lane(at, f32x4.splat(rest), 0);
  if (count > 1) x = v128.load32_lane(at + 4, x, 1);
  if (count > 2) x = v128.load32_lane(at + 8, x, 2);
  return x;
}

/** Stores the first `count` (1 to 3) lanes. */
export function storePart(at: usize, x: v128, count: u32): void {
  v128.store32_lane(at, x, 0);
  if (count > 1) v128.store32_lane(at + 4, x, 1);
  if (count > 2) v128.store32_lane(at + 8, x, 2);
}
