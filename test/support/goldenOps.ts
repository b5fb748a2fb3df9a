import * as nn from '../../src/nn/index.ts';
import type { SliceRange, Tensor } from '../../src/tensor/index.ts';
import * as w from '../../src/tensor/index.ts';
import { keep, noGrad } from '../../src/tensor/index.ts';

type Attrs = Record<string, never>;
export type GoldenOp = (
  inputs: Record<string, Tensor>,
  attrs: Attrs,
  call: string,
) => Tensor | Tensor[];

const unary =
  (f: (x: Tensor) => Tensor): GoldenOp =>
  ({ x }) =>
    f(x);
const withScalar =
  (
    f: (a: Tensor, b: Tensor | number) => Tensor,
    left: (c: number, a: Tensor) => Tensor,
  ): GoldenOp =>
  ({ a, b }, { other, left: onLeft }) =>
    b ? f(a, b) : onLeft ? left(other, a) : f(a, other);
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): GoldenOp =>
  ({ a, b }) =>
    f(a, b);
const reduction =
  (f: (x: Tensor, dim?: number | number[], keepdim?: boolean) => Tensor): GoldenOp =>
  ({ x }, { dim, keepdim }) =>
    f(x, dim, keepdim);

/** What a case of the own set runs: a function of the library, or a layer of `nn`. */
export type GoldenRun =
  | { fn: string; args: unknown[] }
  | { layer: string; args: unknown[]; forward: string[] };

type Callable = (...args: unknown[]) => unknown;

/** The tensors of a result, in order: alone, in arrays or in objects. */
const tensorsOf = (result: unknown): Tensor[] =>
  result instanceof w.Tensor
    ? [result]
    : result === null
      ? []
      : Object.values(result as object).flatMap(tensorsOf);

/** An argument: the name of an input stands for it, and a call for its result. */
function argument(value: unknown, inputs: Record<string, Tensor>): unknown {
  if (typeof value === 'string') return inputs[value] ?? value;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((part) => argument(part, inputs));
  if ('fn' in value) return call(value as { fn: string; args: unknown[] }, inputs);
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, argument(part, inputs)]),
  );
}

function call({ fn, args }: { fn: string; args: unknown[] }, inputs: Record<string, Tensor>) {
  const given = args.map((value) => argument(value, inputs));
  const named = (w as unknown as Record<string, Callable>)[fn];
  if (named) return named(...given);
  const [x, ...rest] = given as [Record<string, Callable>];
  return x[fn](...rest);
}

/** Runs a case of the own set; parameters of a layer then take their inputs' places. */
export function runGolden(
  run: GoldenRun,
  inputs: Record<string, Tensor>,
): Tensor[] | Promise<Tensor[]> {
  if ('fn' in run) {
    const result = call(run, inputs);
    return result instanceof Promise ? result.then(tensorsOf) : tensorsOf(result);
  }
  const Layer = (nn as unknown as Record<string, new (...args: unknown[]) => nn.Module>)[run.layer];
  const module = new Layer(...run.args) as nn.Module & { forward: Callable };
  for (const [name, parameter] of module.namedParameters()) {
    const value = inputs[`parameter:${name}`];
    noGrad(() => parameter.copy_(value));
    value.dispose();
    inputs[`parameter:${name}`] = keep(parameter);
  }
  for (const [name, buffer] of module.namedBuffers()) inputs[`buffer:${name}`] = buffer;
  return tensorsOf(module.forward(...run.forward.map((name) => inputs[name])));
}

/** The operations of the large set, by this library's functions. */
export const goldenOps: Record<string, GoldenOp> = {
  matmul: ({ a, b }, { transposeA, transposeB }) =>
    w.matmul(transposeA ? a.transpose(-1, -2) : a, transposeB ? b.transpose(-1, -2) : b),
  linear: ({ x, w: weight, b }) => w.linear(x, weight, b),
  softmax: ({ x, mask }, { dim }, call) =>
    w.softmax(
      !mask
        ? x
        : call.includes('masked_fill')
          ? x.maskedFill(mask, Number.NEGATIVE_INFINITY)
          : x.add(mask),
      dim,
    ),
  log_softmax: ({ x, mask }, { dim }) => w.logSoftmax(mask ? x.add(mask) : x, dim),
  layer_norm: ({ x, w: weight, b }, { eps, normalized_dims = 1 }) =>
    w.layerNorm(x, x.shape.slice(x.ndim - normalized_dims), weight, b, eps),
  gelu: ({ x }, { approximate }) => w.gelu(x, approximate),
  tanh: unary(w.tanh),
  sigmoid: unary(w.sigmoid),
  relu: unary(w.relu),
  erf: unary(w.erf),
  exp: unary(w.exp),
  neg: unary(w.neg),
  abs: unary(w.abs),
  sin: unary(w.sin),
  cos: unary(w.cos),
  square: unary(w.square),
  log: unary(w.log),
  sqrt: unary(w.sqrt),
  rsqrt: unary(w.rsqrt),
  reciprocal: unary(w.reciprocal),
  silu: unary(w.silu),
  softplus: unary(w.softplus),
  leaky_relu: ({ x }, { negative_slope }) => w.leakyRelu(x, negative_slope),
  pow: ({ x }, { exponent }) => x.pow(exponent),
  clamp: ({ x }, { min, max }) => x.clamp(min, max),
  add: withScalar(w.add, (c, a) => a.add(c)),
  sub: withScalar(w.sub, (c, a) => a.neg().add(c)),
  mul: withScalar(w.mul, (c, a) => a.mul(c)),
  div: withScalar(w.div, (c, a) => a.reciprocal().mul(c)),
  maximum: binary(w.maximum),
  minimum: binary(w.minimum),
  eq: binary(w.eq),
  ne: binary(w.ne),
  lt: binary(w.lt),
  le: binary(w.le),
  gt: binary(w.gt),
  ge: binary(w.ge),
  where: ({ m, a, b }) => w.where(m, a, b),
  masked_fill: ({ x, m }, { value }) => x.maskedFill(m, value),
  sum: reduction(w.sum),
  mean: reduction(w.mean),
  amax: reduction(w.amax),
  amin: reduction(w.amin),
  var: ({ x }, { dim, unbiased }) => x.var(dim, unbiased),
  argmax: ({ x }, { dim }) => x.argmax(dim),
  argmin: ({ x }, { dim }) => x.argmin(dim),
  norm: ({ x }) => x.norm(),
  logsumexp: ({ x }, { dim }) => x.logsumexp(dim),
  reshape: ({ x }, { shape, transpose }: Record<string, never>) =>
    (transpose ? x.transpose(transpose[0], transpose[1]) : x).reshape(shape),
  permute: ({ x }, { dims }) => x.permute(dims),
  transpose: ({ x }, { dim0, dim1 }) => x.transpose(dim0, dim1),
  slice: ({ x }, { slices }, call) => {
    const ranges = slices as SliceRange[];
    return x.slice(
      call.includes('...') && ranges.length < x.ndim
        ? [...Array(x.ndim - ranges.length).fill(null), ...ranges]
        : ranges,
    );
  },
  select: ({ x }, { dim, index }) => x.select(dim, index),
  cat: ({ a, b, c }, { dim }, call) =>
    w.cat(call.includes('[a, a]') ? [a, a] : c ? [a, b, c] : [a, b], dim),
  stack: ({ a, b, c }, { dim }) => w.stack(c ? [a, b, c] : [a, b], dim),
  split: ({ x }, { sizes, dim }) => x.split(sizes, dim),
  chunk: ({ x }, { chunks, dim }) => x.chunk(chunks, dim),
  squeeze: ({ x }, { dim }) => x.squeeze(dim),
  unsqueeze: ({ x }, { dim }) => x.unsqueeze(dim),
  expand: ({ x }, { shape }) => x.expand(shape),
  flip: ({ x }, { dims }) => x.flip(dims),
  pad: ({ x }, { pad }) => w.pad(x, pad),
  tril: unary((x) => w.tril(x)),
  embedding: ({ ids, w: weight }, { padding_idx = -1 }) => w.embedding(ids, weight, padding_idx),
  index_select: ({ x, i }, { dim }) => x.indexSelect(dim, i),
  gather: ({ x, i }, { dim }) => x.gather(dim, i),
  cross_entropy: ({ x, y }, { reduction, ignore_index, label_smoothing }) =>
    w.crossEntropy(x, y, { reduction, ignoreIndex: ignore_index, labelSmoothing: label_smoothing }),
  mse_loss: ({ x, y }) => w.mseLoss(x, y),
  l1_loss: ({ x, y }) => w.l1Loss(x, y),
  bce_with_logits: ({ x, y }) => w.binaryCrossEntropyWithLogits(x, y),
  nll_loss: ({ x, y }) => w.nllLoss(w.logSoftmax(x, -1), y),
};

/** Whole expressions, by their name after `graph/`. */
export const goldenGraphs: Record<string, (inputs: Record<string, Tensor>) => Tensor> = {
  'x * x + x': ({ x }) => x.mul(x).add(x),
  'torch.matmul(x, x.transpose(-1, -2))': ({ x }) => x.matmul(x.transpose(-1, -2)),
  '(torch.tanh(x) * w).sum(-1, keepdim=True) * torch.exp(x * 0.1) + w': ({ x, w: u }) =>
    x.tanh().mul(u).sum(-1, true).mul(x.mul(0.1).exp()).add(u),
  'x.transpose(0, 1)[1:3].reshape(2, -1) * 2 + x[:, :2].reshape(2, -1)': ({ x }) =>
    x
      .transpose(0, 1)
      .slice([[1, 3]])
      .reshape([2, -1])
      .mul(2)
      .add(x.slice([null, [0, 2]]).reshape([2, -1])),
  'torch.matmul(F.softmax(torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(8) + m, dim=-1), v)': ({
    q,
    k,
    v,
    m,
  }) => q.matmul(k.transpose(-1, -2)).div(Math.sqrt(8)).add(m).softmax(-1).matmul(v),
  'x.view(2, 17, 3, 8).permute(0, 2, 1, 3).permute(0, 2, 1, 3).reshape(2, 17, 24) * x': ({ x }) =>
    x
      .reshape([2, 17, 3, 8])
      .permute([0, 2, 1, 3])
      .permute([0, 2, 1, 3])
      .reshape([2, 17, 24])
      .mul(x),
  'F.layer_norm(F.linear(F.gelu(F.linear(x, w1, b1)), w2, b2) + x, (17,), g, b, 1e-12)': ({
    x,
    w1,
    b1,
    w2,
    b2,
    g,
    b,
  }) => w.layerNorm(w.linear(w.linear(x, w1, b1, 'gelu'), w2, b2).add(x), [17], g, b, 1e-12),
  'F.cross_entropy(torch.matmul(torch.tanh(F.embedding(ids, w)), w.T), ids)': ({ ids, w: table }) =>
    w.crossEntropy(w.embedding(ids, table).tanh().matmul(table.transpose(0, 1)), ids),
  '(x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)': ({
    x,
  }) => x.sub(x.mean(-1, true)).div(x.var(-1, false, true).add(1e-5).sqrt()),
  'torch.tanh(torch.tanh(torch.tanh(x @ w) @ w) @ w)': ({ x, w: u }) =>
    x.matmul(u).tanh().matmul(u).tanh().matmul(u).tanh(),
  'x * 2': ({ x }) => x.mul(2),
  'x * x.detach() + (x * 3).detach()': ({ x }) => x.mul(x.detach()).add(x.mul(3).detach()),
};
