/** The inner loop of products: 6 × 8 sums. */
import { madd } from './simd';

/**
 * The products of `steps` columns of six and rows of eight, packed one after the other, added up:
 * `stride` bytes lie between rows of the result. It never adds to what is there: with additions at
 * the end, V8 keeps sums in memory all through the loop.
 */
export function multiplyPanels(a: usize, b: usize, steps: u32, y: usize, stride: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    multiplyRows6(a, b, steps, y, stride);
    return;
  }
  // Products that are rounded on their own need registers too: no more than three rows have room.
  multiplyRows3(a, b, steps, y, stride);
  multiplyRows3(a + 12, b, steps, y + 3 * stride, stride);
}

function multiplyRows3(a: usize, b: usize, steps: u32, y: usize, stride: usize): void {
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00;
  const end = b + (<usize>steps << 5);
  while (b < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    s00 = madd(x, b0, s00);
    s01 = madd(x, b1, s01);
    x = v128.load32_splat(a, 4);
    s10 = madd(x, b0, s10);
    s11 = madd(x, b1, s11);
    x = v128.load32_splat(a, 8);
    s20 = madd(x, b0, s20);
    s21 = madd(x, b1, s21);
    a += 24;
    b += 32;
  }
  v128.store(y, s00);
  v128.store(y, s01, 16);
  y += stride;
  v128.store(y, s10);
  v128.store(y, s11, 16);
  y += stride;
  v128.store(y, s20);
  v128.store(y, s21, 16);
}

function multiplyRows6(a: usize, b: usize, steps: u32, y: usize, stride: usize): void {
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00;
  let s30 = s00, s31 = s00, s40 = s00, s41 = s00, s50 = s00, s51 = s00;
  const end = b + (<usize>steps << 5);
  while (b < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    s00 = madd(x, b0, s00);
    s01 = madd(x, b1, s01);
    x = v128.load32_splat(a, 4);
    s10 = madd(x, b0, s10);
    s11 = madd(x, b1, s11);
    x = v128.load32_splat(a, 8);
    s20 = madd(x, b0, s20);
    s21 = madd(x, b1, s21);
    x = v128.load32_splat(a, 12);
    s30 = madd(x, b0, s30);
    s31 = madd(x, b1, s31);
    x = v128.load32_splat(a, 16);
    s40 = madd(x, b0, s40);
    s41 = madd(x, b1, s41);
    x = v128.load32_splat(a, 20);
    s50 = madd(x, b0, s50);
    s51 = madd(x, b1, s51);
    a += 24;
    b += 32;
  }
  v128.store(y, s00);
  v128.store(y, s01, 16);
  y += stride;
  v128.store(y, s10);
  v128.store(y, s11, 16);
  y += stride;
  v128.store(y, s20);
  v128.store(y, s21, 16);
  y += stride;
  v128.store(y, s30);
  v128.store(y, s31, 16);
  y += stride;
  v128.store(y, s40);
  v128.store(y, s41, 16);
  y += stride;
  v128.store(y, s50);
  v128.store(y, s51, 16);
}
