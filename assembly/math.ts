/**
 * Functions of four floats. The polynomials are those of the WGSL
 * (src/kernels/kit/mathFunctions.ts) and of Cephes.
 */
import { madd } from './simd';

// @ts-ignore: decorator
@inline
function c(x: f32): v128 {
  return f32x4.splat(x);
}

/** a × x + b. */
// @ts-ignore: decorator
@inline
function step(a: v128, x: v128, b: v128): v128 {
  return madd(a, x, b);
}

// @ts-ignore: decorator
@inline
export function abs(x: v128): v128 {
  return f32x4.abs(x);
}

/** 1.5 × 2^23: what is added to it is rounded to a whole number, in the lowest bits. */
const ROUNDER: f32 = 12582912;
const ROUNDER_BITS: i32 = 0x4b400000;

/** exp(r) of the remainder r = x - n ln 2, |r| ≤ ln 2 / 2: a polynomial of degree 6 (Cephes). */
// @ts-ignore: decorator
@inline
function expOfRemainder(x: v128, n: v128): v128 {
  // ln 2 in two parts: n times the first is exact.
  const r = step(n, c(2.12194440e-4), step(n, c(-0.693359375), x));
  let e = step(c(1.9875691500e-4), r, c(1.3981999507e-3));
  e = step(e, r, c(8.3334519073e-3));
  e = step(e, r, c(4.1665795894e-2));
  e = step(e, r, c(1.6666665459e-1));
  e = step(e, r, c(5.0000001201e-1));
  return f32x4.add(step(e, f32x4.mul(r, r), r), c(1));
}

/** 2^n for whole n from -126 to 127, as an integer; its upper bits do not matter. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/**
 * exp(x): 0 below -87.34 (where float32 has no normal number), Infinity above 88.73, NaN for NaN.
 */
// @ts-ignore: decorator
@inline
export function exp(v: v128): v128 {
  // Just beyond the largest one that does not overflow; `pmin` lets a NaN through.
  const x = f32x4.pmin(v, c(89));
  const rounded = step(x, c(1.4426950408889634), c(ROUNDER));
  const e = expOfRemainder(x, f32x4.sub(rounded, c(ROUNDER)));
  // In two factors: 2^128 is no float32.
  const whole = i32x4.sub(rounded, i32x4.splat(ROUNDER_BITS));
  const half = i32x4.shr_s(whole, 1);
  const scaled = f32x4.mul(f32x4.mul(e, powerOfTwo(half)), powerOfTwo(i32x4.sub(whole, half)));
  return v128.andnot(scaled, f32x4.lt(x, c(-87.33654)));
}

/** The same for x of at most 0, or NaN: one factor is enough. */
// @ts-ignore: decorator
@inline
export function expNonPositive(x: v128): v128 {
  const rounded = step(x, c(1.4426950408889634), c(ROUNDER));
  const e = expOfRemainder(x, f32x4.sub(rounded, c(ROUNDER)));
  return v128.andnot(f32x4.mul(e, powerOfTwo(rounded)), f32x4.lt(x, c(-87.33654)));
}

/** ln(x) = e ln 2 + ln(m), with m from √½ to √2 (Cephes' logf). */
export function log(x: v128): v128 {
  // Subnormal numbers are made normal.
  const tiny = f32x4.lt(x, c(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, c(8388608)), x, tiny);
  let exponent = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(scaled, 23), i32x4.splat(126)));
  exponent = f32x4.sub(exponent, v128.and(tiny, c(23)));
  let m = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), c(0.5));
  const low = f32x4.lt(m, c(0.707106781186547524));
  exponent = f32x4.sub(exponent, v128.and(low, c(1)));
  m = f32x4.sub(f32x4.add(m, v128.and(low, m)), c(1));
  const z = f32x4.mul(m, m);
  let y = step(c(7.0376836292e-2), m, c(-1.1514610310e-1));
  y = step(y, m, c(1.1676998740e-1));
  y = step(y, m, c(-1.2420140846e-1));
  y = step(y, m, c(1.4249322787e-1));
  y = step(y, m, c(-1.6668057665e-1));
  y = step(y, m, c(2.0000714765e-1));
  y = step(y, m, c(-2.4999993993e-1));
  y = step(y, m, c(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, m), z);
  y = step(exponent, c(-2.12194440e-4), y);
  y = f32x4.sub(y, f32x4.mul(z, c(0.5)));
  y = step(exponent, c(0.693359375), f32x4.add(m, y));
  y = v128.bitselect(x, y, f32x4.eq(x, c(Infinity)));
  y = v128.bitselect(c(-Infinity), y, f32x4.eq(x, c(0)));
  // Not a number below 0, or for NaN.
  return v128.bitselect(y, c(NaN), f32x4.ge(x, c(0)));
}

/** log(1 + x) for x from 0 to 1: see `log1pWgsl`. */
export function log1p(x: v128): v128 {
  const r = f32x4.div(x, f32x4.add(x, c(2)));
  const s = f32x4.mul(r, r);
  let y = step(s, c(1 / 15), c(1 / 13));
  y = step(y, s, c(1 / 11));
  y = step(y, s, c(1 / 9));
  y = step(y, s, c(1 / 7));
  y = step(y, s, c(1 / 5));
  y = step(y, s, c(1 / 3));
  y = f32x4.add(r, f32x4.mul(f32x4.mul(r, s), y));
  return f32x4.add(y, y);
}

/** erf as a rational function: see `erfWgsl`. */
export function erf(v: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(v, c(4)), c(-4));
  const s = f32x4.mul(x, x);
  let n = step(s, c(-2.72614225801306e-10), c(2.77068142495902e-8));
  n = step(n, s, c(-2.10102402082508e-6));
  n = step(n, s, c(-5.69250639462346e-5));
  n = step(n, s, c(-7.34990630326855e-4));
  n = step(n, s, c(-2.95459980854025e-3));
  n = step(n, s, c(-1.60960333262415e-2));
  let d = step(s, c(-1.45660718464996e-5), c(-2.13374055278905e-4));
  d = step(d, s, c(-1.68282697438203e-3));
  d = step(d, s, c(-7.37332916720468e-3));
  d = step(d, s, c(-1.42647390514189e-2));
  return f32x4.div(f32x4.mul(x, n), d);
}

/** 1 / (1 + exp(-x)). */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(c(1), f32x4.add(c(1), exp(f32x4.neg(x))));
}

/** tanh(x) = 1 - 2 / (exp(2x) + 1), and for small x by its series; ±1 beyond 15. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x);
  const e = exp(f32x4.add(size, size));
  let t = f32x4.sub(c(1), f32x4.div(c(2), f32x4.add(e, c(1))));
  // Below 0.625: x + x³ P(x²) (Cephes' tanhf), since the difference loses digits there.
  const s = f32x4.mul(x, x);
  let q = step(c(-5.70498872745e-3), s, c(2.06390887954e-2));
  q = step(q, s, c(-5.37397155531e-2));
  q = step(q, s, c(1.33314422036e-1));
  q = step(q, s, c(-3.33332819422e-1));
  const small = f32x4.add(x, f32x4.mul(f32x4.mul(q, s), x));
  // The sign of x.
  t = v128.or(t, v128.and(x, c(-0.0)));
  return v128.bitselect(small, t, f32x4.lt(size, c(0.625)));
}

/** exp(-x²/2) from |x| limited to 15. */
// @ts-ignore: decorator
@inline
export function gaussian(size: v128): v128 {
  return expNonPositive(f32x4.mul(f32x4.mul(size, size), c(-0.5)));
}

/** Φ(x), from min(|x|, 15) and `gaussian` of it: see `normalCdfWgsl`. */
// @ts-ignore: decorator
@inline
export function normalCdf(x: v128, size: v128, gauss: v128): v128 {
  const square = f32x4.mul(size, size);
  const n = step(
    square,
    step(size, c(0.39885377), c(2.88469572)),
    step(size, c(8.9101001), c(12.6453793)),
  );
  const d = step(
    square,
    f32x4.add(step(size, c(7.22326502), c(23.4452205)), square),
    step(size, c(37.9990269), c(25.290764)),
  );
  const tail = f32x4.mul(gauss, f32x4.div(n, d));
  return v128.bitselect(tail, f32x4.sub(c(1), tail), f32x4.lt(x, c(0)));
}

/** |x|, or 15: beyond it the normal density is 0 in float32. A NaN stays one. */
// @ts-ignore: decorator
@inline
export function cappedSize(x: v128): v128 {
  // `pmin` is one instruction, and gives its first operand where one is not a number.
  return f32x4.pmin(f32x4.abs(x), c(15));
}

/** x Φ(x). */
// @ts-ignore: decorator
@inline
export function gelu(x: v128): v128 {
  const size = cappedSize(x);
  return f32x4.mul(x, normalCdf(x, size, gaussian(size)));
}

/** GELU by tanh. */
// @ts-ignore: decorator
@inline
export function geluTanh(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(f32x4.mul(c(0.044715), x), x), x);
  const t = tanh(f32x4.mul(c(0.7978845608028654), f32x4.add(x, cube)));
  return f32x4.mul(f32x4.mul(c(0.5), x), f32x4.add(c(1), t));
}

/** d/dx x Φ(x) = Φ(x) + x φ(x). */
// @ts-ignore: decorator
@inline
export function geluSlope(x: v128): v128 {
  const size = cappedSize(x);
  const gauss = gaussian(size);
  const density = f32x4.mul(gauss, c(0.3989422804014327));
  return f32x4.add(normalCdf(x, size, gauss), f32x4.mul(x, density));
}

/** The same for GELU by tanh; beyond 10 the slope is 1 or 0, but the formula overflows. */
// @ts-ignore: decorator
@inline
export function geluTanhSlope(v: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(v, c(10)), c(-10));
  const square = f32x4.mul(x, x);
  const inner = f32x4.mul(x, step(square, c(0.044715), c(1)));
  const t = tanh(f32x4.mul(c(0.7978845608028654), inner));
  const slope = f32x4.mul(c(0.7978845608028654), step(square, c(0.134145), c(1)));
  const rest = f32x4.mul(f32x4.sub(c(1), f32x4.mul(t, t)), f32x4.mul(x, slope));
  return f32x4.mul(c(0.5), f32x4.add(f32x4.add(c(1), t), rest));
}
