import { wgsl } from '../../device/kernel.ts';

/**
 * Special functions that WGSL lacks or leaves loose, for scalars and vectors alike (`V`). They
 * limit values by comparison: `clamp` and `min` would turn a NaN into a number.
 */

/** WGSL: x limited to [-limit, limit]; a NaN stays NaN. */
export const clampKeepingNan = (x: string, limit: number): string =>
  `select(select(${x}, V(${limit}), ${x} > V(${limit})), V(-${limit}), ${x} < V(-${limit}))`;

/** Tests the bits, since compilers may assume that x == x. */
export const isNanWgsl = wgsl`
fn isNan(x: V) -> B { return (bitcast<I>(x) & I(0x7fffffff)) > I(0x7f800000); }
`;

/** The larger of two, or NaN if either is NaN: WGSL's max may drop it. */
export const maximumWgsl = `${isNanWgsl}
fn maximum(a: V, b: V) -> V { return select(select(a, b, b > a), b, isNan(b)); }
`;

/**
 * tanh that cannot overflow: beyond 15 it is 1 in float32, and some drivers give NaN there. For
 * small x, drivers may subtract almost equal numbers; x - x³/3 has a relative error of 1e-6.
 */
export const tanhWgsl = wgsl`
fn tanh_(x: V) -> V {
  let byTanh = tanh(${clampKeepingNan('x', 15)});
  return select(byTanh, x - x * x * x * ${1 / 3}, abs(x) < V(0.05));
}
`;

/**
 * log(1 + x) for x from 0 to 1, with a small relative error: 2 artanh(x / (2 + x)) by its series.
 */
export const log1pWgsl = wgsl`
fn log1p_(x: V) -> V {
  let r = x / (2.0 + x);
  let s = r * r;
  var series = s * ${1 / 15} + ${1 / 13};
  series = series * s + ${1 / 11};
  series = series * s + ${1 / 9};
  series = series * s + ${1 / 7};
  series = series * s + ${1 / 5};
  series = series * s + ${1 / 3};
  return 2.0 * (r + r * s * series);
}
`;

/** erf as a rational function of x on [-4, 4]; outside it is ±1 in float32. Error below 3e-7. */
export const erfWgsl = wgsl`
fn erf_(v: V) -> V {
  let x = ${clampKeepingNan('v', 4)};
  let s = x * x;
  var n = s * -2.72614225801306e-10 + 2.77068142495902e-8;
  n = n * s - 2.10102402082508e-6;
  n = n * s - 5.69250639462346e-5;
  n = n * s - 7.34990630326855e-4;
  n = n * s - 2.95459980854025e-3;
  n = n * s - 1.60960333262415e-2;
  var d = s * -1.45660718464996e-5 - 2.13374055278905e-4;
  d = d * s - 1.68282697438203e-3;
  d = d * s - 7.37332916720468e-3;
  d = d * s - 1.42647390514189e-2;
  return x * n / d;
}
`;

/**
 * Φ(x), the share of the standard normal distribution below x, from `absX`, its `cappedAbs`, and
 * `gauss`, exp(-x²/2): the tail beyond |x| is the density times Mills' ratio, here `gauss` times a
 * quotient of polynomials. The relative error is 1e-6 in the lower tail too, where a neuron's
 * gradient is small. For a NaN the result is any number.
 */
export const normalCdfWgsl = wgsl`
// |x|, or 15: tail this the density is 0 in float32.
fn cappedAbs(x: V) -> V { return min(abs(x), V(15.0)); }
fn gaussian(absX: V) -> V { return exp2(absX * absX * ${-0.5 * Math.LOG2E}); }
fn normalCdf(x: V, absX: V, gauss: V) -> V {
  // In halves, so that one need not wait for the other.
  let square = absX * absX;
  let n = (absX * 8.9101001 + 12.6453793) + square * (absX * 0.39885377 + 2.88469572);
  let d = (absX * 37.9990269 + 25.290764) + square * ((absX * 7.22326502 + 23.4452205) + square);
  let tail = gauss * (n / d);
  return select(1.0 - tail, tail, x < V(0.0));
}
`;

/** erf in float64, by its series of positive terms (Abramowitz & Stegun 7.1.6). */
export function erfReference(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  const square = 2 * x * x;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= square / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** 1 - erf(x) in float64; beyond 2 by its continued fraction (Abramowitz & Stegun 7.1.14). */
export function erfcReference(x: number): number {
  if (!(x > 2)) return 1 - erfReference(x);
  let fraction = x;
  for (let k = 60; k > 0; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
