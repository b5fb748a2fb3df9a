import { normalFloat32 } from '../kit/float32.ts';
import { defineMap } from '../kit/map.ts';
import {
  erfReference,
  erfWgsl,
  isNanWgsl,
  log1pWgsl,
  maximumWgsl,
  tanhWgsl,
} from '../kit/mathFunctions.ts';

/** Expressions use comparisons because WGSL's `max` and `min` may drop a NaN. */

/** One argument. Gradients use the argument `x` or the result `y`, whichever is cheaper to keep. */
export const exp = defineMap({ name: 'exp', inputs: ['x'], wgsl: 'exp(x)', reference: Math.exp });
export const log = defineMap({
  name: 'log',
  inputs: ['x'],
  wgsl: 'log(x)',
  reference: Math.log,
  fill: { x: 'positive' },
});
export const sqrt = defineMap({
  name: 'sqrt',
  inputs: ['x'],
  wgsl: 'sqrt(x)',
  reference: Math.sqrt,
  fill: { x: 'positive' },
});
export const rsqrt = defineMap({
  name: 'rsqrt',
  inputs: ['x'],
  wgsl: '1.0 / sqrt(x)',
  reference: (x) => 1 / Math.sqrt(x),
  fill: { x: 'positive' },
});
export const reciprocal = defineMap({
  name: 'reciprocal',
  inputs: ['x'],
  wgsl: '1.0 / x',
  reference: (x) => 1 / x,
  fill: { x: 'positive' },
});
export const abs = defineMap({ name: 'abs', inputs: ['x'], wgsl: 'abs(x)', reference: Math.abs });
export const sign = defineMap({
  name: 'sign',
  inputs: ['x'],
  // 0 for NaN, as in PyTorch.
  wgsl: 'select(select(V(0.0), V(-1.0), x < V(0.0)), V(1.0), x > V(0.0))',
  reference: (x) => Number(x > 0) - Number(x < 0),
});
export const sin = defineMap({ name: 'sin', inputs: ['x'], wgsl: 'sin(x)', reference: Math.sin });
export const cos = defineMap({ name: 'cos', inputs: ['x'], wgsl: 'cos(x)', reference: Math.cos });
export const tanh = defineMap({
  name: 'tanh',
  inputs: ['x'],
  wgsl: 'tanh_(x)',
  functions: tanhWgsl,
  reference: Math.tanh,
});
export const sigmoid = defineMap({
  name: 'sigmoid',
  inputs: ['x'],
  wgsl: '1.0 / (1.0 + exp(-x))',
  reference: (x) => 1 / (1 + Math.exp(-x)),
});
export const relu = defineMap({
  name: 'relu',
  inputs: ['x'],
  wgsl: 'select(x, V(0.0), x < V(0.0))',
  reference: (x) => Math.max(x, 0),
});
export const erf = defineMap({
  name: 'erf',
  inputs: ['x'],
  wgsl: 'erf_(x)',
  functions: erfWgsl,
  reference: erfReference,
});
export const softplus = defineMap({
  name: 'softplus',
  inputs: ['x'],
  wgsl: 'max(x, V(0.0)) + log1p_(exp(-abs(x)))',
  functions: log1pWgsl,
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
});

/** Two arguments, broadcast. */
export const add = defineMap({
  name: 'add',
  inputs: ['a', 'b'],
  wgsl: 'a + b',
  reference: (a, b) => a + b,
});
export const sub = defineMap({
  name: 'sub',
  inputs: ['a', 'b'],
  wgsl: 'a - b',
  reference: (a, b) => a - b,
});
export const mul = defineMap({
  name: 'mul',
  inputs: ['a', 'b'],
  wgsl: 'a * b',
  reference: (a, b) => a * b,
});
export const div = defineMap({
  name: 'div',
  inputs: ['a', 'b'],
  wgsl: 'a / b',
  reference: (a, b) => a / b,
  fill: { b: 'positive' },
});
export const maximum = defineMap({
  name: 'maximum',
  inputs: ['a', 'b'],
  wgsl: 'maximum(a, b)',
  functions: maximumWgsl,
  reference: Math.max,
});
export const minimum = defineMap({
  name: 'minimum',
  inputs: ['a', 'b'],
  wgsl: 'select(select(a, b, b < a), b, isNan(b))',
  functions: isNanWgsl,
  reference: Math.min,
});

/** y = x * scale + shift, with constants. */
export const affine = defineMap({
  name: 'affine',
  inputs: ['x'],
  scalars: ['scale', 'shift'],
  wgsl: 'x * p.scale + p.shift',
  reference: (x, scale, shift) => x * scale + shift,
});

/** y = x / divisor, a constant: its reciprocal would be rounded. */
export const divideBy = defineMap({
  name: 'divideBy',
  inputs: ['x'],
  scalars: ['divisor'],
  wgsl: 'x / p.divisor',
  reference: (x, divisor) => x / Math.fround(divisor),
});

/** x to the power e; for negative x as C's pow: NaN unless e is an integer. */
export const pow = defineMap({
  name: 'pow',
  inputs: ['x'],
  scalars: ['e'],
  wgsl: 'pow_(x, p.e)',
  functions: `
fn pow_(x: V, e: f32) -> V {
  if (e == 0.0) { return V(1.0); }
  if (e == 1.0) { return x; }
  if (e == 2.0) { return x * x; }
  if (e == 3.0) { return x * x * x; }
  if (e == 0.5) { return sqrt(x); }
  if (e == -0.5) { return 1.0 / sqrt(x); }
  if (e == -1.0) { return 1.0 / x; }
  let infinity = bitcast<f32>(min(u32(p.count), 0u) | 0x7f800000u);
  // The logarithm of 0 is no number that compilers must keep.
  let magnitude = select(exp(e * log(abs(x))), V(select(0.0, infinity, e < 0.0)), x == V(0.0));
  let isOdd = e == floor(e) && (e * 0.5) != floor(e * 0.5);
  let isInteger = e == floor(e);
  let nan = bitcast<f32>(u32(p.count) | 0x7fc00000u);
  return select(magnitude, select(V(nan), select(magnitude, -magnitude, isOdd), isInteger),
    x < V(0.0));
}`,
  reference: (x, e) => x ** e,
  fill: { x: 'positive' },
  tolerance: 3e-5,
});

export const clamp = defineMap({
  name: 'clamp',
  inputs: ['x'],
  scalars: ['low', 'high'],
  wgsl: 'atMost(select(x, V(p.low), x < V(p.low)), V(p.high))',
  functions: 'fn atMost(x: V, high: V) -> V { return select(x, high, x > high); }',
  reference: (x, low, high) => Math.min(Math.max(x, low), high),
});
export const leakyRelu = defineMap({
  name: 'leakyRelu',
  inputs: ['x'],
  scalars: ['slope'],
  wgsl: 'select(x * p.slope, x, x > V(0.0))',
  reference: (x, slope) => (x > 0 ? x : x * slope),
});

/** Comparisons give 1 or 0 (int32), the engine's booleans. */
const defineComparison = (
  name: string,
  sign: string,
  reference: (a: number, b: number) => boolean,
) =>
  defineMap({
    name,
    inputs: ['a', 'b'],
    types: { out: 'I' },
    wgsl: `select(I(0), I(1), a ${sign} b)`,
    reference: (a, b) => Number(reference(a, b)),
  });
export const eq = defineComparison('eq', '==', (a, b) => a === b);
/** Not `a != b`: on some adapters that is false for NaN. */
export const ne = defineMap({
  name: 'ne',
  inputs: ['a', 'b'],
  types: { out: 'I' },
  wgsl: 'select(I(1), I(0), a == b)',
  reference: (a, b) => Number(a !== b),
});
export const lt = defineComparison('lt', '<', (a, b) => a < b);
export const le = defineComparison('le', '<=', (a, b) => a <= b);
export const gt = defineComparison('gt', '>', (a, b) => a > b);
export const ge = defineComparison('ge', '>=', (a, b) => a >= b);

export const toFloat = defineMap({
  name: 'toFloat',
  inputs: ['x'],
  types: { x: 'I' },
  wgsl: 'V(x)',
  reference: (x) => x,
});
export const toInt = defineMap({
  name: 'toInt',
  inputs: ['x'],
  types: { out: 'I' },
  wgsl: 'I(x)',
  // As WGSL has it: cut, to the floats that int32 has. NaN becomes 0.
  reference: (x) => Math.trunc(Math.max(-(2 ** 31), Math.min(2 ** 31 - 128, x))),
});
/** Strided copy of 32-bit words of any type: makes a view contiguous. */
export const copy = defineMap({
  name: 'copy',
  keepsBits: true,
  inputs: ['x'],
  types: { x: 'I', out: 'I' },
  wgsl: 'x',
  reference: (x) => x,
});

export const where = defineMap({
  name: 'where',
  inputs: ['mask', 'a', 'b'],
  types: { mask: 'I' },
  wgsl: 'select(b, a, mask != I(0))',
  reference: (mask, a, b) => (mask !== 0 ? a : b),
});

/** Gradients of the functions above, from the upstream gradient `dy` and the argument or result. */
export const tanhBackward = defineMap({
  name: 'tanhBackward',
  inputs: ['dy', 'y'],
  wgsl: 'dy * (1.0 - y * y)',
  reference: (dy, y) => dy * (1 - y * y),
});
export const sigmoidBackward = defineMap({
  name: 'sigmoidBackward',
  inputs: ['dy', 'y'],
  wgsl: 'dy * y * (1.0 - y)',
  reference: (dy, y) => dy * y * (1 - y),
});
export const reluBackward = defineMap({
  name: 'reluBackward',
  inputs: ['dy', 'x'],
  wgsl: 'select(V(0.0), dy, x > V(0.0))',
  reference: (dy, x) => (x > 0 ? dy : 0),
});
export const leakyReluBackward = defineMap({
  name: 'leakyReluBackward',
  inputs: ['dy', 'x'],
  scalars: ['slope'],
  wgsl: 'select(dy * p.slope, dy, x > V(0.0))',
  reference: (dy, x, slope) => (x > 0 ? dy : dy * slope),
});
export const clampBackward = defineMap({
  name: 'clampBackward',
  inputs: ['dy', 'x'],
  scalars: ['low', 'high'],
  wgsl: 'select(V(0.0), dy, (x >= V(p.low)) & (x <= V(p.high)))',
  reference: (dy, x, low, high) => (x >= low && x <= high ? dy : 0),
});
export const erfBackward = defineMap({
  name: 'erfBackward',
  inputs: ['dy', 'x'],
  wgsl: 'dy * 1.1283791670955126 * exp(-x * x)',
  reference: (dy, x) => dy * normalFloat32((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)),
});
/** Gradient of a/b with respect to b. */
export const divBackward = defineMap({
  name: 'divBackward',
  inputs: ['dy', 'a', 'b'],
  wgsl: '-dy * (a / b) / b',
  reference: (dy, a, b) => (-dy * (a / b)) / b,
  fill: { b: 'positive' },
});
