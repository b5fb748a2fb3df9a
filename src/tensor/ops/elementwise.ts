import * as k from '../../kernels/elementwise/arithmetic.ts';
import * as g from '../../kernels/elementwise/gelu.ts';
import type { MapKernel } from '../../kernels/kit/mapSpec.ts';
import { emptyGrad, record } from '../autograd.ts';
import { tensor } from '../create.ts';
import { map } from '../launch.ts';
import { sumTo } from '../reduceAxes.ts';
import type { Tensor } from '../tensor.ts';

export type Operand = Tensor | number;

/** One argument: the result, and its gradient from that of the result, the argument x and the result y. */
const unary =
  (kernel: MapKernel, slope: (dy: Tensor, x: Tensor, y: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const y = map(kernel, [x]);
    return record(kernel.spec.name, y, [x], (dy) => [slope(dy, x, y)]);
  };

const times = (a: Tensor, b: Tensor) => map(k.mul, [a, b]);
const scaled = (x: Tensor, scale: number, shift = 0) => map(k.affine, [x], { scale, shift });

export const exp = unary(k.exp, (dy, _, y) => times(dy, y));
export const log = unary(k.log, (dy, x) => map(k.div, [dy, x]));
export const sqrt = unary(k.sqrt, (dy, _, y) => scaled(map(k.div, [dy, y]), 0.5));
export const rsqrt = unary(k.rsqrt, (dy, _, y) => scaled(times(dy, times(y, times(y, y))), -0.5));
export const reciprocal = unary(k.reciprocal, (dy, _, y) => scaled(times(dy, times(y, y)), -1));
export const abs = unary(k.abs, (dy, x) => times(dy, map(k.sign, [x])));
export const sin = unary(k.sin, (dy, x) => times(dy, map(k.cos, [x])));
export const cos = unary(k.cos, (dy, x) => scaled(times(dy, map(k.sin, [x])), -1));
export const tanh = unary(k.tanh, (dy, _, y) => map(k.tanhBackward, [dy, y]));
export const sigmoid = unary(k.sigmoid, (dy, _, y) => map(k.sigmoidBackward, [dy, y]));
export const relu = unary(k.relu, (dy, x) => map(k.reluBackward, [dy, x]));
export const erf = unary(k.erfKernel, (dy, x) => map(k.erfBackward, [dy, x]));
export const softplus = unary(k.softplus, (dy, x) => times(dy, map(k.sigmoid, [x])));
export const geluErf = unary(g.gelu, (dy, x) => map(g.geluBackward, [dy, x]));
export const geluTanh = unary(g.geluTanh, (dy, x) => map(g.geluTanhBackward, [dy, x]));

/** GELU; `approximate` as in PyTorch: none (by erf) or tanh. */
export const gelu = (x: Tensor, approximate: 'none' | 'tanh' = 'none'): Tensor =>
  approximate === 'tanh' ? geluTanh(x) : geluErf(x);

/** x scale + shift, with constants. */
export function affine(x: Tensor, scale: number, shift: number): Tensor {
  return record('affine', scaled(x, scale, shift), [x], (dy) => [scaled(dy, scale)]);
}
export const neg = (x: Tensor): Tensor => affine(x, -1, 0);
export const square = (x: Tensor): Tensor => mul(x, x);
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));

export function add(a: Tensor, b: Operand): Tensor {
  if (typeof b === 'number') return affine(a, 1, b);
  const into = (t: Tensor) => () => emptyGrad(t);
  return record('add', map(k.add, [a, b]), [a, b], (dy) => [
    sumTo(dy, a.shape, into(a)),
    sumTo(dy, b.shape, into(b)),
  ]);
}

export function sub(a: Tensor, b: Operand): Tensor {
  if (typeof b === 'number') return affine(a, 1, -b);
  return record('sub', map(k.sub, [a, b]), [a, b], (dy) => [
    sumTo(dy, a.shape),
    scaled(sumTo(dy, b.shape), -1),
  ]);
}

export function mul(a: Tensor, b: Operand): Tensor {
  if (typeof b === 'number') return affine(a, b, 0);
  return record('mul', map(k.mul, [a, b]), [a, b], (dy) => [
    a.requiresGrad ? sumTo(times(dy, b), a.shape) : null,
    b.requiresGrad ? sumTo(times(dy, a), b.shape) : null,
  ]);
}

export function div(a: Tensor, b: Operand): Tensor {
  if (typeof b === 'number') return affine(a, 1 / b, 0);
  return record('div', map(k.div, [a, b]), [a, b], (dy) => [
    a.requiresGrad ? sumTo(map(k.div, [dy, b]), a.shape) : null,
    b.requiresGrad ? sumTo(map(k.divBackward, [dy, a, b]), b.shape) : null,
  ]);
}

/** x to a constant power. */
export function pow(x: Tensor, e: number): Tensor {
  return record('pow', map(k.pow, [x], { e }), [x], (dy) => [
    e === 0 ? scaled(dy, 0) : scaled(times(dy, map(k.pow, [x], { e: e - 1 })), e),
  ]);
}

/** The greater or lesser of two; equal ones share the gradient. */
const extreme =
  (kernel: MapKernel, wins: MapKernel) =>
  (a: Tensor, b: Operand): Tensor => {
    const other = asTensor(b, a);
    return record(kernel.spec.name, map(kernel, [a, other]), [a, other], (dy) => {
      // 1 where one side wins, 1/2 where they are equal.
      const share = (x: Tensor, y: Tensor) =>
        scaled(
          map(k.add, [
            map(k.toFloat, [map(wins, [x, y])]),
            map(k.toFloat, [map(wins === k.gt ? k.ge : k.le, [x, y])]),
          ]),
          0.5,
        );
      return [
        sumTo(times(dy, share(a, other)), a.shape),
        sumTo(times(dy, share(other, a)), other.shape),
      ];
    });
  };
export const maximum = extreme(k.maximum, k.gt);
export const minimum = extreme(k.minimum, k.lt);

export function clamp(
  x: Tensor,
  low = Number.NEGATIVE_INFINITY,
  high = Number.POSITIVE_INFINITY,
): Tensor {
  return record('clamp', map(k.clamp, [x], { low, high }), [x], (dy) => [
    map(k.clampBackward, [dy, x], { low, high }),
  ]);
}
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return record('leakyRelu', map(k.leakyRelu, [x], { slope }), [x], (dy) => [
    map(k.leakyReluBackward, [dy, x], { slope }),
  ]);
}

/** Comparisons: int32 tensors of 1 and 0. */
const comparison =
  (kernel: MapKernel) =>
  (a: Tensor, b: Operand): Tensor =>
    map(kernel, [toFloat(a), toFloat(asTensor(b, a))]);
export const eq = comparison(k.eq);
export const ne = comparison(k.ne);
export const lt = comparison(k.lt);
export const le = comparison(k.le);
export const gt = comparison(k.gt);
export const ge = comparison(k.ge);

/** As float32. */
export const toFloat = (x: Tensor): Tensor => (x.dtype === 'float32' ? x : map(k.toFloat, [x]));
/** As int32, towards zero. */
export const toInt = (x: Tensor): Tensor => (x.dtype === 'float32' ? map(k.toInt, [x]) : x);

/** a where the mask is not 0, else b. */
export function where(mask: Tensor, a: Operand, b: Operand): Tensor {
  const like = typeof a === 'number' ? (typeof b === 'number' ? mask : b) : a;
  const [x, y] = [asTensor(a, like), asTensor(b, like)];
  const chosen = toInt(mask);
  return record('where', map(k.where, [chosen, x, y]), [x, y], (dy) => {
    const zero = asTensor(0, dy);
    return [
      x.requiresGrad ? sumTo(map(k.where, [chosen, dy, zero]), x.shape) : null,
      y.requiresGrad ? sumTo(map(k.where, [chosen, zero, dy]), y.shape) : null,
    ];
  });
}

/** x with `value` where the mask is not 0. */
export const maskedFill = (x: Tensor, mask: Tensor, value: number): Tensor => where(mask, value, x);

const asTensor = (value: Operand, like: Tensor): Tensor =>
  typeof value === 'number'
    ? tensor(Float32Array.of(value), { shape: [], device: like.device })
    : value;
