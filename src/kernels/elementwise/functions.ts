import { wgsl } from '../../device/kernel.ts';
import { defineMap } from '../kit/map.ts';
import { erfcReference, isNanWgsl, log1pWgsl, normalCdfWgsl } from '../kit/mathFunctions.ts';

/**
 * Logarithms, powers and trigonometric functions. WGSL's own are loose near 0 or on some adapters;
 * these are series and polynomials with a relative error of about 1e-6.
 */

/** A NaN that compilers cannot know to be one. */
const nan = 'bitcast<V>(I(i32(p.count & 0u) | 0x7fc00000))';

export const log2 = defineMap({
  name: 'log2',
  inputs: ['x'],
  wgsl: 'log2(x)',
  reference: Math.log2,
  fill: { x: 'positive' },
});
export const log10 = defineMap({
  name: 'log10',
  inputs: ['x'],
  wgsl: `log(x) * ${Math.LOG10E}`,
  reference: Math.log10,
  fill: { x: 'positive' },
});
export const log1p = defineMap({
  name: 'log1p',
  inputs: ['x'],
  wgsl: 'select(log(1.0 + x), log1p_(x), abs(x) < V(0.5))',
  functions: log1pWgsl,
  reference: Math.log1p,
  fill: { x: 'positive' },
});
export const exp2 = defineMap({
  name: 'exp2',
  inputs: ['x'],
  wgsl: 'exp2(x)',
  reference: (x) => 2 ** x,
});

const expm1Wgsl = wgsl`
fn expm1_(x: V) -> V {
  var series = x * ${1 / 40320} + ${1 / 5040};
  series = series * x + ${1 / 720};
  series = series * x + ${1 / 120};
  series = series * x + ${1 / 24};
  series = series * x + ${1 / 6};
  series = series * x + 0.5;
  return select(exp(x) - 1.0, x + x * x * series, abs(x) < V(0.5));
}
`;
export const expm1 = defineMap({
  name: 'expm1',
  inputs: ['x'],
  wgsl: 'expm1_(x)',
  functions: expm1Wgsl,
  reference: Math.expm1,
});

// Half of e^|x|, which does not overflow before the result does.
export const sinh = defineMap({
  name: 'sinh',
  inputs: ['x'],
  wgsl: 'sinh_(x)',
  functions: wgsl`
fn sinh_(x: V) -> V {
  let s = x * x;
  let series = (((s * ${1 / 39916800} + ${1 / 362880}) * s + ${1 / 5040}) * s + ${1 / 120}) * s +
    ${1 / 6};
  let far = sign(x) * (exp(abs(x) - ${Math.LN2}) - 0.5 * exp(-abs(x)));
  return select(far, x + x * s * series, abs(x) < V(1.0));
}
`,
  reference: Math.sinh,
});
export const cosh = defineMap({
  name: 'cosh',
  inputs: ['x'],
  wgsl: `exp(abs(x) - ${Math.LN2}) + 0.5 * exp(-abs(x))`,
  reference: Math.cosh,
});
export const tan = defineMap({
  name: 'tan',
  inputs: ['x'],
  wgsl: 'tan(x)',
  reference: Math.tan,
  fill: { x: 'positive' },
  tolerance: 1e-4,
});

/** Source of the polynomials: Moshier, Cephes Math Library 2.2, `asinf` and `atanf`. */
const arcsineWgsl = wgsl`
// asin(sqrt(s)) for s from 0 to 1/4, with r = sqrt(s).
fn arcsine(r: V, s: V) -> V {
  var series = s * 4.2163199048e-2 + 2.4181311049e-2;
  series = series * s + 4.5470025998e-2;
  series = series * s + 7.4953002686e-2;
  series = series * s + 1.6666752422e-1;
  return r + r * s * series;
}
// acos(|x|) if |x| > 1/2.
fn arccosine(x: V) -> V {
  let s = 0.5 * (1.0 - abs(x));
  return 2.0 * arcsine(sqrt(max(s, V(0.0))), s);
}
`;
const unlessBeyondOne = (value: string) => `select(${value}, ${nan}, !(abs(x) <= V(1.0)))`;
export const asin = defineMap({
  name: 'asin',
  inputs: ['x'],
  wgsl: unlessBeyondOne(
    `select(arcsine(x, x * x), sign(x) * (${Math.PI / 2} - arccosine(x)), abs(x) > V(0.5))`,
  ),
  functions: arcsineWgsl,
  reference: Math.asin,
  fill: { x: 'bool' },
});
export const acos = defineMap({
  name: 'acos',
  inputs: ['x'],
  wgsl: unlessBeyondOne(
    `select(${Math.PI / 2} - arcsine(x, x * x),
      select(arccosine(x), ${Math.PI} - arccosine(x), x < V(0.0)), abs(x) > V(0.5))`,
  ),
  functions: arcsineWgsl,
  reference: Math.acos,
  fill: { x: 'bool' },
});

const arctangentWgsl = wgsl`
// atan of a number from 0 to 1.
fn arctangent(v: V) -> V {
  let isLarge = v > V(0.41421356);
  let x = select(v, (v - 1.0) / (v + 1.0), isLarge);
  let s = x * x;
  var series = s * 8.05374449538e-2 - 1.38776856032e-1;
  series = series * s + 1.99777106478e-1;
  series = series * s - 3.33329491539e-1;
  return select(V(0.0), V(${Math.PI / 4}), isLarge) + (x + x * s * series);
}
`;
export const atan = defineMap({
  name: 'atan',
  inputs: ['x'],
  wgsl: 'atan_(x)',
  functions: `${arctangentWgsl}
fn atan_(x: V) -> V {
  let size = abs(x);
  let near = arctangent(select(size, 1.0 / size, size > V(1.0)));
  return select(V(1.0), V(-1.0), x < V(0.0)) * select(near, ${Math.PI / 2} - near, size > V(1.0));
}
`,
  reference: Math.atan,
});
/** The angle of the point (x, y). */
export const atan2 = defineMap({
  name: 'atan2',
  inputs: ['y', 'x'],
  wgsl: 'atan2_(y, x)',
  functions: `${arctangentWgsl}
fn atan2_(y: V, x: V) -> V {
  let isSteep = abs(y) > abs(x);
  let low = select(abs(y), abs(x), isSteep);
  let high = select(abs(x), abs(y), isSteep);
  // Equal lengths, infinite ones or 0 too, make half a right angle or none.
  let ratio = select(low / high, select(V(1.0), V(0.0), high == V(0.0)), low == high);
  var angle = arctangent(ratio);
  angle = select(angle, ${Math.PI / 2} - angle, isSteep);
  angle = select(angle, ${Math.PI} - angle, bitcast<I>(x) < I(0));
  return select(angle, -angle, bitcast<I>(y) < I(0));
}
`,
  reference: Math.atan2,
});

/** x if it is positive, else alpha (e^x - 1). */
export const elu = defineMap({
  name: 'elu',
  inputs: ['x'],
  scalars: ['alpha'],
  wgsl: 'select(p.alpha * expm1_(x), x, x > V(0.0))',
  functions: expm1Wgsl,
  reference: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
});
export const eluBackward = defineMap({
  name: 'eluBackward',
  inputs: ['dy', 'x'],
  scalars: ['alpha'],
  wgsl: 'dy * select(p.alpha * exp(x), V(1.0), x > V(0.0))',
  reference: (dy, x, alpha) => (x > 0 ? dy : dy * alpha * Math.exp(x)),
});

/** 1 - erf(x) = 2 Φ(-x √2), with a small relative error in the upper tail. */
export const erfc = defineMap({
  name: 'erfc',
  inputs: ['x'],
  wgsl: 'erfc_(x)',
  functions: `${isNanWgsl}${normalCdfWgsl}
fn erfc_(x: V) -> V {
  let v = x * ${-Math.SQRT2};
  let size = cappedAbs(v);
  return select(2.0 * normalCdf(v, size, gaussian(size)), x, isNan(x));
}
`,
  reference: erfcReference,
});
