/** Sums of rows. Long ones go in blocks, whose sums are added in float64. */
import { hsum, loadPart } from './simd';

/** Elements of a block. */
export const SUM_BLOCK: u32 = 2048;

/** Σ x over `count` elements. */
export function sumOf(x: usize, count: u32): f64 {
  let total: f64 = 0;
  for (let start: u32 = 0; start < count; start += SUM_BLOCK) {
    const n = min(SUM_BLOCK, count - start);
    let s0 = f32x4.splat(0), s1 = s0;
    let i: u32 = 0;
    for (; i + 8 <= n; i += 8, x += 32) {
      s0 = f32x4.add(s0, v128.load(x));
      s1 = f32x4.add(s1, v128.load(x, 16));
    }
    if (i + 4 <= n) {
      s0 = f32x4.add(s0, v128.load(x));
      i += 4;
      x += 16;
    }
    if (i < n) {
      s1 = f32x4.add(s1, loadPart(x, n - i, 0));
      x += (n - i) << 2;
    }
    total += <f64>hsum(f32x4.add(s0, s1));
  }
  return total;
}

/** Σ x y over `count` elements. */
export function dotOf(x: usize, y: usize, count: u32): f64 {
  let total: f64 = 0;
  for (let start: u32 = 0; start < count; start += SUM_BLOCK) {
    const n = min(SUM_BLOCK, count - start);
    let s0 = f32x4.splat(0), s1 = s0;
    let i: u32 = 0;
    for (; i + 8 <= n; i += 8, x += 32, y += 32) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(x), v128.load(y)));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(x, 16), v128.load(y, 16)));
    }
    if (i + 4 <= n) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(x), v128.load(y)));
      i += 4;
      x += 16;
      y += 16;
    }
    if (i < n) {
      s1 = f32x4.add(s1, f32x4.mul(loadPart(x, n - i, 0), loadPart(y, n - i, 0)));
      x += (n - i) << 2;
      y += (n - i) << 2;
    }
    total += <f64>hsum(f32x4.add(s0, s1));
  }
  return total;
}

/**
 * Largest of `count` elements, at least -FLT_MAX. What is not a number is passed over: sums of
 * exponentials are not numbers then. `pmax`, unlike `max`, is one instruction.
 */
export function maxOf(x: usize, count: u32): f32 {
  let m0 = f32x4.splat(-f32.MAX_VALUE), m1 = m0;
  const end = x + (<usize>count << 2);
  for (; x + 32 <= end; x += 32) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
  }
  if (x + 16 <= end) {
    m0 = f32x4.pmax(m0, v128.load(x));
    x += 16;
  }
  if (x < end) m1 = f32x4.pmax(m1, loadPart(x, <u32>((end - x) >> 2), -f32.MAX_VALUE));
  return largestLane(f32x4.pmax(m0, m1));
}

// @ts-ignore: decorator
@inline
export function largestLane(x: v128): f32 {
  const m = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1));
}

/** y += x. */
export function addRow(y: usize, x: usize, count: u32): void {
  const end = y + (<usize>count << 2);
  for (; y + 16 <= end; y += 16, x += 16)
    v128.store(y, f32x4.add(v128.load(y), v128.load(x)));
  for (; y < end; y += 4, x += 4) store<f32>(y, load<f32>(y) + load<f32>(x));
}
