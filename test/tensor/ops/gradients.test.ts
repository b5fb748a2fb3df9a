import { afterAll, describe, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import * as broadcasts from '../../../src/tensor/ops/broadcasting.ts';
import * as elementwise from '../../../src/tensor/ops/elementwise.ts';
import * as gelus from '../../../src/tensor/ops/gelu.ts';
import * as joins from '../../../src/tensor/ops/joins.ts';
import * as matmuls from '../../../src/tensor/ops/matmul.ts';
import * as powers from '../../../src/tensor/ops/power.ts';
import * as reductions from '../../../src/tensor/ops/reduce.ts';
import * as softmaxes from '../../../src/tensor/ops/softmax.ts';
import * as parts from '../../../src/tensor/ops/viewPart.ts';
import * as views from '../../../src/tensor/ops/views.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { checkGradient } from '../../support/gradients.ts';

// Every operation of these modules is checked, a new one without a line here: `op(x)`, x: [5, 7].
const modules = {
  ...{ ...elementwise, ...gelus, ...powers, ...reductions },
  ...{ ...softmaxes, ...views, ...broadcasts, ...parts, ...joins, ...matmuls },
};
type Op = keyof typeof modules;

/** Operations whose result is no differentiable float. */
const withoutGradient: Op[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'toInt', 'argmax', 'argmin'];
/** Operations that take more than x, or an x of a certain kind. */
const calls: Partial<Record<Op, (x: w.Tensor) => w.Tensor>> = {
  log: (x) => w.log(positive(x)),
  sqrt: (x) => w.sqrt(positive(x)),
  rsqrt: (x) => w.rsqrt(positive(x)),
  reciprocal: (x) => w.reciprocal(positive(x)),
  pow: (x) => w.pow(positive(x), 1.5),
  affine: (x) => w.affine(x, 3, -1),
  add: (x) => w.add(x, x.slice([[0, 1]])),
  sub: (x) => w.sub(x, x.slice([[0, 1]])),
  mul: (x) => w.mul(x, x.slice([null, [0, 1]])),
  div: (x) => w.div(x, positive(x.slice([[0, 1]]))),
  maximum: (x) => w.maximum(x, x.flip([0]).mul(0.5)),
  minimum: (x) => w.minimum(x, x.flip([0]).mul(0.5)),
  clamp: (x) => w.clamp(x, -3, 3),
  toFloat: (x) => x.toFloat(),
  where: (x) => w.where(x.detach().gt(0), x.mul(2), x.square()),
  maskedFill: (x) => x.maskedFill(x.detach().gt(0), 2),
  logsumexp: (x) => x.logsumexp(1),
  maskedSoftmax: (x) =>
    w.maskedSoftmax(x.reshape([1, 1, 5, 7]), w.zeros([1, 1, 1, 7], { device: x.device }), 0.5),
  reshape: (x) => x.reshape([7, 5]),
  view: (x) => x.view([7, 5]),
  permute: (x) => x.permute([1, 0]),
  transpose: (x) => x.transpose(0, 1),
  expand: (x) => x.unsqueeze(0).expand([2, 5, 7]),
  squeeze: (x) => x.unsqueeze(1).squeeze(1),
  unsqueeze: (x) => x.unsqueeze(1),
  slice: (x) => x.slice([[1, 4], null]),
  select: (x) => x.select(0, 2),
  expandTo: (x) => broadcasts.expandTo(x.unsqueeze(0), [2, 5, 7]),
  sumToSize: (x) => broadcasts.sumToSize(x.square(), [5, 1]),
  viewPart: (x) =>
    parts.viewPart('part', x, ({ strides, offset }) => ({ shape: [2, 3], strides, offset })),
  flip: (x) => x.flip([0]),
  pad: (x) => w.pad(x, [1, 2]),
  cat: (x) => w.cat([x, x.mul(2)], 0),
  stack: (x) => w.stack([x, x.mul(2)], 0),
  split: (x) => w.cat(x.split(2, 0).reverse(), 0),
  chunk: (x) => w.cat(x.chunk(3, 1).reverse(), 1),
  matmul: (x) => x.matmul(x.transpose(0, 1)),
  linear: (x) => w.linear(x, x.slice([[0, 3]]), x.select(1, 0).slice([[0, 3]]), 'tanh'),
};
const positive = (x: w.Tensor) => x.square().add(0.5);

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
});
