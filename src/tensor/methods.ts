import { backward } from './autograd.ts';
import * as elementwise from './ops/elementwise.ts';
import { gather, indexSelect } from './ops/embedding.ts';
import * as inPlace from './ops/inPlace.ts';
import { matmul } from './ops/matmul.ts';
import * as reduce from './ops/reduce.ts';
import * as softmaxes from './ops/softmax.ts';
import * as views from './ops/views.ts';
import { Tensor } from './tensor.ts';

/** Operations of these modules are also methods of Tensor: the first argument is the tensor. */
const operations = {
  ...elementwise,
  ...softmaxes,
  ...reduce,
  ...views,
  ...inPlace,
  ...{ matmul, gather, indexSelect, backward, var: reduce.variance },
};

/** Functions only, as in PyTorch or because the first argument is not a tensor. */
const functionsOnly = [
  'affine',
  'cat',
  'gelu',
  'leakyRelu',
  'maskedSoftmax',
  'pad',
  'silu',
  'softplus',
  'stack',
  'variance',
  'where',
] as const;
type FunctionOnly = (typeof functionsOnly)[number];

type Method<F> = F extends (first: never, ...rest: infer A) => infer R ? (...rest: A) => R : never;
type Methods = {
  [K in Exclude<keyof typeof operations, FunctionOnly>]: Method<(typeof operations)[K]>;
};

declare module './tensor.ts' {
  interface Tensor extends Methods {}
}

for (const [name, operation] of Object.entries(operations)) {
  if ((functionsOnly as readonly string[]).includes(name)) continue;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return (operation as (first: Tensor, ...rest: unknown[]) => unknown)(this, ...rest);
    },
  });
}
