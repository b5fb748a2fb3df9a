import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import * as functions from '../../../src/tensor/ops/functions.ts';
import * as logical from '../../../src/tensor/ops/logical.ts';
import * as rounding from '../../../src/tensor/ops/rounding.ts';
import * as order from '../../../src/tensor/ops/sort.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { checkGradient } from '../../support/gradients.ts';

const modules = { ...functions, ...logical, ...rounding, ...order };
type Op = keyof typeof modules;

const withoutGradient: Op[] = [
  ...(Object.keys(logical) as Op[]),
  ...(['argsort', 'floorDivide'] as const),
];
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
  lerp: (x) => w.lerp(x, x.square(), x.slice([[1, 2]])).add(w.lerp(x.exp(), x, 0.75)),
  floor: (x) => w.floor(x.mul(0.01).add(0.5)),
  ceil: (x) => w.ceil(x.mul(0.01).add(0.5)),
  round: (x) => w.round(x.mul(0.01).add(0.2)),
  sign: (x) => w.sign(x.mul(0.01).add(0.5)),
  trunc: (x) => w.trunc(x.mul(0.01).add(0.5)),
  frac: (x) => w.frac(x.mul(0.01).add(0.5)),
  sort: (x) => w.sort(x, 0).values,
  topk: (x) => w.topk(x, 3).values,
  max: (x) => w.cat([x.max(0).values, x.max().reshape([1]), w.max(x, x.mul(2)).flatten()]),
  min: (x) => w.cat([x.min(1).values, x.min().reshape([1]), w.min(x, x.mul(2)).flatten()]),
};

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('gradients on %s agree with finite differences', (_, device) => {
  const names = (Object.keys(modules) as Op[]).filter((name) => !withoutGradient.includes(name));
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
