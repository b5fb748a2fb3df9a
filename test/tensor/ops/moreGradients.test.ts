import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import * as products from '../../../src/tensor/ops/einsum.ts';
import { embeddingBag } from '../../../src/tensor/ops/embeddingBag.ts';
import * as functions from '../../../src/tensor/ops/functions.ts';
import * as indexing from '../../../src/tensor/ops/indexing.ts';
import * as logical from '../../../src/tensor/ops/logical.ts';
import * as pointwise from '../../../src/tensor/ops/pointwise.ts';
import * as rearrange from '../../../src/tensor/ops/rearrange.ts';
import * as rounding from '../../../src/tensor/ops/rounding.ts';
import * as scatters from '../../../src/tensor/ops/scatter.ts';
import * as order from '../../../src/tensor/ops/sort.ts';
import * as statistics from '../../../src/tensor/ops/statistics.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { checkGradient } from '../../support/gradients.ts';

const modules = {
  ...{ ...functions, ...logical, ...rounding, ...order, ...products, embeddingBag },
  ...{ ...pointwise, ...rearrange, ...statistics, ...scatters, ...indexing },
};
type Op = keyof typeof modules;

const withoutGradient: Op[] = [
  ...(Object.keys(logical) as Op[]),
  ...(['argsort', 'floorDivide'] as const),
];
/** They wait for the data; their own test has the gradient. */
const asynchronous: Op[] = ['maskedSelect', 'nonzero', 'oneHot'];
/** Indices with repeats, of a shape. */
const at = (x: w.Tensor, values: number[], shape: number[] = [values.length]) =>
  w.tensor(Int32Array.from(values), { shape, device: x.device });
const positive = (x: w.Tensor) => x.square().add(0.5);
/** Of each operation: `call(x)`, x: [5, 7]. */
const calls: Partial<Record<Op, (x: w.Tensor) => w.Tensor>> = {
  log2: (x) => w.log2(positive(x)),
  log10: (x) => w.log10(positive(x)),
  log1p: (x) => w.log1p(positive(x)),
  tan: (x) => w.tan(x.mul(0.2)),
  asin: (x) => w.asin(x.mul(0.2)),
  acos: (x) => w.acos(x.mul(0.2)),
  atan2: (x) => w.atan2(x, positive(x.slice([[0, 1]]))),
  remainder: (x) =>
    w.remainder(
      x.mul(0.1).add(1.5),
      x
        .slice([[0, 1]])
        .mul(0.01)
        .add(1.1),
    ),
  fmod: (x) =>
    w.fmod(
      x.mul(0.1).add(1.5),
      x
        .slice([[0, 1]])
        .mul(0.01)
        .add(1.1),
    ),
  rsub: (x) => w.rsub(x, x.slice([[0, 1]]).square(), 3),
  addcmul: (x) => w.addcmul(x, x.exp(), x.slice([[1, 2]]), 0.5),
  addcdiv: (x) => w.addcdiv(x, x.exp(), positive(x.slice([[1, 2]])), 0.5),
  lerp: (x) => w.lerp(x, x.square(), x.slice([[1, 2]])).add(w.lerp(x.exp(), x, 0.75)),
  floor: (x) => w.floor(x.mul(0.01).add(0.5)),
  ceil: (x) => w.ceil(x.mul(0.01).add(0.5)),
  round: (x) => w.round(x.mul(0.01).add(0.2)),
  sign: (x) => w.sign(x.mul(0.01).add(0.5)),
  trunc: (x) => w.trunc(x.mul(0.01).add(0.5)),
  frac: (x) => w.frac(x.mul(0.01).add(0.5)),
  bmm: (x) => w.bmm(x.reshape([5, 1, 7]), x.reshape([5, 7, 1])),
  outer: (x) => w.outer(x.select(0, 1), x.select(1, 2)),
  einsum: (x) => w.einsum('ij,kj,ii->ik', x, x.square(), x.slice([null, [0, 5]])),
  embeddingBag: (x) =>
    w.cat([
      w.embeddingBag(at(x, [0, 1, 4, 4], [2, 2]), x, { mode: 'max' }),
      w.embeddingBag(at(x, [0, 3, 3, 1]), x, { offsets: [0, 1, 1], paddingIdx: 1 }),
    ]),
  repeat: (x) => x.repeat([2, 1, 2]),
  tile: (x) => x.tile([2]),
  repeatInterleave: (x) => x.repeatInterleave([1, 0, 2, 1, 0], 0),
  unbind: (x) => w.cat(x.unbind(1).reverse()),
  roll: (x) => x.roll([2, -3], [0, 1]),
  movedim: (x) => x.movedim(0, 1),
  diagonal: (x) => x.diagonal(1),
  tril: (x) => x.tril(1),
  triu: (x) => x.triu(-1),
  prod: (x) => x.mul(0.5).add(1).prod(1),
  std: (x) => x.std(0),
  vectorNorm: (x) => w.vectorNorm(x, 3, 1).add(w.vectorNorm(x, 1.5, 1)),
  cosineSimilarity: (x) => w.cosineSimilarity(x, x.flip([0]).square()),
  scatter: (x) => w.scatter(x, 1, at(x, [6, 0, 3, 1], [2, 2]), x.square()),
  scatterAdd: (x) => w.scatterAdd(x, 0, at(x, [4, 0, 4, 1], [2, 2]), x.square()),
  indexAdd: (x) => w.indexAdd(x, 1, at(x, [2, 2]), x.slice([null, [3, 5]]).square(), -2),
  indexCopy: (x) => w.indexCopy(x, 0, at(x, [3, 1]), x.slice([[0, 2]]).square()),
  index: (x) => x.index([at(x, [1, 1, -1]), at(x, [0, 0, 3])]),
  indexPut: (x) =>
    w.cat([
      x.indexPut([at(x, [1, 2]), at(x, [0, 3])], x.select(0, 0).slice([[1, 3]])),
      x.indexPut(
        [null, at(x, [3, 3])],
        x
          .slice([
            [2, 3],
            [0, 2],
          ])
          .square(),
        true,
      ),
    ]),
  takeAlongDim: (x) => x.takeAlongDim(at(x, [4, 0, 0], [3, 1]), 0),
  sort: (x) => w.sort(x, 0).values,
  // The largest are far from the others, so that no step changes their order.
  topk: (x) =>
    w.topk(x.add(w.arange(0, 35, { dtype: 'float32', device: x.device }).mul(5).reshape([5, 7])), 3)
      .values,
  max: (x) => w.cat([x.max(0).values, x.max().reshape([1]), w.max(x, x.mul(2)).flatten()]),
  min: (x) => w.cat([x.min(1).values, x.min().reshape([1]), w.min(x, x.mul(2)).flatten()]),
};

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('gradients on %s agree with finite differences', (_, device) => {
  const names = (Object.keys(modules) as Op[]).filter(
    (name) => ![...withoutGradient, ...asynchronous].includes(name),
  );
  it.skipIf(!device).each(names)('%s', async (name) => {
    const call = calls[name] ?? (modules[name] as (x: w.Tensor) => w.Tensor);
    await checkGradient(name, device!, call);
  });

  it.skipIf(!device).each(withoutGradient)('%s has none', (name) => {
    const x = w.randn(5, 7, { device: device! }).requiresGrad_();
    const call = modules[name] as (x: w.Tensor, y: number) => w.Tensor;
    expect(call(x, 1).requiresGrad).toBe(false);
  });
});
