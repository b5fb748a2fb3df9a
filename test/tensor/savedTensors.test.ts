import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { SGD } from '../../src/nn/optim/index.ts';
import {
  backward,
  capture,
  embedding,
  linear,
  noGrad,
  setDevice,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('tensors that backward needs on %s', (_, device) => {
  const leaf = (values: number[]) => tensor(values, { device: device!, requiresGrad: true });
  const constant = (values: number[]) => tensor(values, { device: device! });

  const overwritten: [string, string, () => Tensor][] = [
    [
      'the result of exp',
      'exp needs .* copy_ has overwritten',
      () => {
        const y = leaf([1, 2]).exp();
        noGrad(() => y.copy_([0, 0]));
        return y;
      },
    ],
    [
      'a factor',
      'mul needs .* mul_ has overwritten',
      () => {
        const factor = constant([3, 4]);
        const y = leaf([1, 2]).mul(factor);
        factor.mul_(2);
        return y;
      },
    ],
    [
      'a view of a factor',
      'mul needs .* zero_ has overwritten',
      () => {
        const factor = constant([3, 4]);
        const y = leaf([1]).mul(factor);
        factor.slice([[1, 2]]).zero_();
        return y;
      },
    ],
    [
      'a weight that an optimizer moved after the forward pass',
      'matmul needs .* optimizer.step has overwritten',
      () => {
        const weight = tensor([[1, 2]], { device: device!, requiresGrad: true });
        const x = tensor([[1, 1]], { device: device!, requiresGrad: true });
        const y = linear(x, weight);
        const optimizer = new SGD([weight], { lr: 0.1 });
        weight.mul(2).sum().backward();
        optimizer.step();
        return y;
      },
    ],
    [
      'the ids of an embedding',
      'embedding needs .* copy_ has overwritten',
      () => {
        const table = tensor([[1], [2]], { device: device!, requiresGrad: true });
        const ids = tensor(Int32Array.of(0, 1), { device: device! });
        const y = embedding(ids, table);
        ids.copy_([1, 1]);
        return y;
      },
    ],
  ];
  it.skipIf(!device).each(overwritten)('%s', (_, message, make) => {
    const y = make();
    expect(() => y.sum().backward()).toThrow(new RegExp(message));
  });

  it.skipIf(!device)('may be overwritten where backward does not read them', async () => {
    const [x, term, other] = [leaf([1, 2]), constant([3, 4]), constant([5, 6])];
    const y = x.add(term).mul(other);
    term.copy_([0, 0]);
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([5, 6]);
  });

  it.skipIf(!device)('are free again after backward, in each step', async () => {
    const weight = leaf([1, 2]);
    const optimizer = new SGD([weight], { lr: 0.5 });
    for (let step = 0; step < 3; step++) {
      weight.square().sum().backward();
      optimizer.step();
      optimizer.zeroGrad();
    }
    expect(await weight.tolist()).toEqual([0, 0]);
  });

  it.skipIf(!device)('a gradient given by hand may be reused', async () => {
    const [x, gradient] = [leaf([1, 2]), constant([0, 0])];
    const y = x.square();
    gradient.copy_([1, 10]);
    y.backward(gradient);
    expect(await x.grad!.tolist()).toEqual([2, 40]);
  });

  it.skipIf(!device)('a captured step that moves weights between two backwards', async () => {
    setDevice(device!);
    const weight = leaf([2]);
    const optimizer = new SGD([weight], { lr: 0.1 });
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const [first, second] = [weight.mul(x), weight.mul(weight)];
      backward(first.sum());
      optimizer.step();
      optimizer.zeroGrad();
      backward(second.sum());
      return second;
    });
    const x = { data: Float32Array.of(1), shape: [1] };
    await expect(step.run({ x })).rejects.toThrow(/mul needs .* optimizer.step/);
  });

  it.skipIf(!device)('a captured step counts as a write where it moves weights', async () => {
    setDevice(device!);
    const weight = leaf([2]);
    const optimizer = new SGD([weight], { lr: 0.1 });
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const loss = weight.mul(x).sum();
      backward(loss);
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    const x = { data: Float32Array.of(1), shape: [1] };
    await step.run({ x });
    const before = weight.square();
    await step.run({ x });
    expect(() => before.sum().backward()).toThrow(/mul needs .* optimizer.step/);
  });
});
