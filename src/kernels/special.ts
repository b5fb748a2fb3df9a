import { wgsl } from '../gpu/kernel.ts';

/**
 * Special functions that WGSL lacks or leaves loose, for scalars and vectors alike (`V`).
 * They limit by comparison, not by `clamp`, which would turn a NaN into a number.
 */

/** By its bits: compilers may assume that no number differs from itself. */
export const isNanWgsl = wgsl`
fn isNan(x: V) -> B { return (bitcast<I>(x) & I(0x7fffffff)) > I(0x7f800000); }
`;

/** tanh that cannot overflow: beyond 15 it is 1 in float32, and some drivers give NaN there. */
export const tanhWgsl = wgsl`
fn tanh_(x: V) -> V { return tanh(select(select(x, V(15.0), x > V(15.0)), V(-15.0), x < V(-15.0))); }
`;

/** erf(x) / x as a quotient of polynomials in x², constant terms first, for x within ±4; beyond that erf is ±1 in float32. */
const ERF_LIMIT = 4;
const ERF_ABOVE = [
  -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
  2.77068142495902e-8, -2.72614225801306e-10,
];
const ERF_BELOW = [-1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5];

/** WGSL function of x: shift + height · erf(x · scale), to 3e-7 of the height. The constants are folded into the polynomials. */
function erfText(name: string, shift: string, height: number, scale: number): string {
  // The leading coefficient below is brought to 1, which saves a product.
  const lead = ERF_BELOW.at(-1)! * scale ** (2 * (ERF_BELOW.length - 1));
  const above = ERF_ABOVE.map((value, k) => (value * height * scale ** (2 * k + 1)) / lead);
  const below = ERF_BELOW.map((value, k) => (value * scale ** (2 * k)) / lead);
  const limit = ERF_LIMIT / scale;
  return wgsl`
fn ${name}(v: V) -> V {
  let x = select(select(v, V(${limit}), v > V(${limit})), V(-${limit}), v < V(-${limit}));
  let s = x * x;
  return ${shift}x * (${horner(above.toReversed())}) / (${horner(below.toReversed())});
}
`;
}

/** WGSL: a polynomial in `s`, highest power first. */
const horner = ([first, second, ...rest]: number[]): string =>
  rest.reduce((sum, value) => `(${sum}) * s + ${value}`, first === 1 ? `s + ${second}` : `s * ${first} + ${second}`);

export const erfWgsl = erfText('erf_', '', 1, 1);
/** The share of the standard normal distribution below x: (1 + erf(x / √2)) / 2. */
export const normalShareWgsl = erfText('normalShare', '0.5 + ', 0.5, Math.SQRT1_2);

/** erf in float64, by its series of positive terms (Abramowitz & Stegun 7.1.6). */
export function erf(x: number): number {
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
