import { wgsl } from '../../device/kernel.ts';
import { defineMap } from '../kit/map.ts';
import { isNanWgsl } from '../kit/mathFunctions.ts';

/** Rounding, remainders and tests of floats; `Int` names the same for int32. */

/** Rounds half to even. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const isHalf = x - below === 0.5;
  return isHalf ? 2 * Math.round(x / 2) : Math.round(x);
}

export const floor = defineMap({
  name: 'floor',
  inputs: ['x'],
  wgsl: 'floor(x)',
  reference: Math.floor,
});
export const ceil = defineMap({
  name: 'ceil',
  inputs: ['x'],
  wgsl: 'ceil(x)',
  reference: Math.ceil,
});
export const round = defineMap({
  name: 'round',
  inputs: ['x'],
  wgsl: 'round(x)',
  reference: roundHalfEven,
});
export const trunc = defineMap({
  name: 'trunc',
  inputs: ['x'],
  wgsl: 'trunc(x)',
  reference: Math.trunc,
});
export const frac = defineMap({
  name: 'frac',
  inputs: ['x'],
  wgsl: 'x - trunc(x)',
  reference: (x) => x - Math.trunc(x),
});

/**
 * The exact remainder of a division, by long division in binary: WGSL's % is off by much where the
 * quotient is large, and may be negative where it is rounded up.
 */
const fmodWgsl = wgsl`
fn fmod_(a: V, b: V) -> V {
  let nan = bitcast<V>(I(i32(p.count & 0u) | 0x7fc00000));
  let divisor = abs(b);
  let isFinite = (bitcast<I>(a) & I(0x7fffffff)) < I(0x7f800000);
  let isDefined = isFinite & (divisor > V(0.0));
  var rest = select(V(0.0), abs(a), isDefined);
  // Bits by which rest is longer than the divisor; a step takes at least one.
  for (var step = 0; step < 300; step++) {
    let isLonger = isDefined & (rest >= divisor);
    if (!any(isLonger)) { break; }
    let bits = max(I(0), bitcast<I>(rest) / 8388608 - bitcast<I>(divisor) / 8388608);
    let scaled = divisor * exponential(bits / 2) * exponential(bits - bits / 2);
    rest -= select(V(0.0), select(scaled, scaled * 0.5, scaled > rest), isLonger);
  }
  return select(nan, select(rest, -rest, bitcast<I>(a) < I(0)), isDefined & (rest < divisor));
}
// 2 to the power n, exactly.
fn exponential(n: I) -> V { return bitcast<V>((n + 127) * 8388608); }
`;

const hasOtherSign = '(m != V(0.0)) & ((m < V(0.0)) != (b < V(0.0)))';
const remainderWgsl = `${fmodWgsl}
fn remainder_(a: V, b: V) -> V {
  let m = fmod_(a, b);
  return select(m, m + b, ${hasOtherSign});
}
fn floorDivide_(a: V, b: V) -> V {
  let m = fmod_(a, b);
  let quotient = (a - m) / b - select(V(0.0), V(1.0), ${hasOtherSign});
  let whole = floor(quotient);
  let nearest = select(whole, whole + 1.0, quotient - whole > V(0.5));
  return select(nearest, a / b, b == V(0.0));
}
`;

/** JavaScript's %, as C's fmod: the sign is that of a. */
export const fmod = defineMap({
  name: 'fmod',
  inputs: ['a', 'b'],
  wgsl: 'fmod_(a, b)',
  functions: fmodWgsl,
  reference: (a, b) => a % b,
  fill: { b: 'positive' },
});
const remainderReference = (a: number, b: number): number => {
  const m = a % b;
  return m !== 0 && m < 0 !== b < 0 ? m + b : m;
};
/** Python's %: the sign is that of b. */
export const remainder = defineMap({
  name: 'remainder',
  inputs: ['a', 'b'],
  wgsl: 'remainder_(a, b)',
  functions: remainderWgsl,
  reference: remainderReference,
  fill: { b: 'positive' },
});
/** Python's //, by the exact remainder. */
export const floorDivide = defineMap({
  name: 'floorDivide',
  inputs: ['a', 'b'],
  wgsl: 'floorDivide_(a, b)',
  functions: remainderWgsl,
  // Infinite b: the remainder may be b itself, and infinity over infinity is NaN.
  reference: (a, b) => {
    if (b === 0) return a / b;
    const rest = a % b;
    return Math.round((a - rest) / b - Number(rest !== 0 && rest < 0 !== b < 0));
  },
  fill: { b: 'positive' },
});

/** The same of integers; 0 where b is 0. */
const defineInt = (name: string, expression: string, reference: (a: number, b: number) => number) =>
  defineMap({
    name: `${name}Int`,
    inputs: ['a', 'b'],
    types: { a: 'I', b: 'I', out: 'I' },
    wgsl: `${name}Int_(a, b)`,
    functions: wgsl`
fn ${name}Int_(a: I, b: I) -> I {
  // Neither 0 nor the one division that overflows.
  let divisor = select(b, I(1), (b == I(0)) | ((b == I(-1)) & (a == I(i32(-2147483647 - 1)))));
  let m = a % divisor;
  let isNegative = (m != I(0)) & ((m < I(0)) != (divisor < I(0)));
  return select(${expression}, I(0), b == I(0));
}
`,
    reference: (a, b) => (b === 0 ? 0 : reference(a, b) | 0),
  });
export const fmodInt = defineInt('fmod', 'm', (a, b) => a % b);
export const remainderInt = defineInt(
  'remainder',
  'select(m, m + divisor, isNegative)',
  remainderReference,
);
export const floorDivideInt = defineInt(
  'floorDivide',
  'a / divisor - select(I(0), I(1), isNegative)',
  (a, b) => Math.floor(a / b),
);

/** Tests of the bits of a float: 1 or 0. */
const defineTest = (name: string, test: string, reference: (x: number) => boolean) =>
  defineMap({
    name,
    inputs: ['x'],
    types: { out: 'I' },
    wgsl: `select(I(0), I(1), (bitcast<I>(x) & I(0x7fffffff)) ${test} I(0x7f800000))`,
    reference: (x) => Number(reference(x)),
  });
export const isnan = defineTest('isnan', '>', Number.isNaN);
export const isinf = defineTest('isinf', '==', (x) => Math.abs(x) === Number.POSITIVE_INFINITY);
export const isfinite = defineTest('isfinite', '<', Number.isFinite);

/** Replaces NaN and the two infinities. */
export const nanToNum = defineMap({
  name: 'nanToNum',
  inputs: ['x'],
  scalars: ['ofNan', 'ofInfinity', 'ofMinus'],
  wgsl: `select(select(select(x, V(p.ofMinus), bitcast<I>(x) == I(i32(0xff800000u))),
    V(p.ofInfinity), bitcast<I>(x) == I(0x7f800000)), V(p.ofNan), isNan(x))`,
  functions: isNanWgsl,
  reference: (x, ofNan, ofInfinity, ofMinus) => {
    if (Number.isNaN(x)) return ofNan;
    return Number.isFinite(x) ? x : x > 0 ? ofInfinity : ofMinus;
  },
});

/** Logic: all but 0 is true, NaN too; 1 or 0. */
const defineLogic = (name: string, sign: string, reference: (a: boolean, b: boolean) => boolean) =>
  defineMap({
    name,
    inputs: ['a', 'b'],
    types: { out: 'I' },
    // Not `a != 0`: on some adapters that is false for NaN.
    wgsl: `select(I(0), I(1), !(a == V(0.0)) ${sign} !(b == V(0.0)))`,
    reference: (a, b) => Number(reference(a !== 0, b !== 0)),
  });
export const logicalAnd = defineLogic('logicalAnd', '&', (a, b) => a && b);
export const logicalOr = defineLogic('logicalOr', '|', (a, b) => a || b);
export const logicalXor = defineLogic('logicalXor', '!=', (a, b) => a !== b);
