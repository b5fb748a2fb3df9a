import { backward } from './autograd.ts';
import * as elementwise from './ops/elementwise.ts';
import { gather, indexSelect } from './ops/embedding.ts';
import { matmul } from './ops/matmul.ts';
import * as reduce from './ops/reduce.ts';
import { logSoftmax, softmax } from './ops/softmax.ts';
import * as views from './ops/views.ts';
import { Tensor } from './tensor.ts';

/** Operations that are methods as well: the first argument is the tensor. */
const methods = {
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  div: elementwise.div,
  neg: elementwise.neg,
  pow: elementwise.pow,
  exp: elementwise.exp,
  log: elementwise.log,
  sqrt: elementwise.sqrt,
  rsqrt: elementwise.rsqrt,
  reciprocal: elementwise.reciprocal,
  square: elementwise.square,
  abs: elementwise.abs,
  sin: elementwise.sin,
  cos: elementwise.cos,
  erf: elementwise.erf,
  tanh: elementwise.tanh,
  sigmoid: elementwise.sigmoid,
  relu: elementwise.relu,
  clamp: elementwise.clamp,
  maximum: elementwise.maximum,
  minimum: elementwise.minimum,
  eq: elementwise.eq,
  ne: elementwise.ne,
  lt: elementwise.lt,
  le: elementwise.le,
  gt: elementwise.gt,
  ge: elementwise.ge,
  maskedFill: elementwise.maskedFill,
  toFloat: elementwise.toFloat,
  toInt: elementwise.toInt,
  matmul,
  softmax,
  logSoftmax,
  sum: reduce.sum,
  mean: reduce.mean,
  var: reduce.variance,
  amax: reduce.amax,
  amin: reduce.amin,
  argmax: reduce.argmax,
  argmin: reduce.argmin,
  norm: reduce.norm,
  logsumexp: reduce.logsumexp,
  contiguous: views.contiguous,
  view: views.view,
  reshape: views.reshape,
  permute: views.permute,
  transpose: views.transpose,
  expand: views.expand,
  squeeze: views.squeeze,
  unsqueeze: views.unsqueeze,
  flatten: views.flatten,
  slice: views.slice,
  select: views.select,
  flip: views.flip,
  split: views.split,
  chunk: views.chunk,
  gather,
  indexSelect,
  backward,
};

type Method<F> = F extends (first: Tensor, ...rest: infer A) => infer R ? (...rest: A) => R : never;
type Methods = { [K in keyof typeof methods]: Method<(typeof methods)[K]> };

declare module './tensor.ts' {
  interface Tensor extends Methods {}
}

for (const [name, operation] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return (operation as (first: Tensor, ...rest: unknown[]) => unknown)(this, ...rest);
    },
  });
}
