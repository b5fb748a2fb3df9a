import { backward } from './backward.ts';
import { registerHook, retainGrad } from './gradientHooks.ts';
import { operation } from './operation.ts';
import * as algebra from './ops/algebra.ts';
import * as closeness from './ops/closeness.ts';
import * as converts from './ops/convert.ts';
import { bmm, outer } from './ops/einsum.ts';
import * as elementwise from './ops/elementwise.ts';
import { gather, indexSelect } from './ops/embedding.ts';
import * as functions from './ops/functions.ts';
import * as indexing from './ops/indexing.ts';
import * as inPlace from './ops/inPlace.ts';
import * as joins from './ops/joins.ts';
import * as logical from './ops/logical.ts';
import { matmul } from './ops/matmul.ts';
import * as moments from './ops/moments.ts';
import * as numeric from './ops/numeric.ts';
import * as orderStatistics from './ops/orderStatistics.ts';
import * as pointwise from './ops/pointwise.ts';
import { pow } from './ops/power.ts';
import * as rearrange from './ops/rearrange.ts';
import * as reduce from './ops/reduce.ts';
import * as rounding from './ops/rounding.ts';
import { bernoulli, multinomial } from './ops/sampling.ts';
import * as scans from './ops/scan.ts';
import * as scatters from './ops/scatter.ts';
import * as searching from './ops/searching.ts';
import * as shapes from './ops/shapes.ts';
import * as softmaxes from './ops/softmax.ts';
import * as order from './ops/sort.ts';
import { prod, std } from './ops/statistics.ts';
import * as views from './ops/views.ts';
import { Tensor } from './tensor.ts';

/** Operations of these modules are also methods of Tensor: the first argument is the tensor. */
const operations = {
  ...elementwise,
  ...softmaxes,
  ...reduce,
  ...views,
  ...joins,
  ...inPlace,
  ...{ ...algebra, ...closeness, ...converts, ...numeric, ...pointwise, ...searching, ...shapes },
  ...{ ...functions, ...indexing, ...logical, ...rounding, ...order, ...rearrange, ...scatters },
  ...{ ...moments, ...orderStatistics, ...scans },
  ...{
    matmul,
    pow,
    gather,
    indexSelect,
    bmm,
    outer,
    bernoulli,
    multinomial,
    prod,
    std,
    backward,
    registerHook,
    retainGrad,
    var: operation('var', 1, reduce.variance, ['correction', 'keepdim']),
  },
};

/** Functions only, as in PyTorch or because the first argument is not a tensor. */
const functionsOnly = [
  'affine',
  'bilinear',
  'broadcastTensors',
  'bucketize',
  'cat',
  'cdist',
  'dstack',
  'elu',
  'gelu',
  'hstack',
  'leakyRelu',
  'logSigmoid',
  'maskedSoftmax',
  'meshgrid',
  'oneHot',
  'pad',
  'pairwiseDistance',
  'searchsorted',
  'silu',
  'softplus',
  'stack',
  'variance',
  'vstack',
  'where',
] as const;
type FunctionOnly = (typeof functionsOnly)[number];

/** Methods of several forms, whose types cannot be derived. */
interface Overloaded {
  max(): Tensor;
  max(dim: number, keepdim?: boolean): order.ValuesAndIndices;
  max(other: Tensor): Tensor;
  min(): Tensor;
  min(dim: number, keepdim?: boolean): order.ValuesAndIndices;
  min(other: Tensor): Tensor;
  median(): Tensor;
  median(dim: number, keepdim?: boolean): order.ValuesAndIndices;
}

/** Methods that take sizes or dimensions as a list, or one by one: `x.view(2, 3)`. */
const sized = [
  'broadcastTo',
  'expand',
  'flip',
  'permute',
  'repeat',
  'reshape',
  'tile',
  'view',
] as const;
type Sized = Record<
  (typeof sized)[number],
  { (sizes: readonly number[]): Tensor; (...sizes: number[]): Tensor }
>;

type Method<F> = F extends (first: never, ...rest: infer A) => infer R ? (...rest: A) => R : never;
type Methods = {
  [K in Exclude<keyof typeof operations, FunctionOnly | keyof Overloaded | keyof Sized>]: Method<
    (typeof operations)[K]
  >;
};

declare module './tensor.ts' {
  interface Tensor extends Methods, Overloaded, Sized {}
}

for (const [name, operation] of Object.entries(operations)) {
  if ((functionsOnly as readonly string[]).includes(name)) continue;
  const isSized = (sized as readonly string[]).includes(name);
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...given: unknown[]) {
      const rest = isSized && typeof given[0] === 'number' ? [given] : given;
      return (operation as (first: Tensor, ...rest: unknown[]) => unknown)(this, ...rest);
    },
  });
}
