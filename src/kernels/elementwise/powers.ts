import { defineMap } from '../kit/map.ts';
import { isNanWgsl } from '../kit/mathFunctions.ts';

/** x to the power e, as C's pow: NaN for negative x unless e is an integer. */
export const powTensor = defineMap({
  name: 'powTensor',
  inputs: ['x', 'e'],
  wgsl: 'powTensor_(x, e)',
  functions: `${isNanWgsl}
fn powTensor_(x: V, e: V) -> V {
  let one = V(1.0);
  let infinity = V(bitcast<f32>(min(u32(p.count), 0u) | 0x7f800000u));
  let nan = V(bitcast<f32>(u32(p.count) | 0x7fc00000u));
  let size = abs(x);
  // The logarithm of 0 is no number that compilers must keep.
  let ofZero = select(select(V(0.0), infinity, e < V(0.0)), e, isNan(e));
  var power = select(exp(e * log(size)), ofZero, size == V(0.0));
  power = select(power, size, e == one);
  power = select(power, size * size, e == V(2.0));
  power = select(power, size * size * size, e == V(3.0));
  power = select(power, one, size == one);
  let half = e * 0.5;
  let isInteger = e == floor(e);
  let isOdd = isInteger & (half != floor(half));
  let ofNegative = select(nan, select(power, -power, isOdd), isInteger);
  let signed = select(power, ofNegative, x < V(0.0));
  return select(signed, one, e == V(0.0));
}`,
  reference: (x, e) => (x === 1 || (x === -1 && Math.abs(e) === Infinity) ? 1 : x ** e),
  fill: { x: 'positive' },
  tolerance: 3e-5,
});

/** a to the power b, wrapped at 32 bits; below 0 the exact power without its fraction. */
export const powInt = defineMap({
  name: 'powInt',
  inputs: ['a', 'b'],
  types: { a: 'I', b: 'I', out: 'I' },
  wgsl: 'powInt_(a, b)',
  functions: `
fn powInt_(a: I, b: I) -> I {
  var power = I(1);
  var factor = a;
  var rest = max(b, I(0));
  for (var bit = 0u; bit < 31u; bit++) {
    power = select(power, power * factor, (rest & I(1)) == I(1));
    factor *= factor;
    rest /= I(2);
  }
  let isOdd = (b & I(1)) == I(1);
  let ofUnit = select(I(1), a, isOdd);
  let below = select(I(0), ofUnit, (a == I(1)) | (a == I(-1)));
  return select(power, below, b < I(0));
}`,
  reference(a, b) {
    if (b < 0) return a === 1 || a === -1 ? (b & 1 ? a : 1) : 0;
    let power = 1;
    for (let factor = a, rest = b; rest > 0; rest >>= 1, factor = Math.imul(factor, factor))
      if (rest & 1) power = Math.imul(power, factor);
    return power;
  },
});
