/**
 * Functions of four floats, in plain multiplications and additions: their bits are the same in both
 * builds. The polynomials are those of the WGSL (src/kernels/kit/mathFunctions.ts).
 */

// @ts-ignore: decorator
@inline
function c(x: f32): v128 {
  return f32x4.splat(x);
}

/** a × x + b, rounded twice. */
// @ts-ignore: decorator
@inline
function step(a: v128, x: v128, b: v128): v128 {
  return f32x4.add(f32x4.mul(a, x), b);
}

// @ts-ignore: decorator
@inline
export function abs(x: v128): v128 {
  return f32x4.abs(x);
}

/** 2^n for whole n from -126 to 127, as an integer. */
// @ts-ignore: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/**
 * exp(x): 0 below -87.34 (where float32 has no normal number), Infinity above 88.73, NaN for NaN.
 * x = n ln 2 + r with |r| ≤ ln 2 / 2, and a polynomial of degree 6 for exp(r) (Cephes' expf).
 */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(x, c(1.4426950408889634)));
  // ln 2 in two parts: n times the first is exact.
  let r = f32x4.sub(x, f32x4.mul(n, c(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, c(2.12194440e-4)));
  let e = step(c(1.9875691500e-4), r, c(1.3981999507e-3));
  e = step(e, r, c(8.3334519073e-3));
  e = step(e, r, c(4.1665795894e-2));
  e = step(e, r, c(1.6666665459e-1));
  e = step(e, r, c(5.0000001201e-1));
  e = f32x4.add(step(e, f32x4.mul(r, r), r), c(1));
  // In two factors: 2^128 is no float32.
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  e = f32x4.mul(f32x4.mul(e, powerOfTwo(half)), powerOfTwo(i32x4.sub(whole, half)));
  e = v128.andnot(e, f32x4.lt(x, c(-87.33654)));
  e = v128.bitselect(c(Infinity), e, f32x4.gt(x, c(88.72284)));
  return v128.bitselect(x, e, f32x4.ne(x, x));
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
  return exp(f32x4.mul(f32x4.mul(size, size), c(-0.5)));
}

/** Φ(x), from min(|x|, 15) and `gaussian` of it: see `normalCdfWgsl`. */
// @ts-ignore: decorator
@inline
export function normalCdf(x: v128, size: v128, gauss: v128): v128 {
  const square = f32x4.mul(size, size);
  const n = f32x4.add(
    step(size, c(8.9101001), c(12.6453793)),
    f32x4.mul(square, step(size, c(0.39885377), c(2.88469572))),
  );
  const d = f32x4.add(
    step(size, c(37.9990269), c(25.290764)),
    f32x4.mul(square, f32x4.add(step(size, c(7.22326502), c(23.4452205)), square)),
  );
  const tail = f32x4.mul(gauss, f32x4.div(n, d));
  return v128.bitselect(tail, f32x4.sub(c(1), tail), f32x4.lt(x, c(0)));
}

/** |x|, or 15: beyond it the normal density is 0 in float32. A NaN stays one. */
// @ts-ignore: decorator
@inline
export function cappedSize(x: v128): v128 {
  return f32x4.min(f32x4.abs(x), c(15));
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
