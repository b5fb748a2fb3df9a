import { afterAll, describe, expect, it } from 'vitest';
import { AdamW, SGD } from '../../src/nn/optim/index.ts';
import {
  capture,
  embedding,
  keep,
  setDevice,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

describe.each(devices)('gradient hooks on %s', (_, device) => {
  const leaf = (values: number[]) => tensor(values, { device: device!, requiresGrad: true });

  it.skipIf(!device)('see the whole gradient, and replace it', async () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    const seen: Tensor[] = [];
    y.registerHook((gradient) => void seen.push(keep(gradient.clone())));
    y.registerHook((gradient) => gradient.mul(10));
    y.add(y.mul(3)).sum().backward();
    expect(seen.length).toBe(1);
    expect(await seen[0].tolist()).toEqual([4, 4]);
    expect(await x.grad!.tolist()).toEqual([80, 80]);
  });

  it.skipIf(!device)('change what leaves accumulate, also in an optimizer', async () => {
    const [w, table] = [leaf([1, 2]), tensor([[1], [2]], { device: device!, requiresGrad: true })];
    const optimizer = new SGD([w, table], { lr: 1 });
    const handles = [w, table].map((t) => t.registerHook((gradient) => gradient.mul(0.5)));
    const ids = tensor(Int32Array.of(1), { device: device! });
    const step = () => {
      w.mul(4).sum().add(embedding(ids, table).sum()).backward();
      optimizer.step();
      optimizer.zeroGrad();
    };
    step();
    expect(await w.tolist()).toEqual([-1, 0]);
    expect(await table.tolist()).toEqual([[1], [1.5]]);
    for (const handle of handles) handle.remove();
    step();
    expect(await w.tolist()).toEqual([-5, -4]);
    expect(await table.tolist()).toEqual([[1], [0.5]]);
  });

  it.skipIf(!device)('a view of the gradient takes its place as it looks', async () => {
    const w = tensor(Float32Array.of(1, 2, 3, 4), {
      shape: [2, 2],
      device: device!,
      requiresGrad: true,
    });
    const optimizer = new AdamW([w]);
    w.square().sum().backward();
    optimizer.zeroGrad();
    w.registerHook((gradient) => gradient.transpose(0, 1));
    w.square().sum().backward();
    expect(await w.grad!.tolist()).toEqual([
      [2, 6],
      [4, 8],
    ]);
  });

  it.skipIf(!device)('are registered and removed one by one', async () => {
    const x = leaf([1]);
    const double = (gradient: Tensor) => gradient.mul(2);
    const first = x.registerHook(double);
    x.registerHook(double);
    first.remove();
    first.remove();
    x.sum().backward();
    expect(await x.grad!.tolist()).toEqual([2]);
  });

  const wrong: [string, RegExp, (gradient: Tensor) => unknown][] = [
    ['another shape', /a gradient of shape \[2\], got Tensor\(shape=\[\]/, (g) => g.sum()],
    ['another dtype', /a gradient in float32 .*int32/, (g) => g.toInt()],
    ['a number', /a tensor or nothing, got number/, () => 3],
    ['a promise', /must not be async/, async () => {}],
    ['a write over the gradient', /mul_ wrote over the gradient/, (g) => void g.mul_(2)],
  ];
  it.skipIf(!device).each(wrong)('refuse %s', (_, message, hook) => {
    const x = leaf([1, 2]);
    x.registerHook(hook as (gradient: Tensor) => Tensor);
    expect(() => x.mul(2).sum().backward()).toThrow(message);
    expect(() => x.detach().registerHook(() => {})).toThrow('requires a gradient');
  });

  it.skipIf(!device)('are repeated by replays, and captured again when they change', async () => {
    setDevice(device!);
    const w = leaf([1, 2]);
    const optimizer = new SGD([w], { lr: 1 });
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const loss = w.mul(x).sum();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    const run = () => step.run({ x: { data: Float32Array.of(1, 1), shape: [2] } });
    await run();
    const handle = w.registerHook((gradient) => gradient.mul(10));
    await run();
    await run();
    handle.remove();
    await run();
    expect(await w.tolist()).toEqual([1 - 22, 2 - 22]);
    step.dispose();
  });

  it.skipIf(device?.kind !== 'webgpu')('fail a capture if they read on the host', async () => {
    setDevice(device!);
    const w = leaf([1]);
    w.registerHook((gradient) => void gradient.item().catch(() => {}));
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const loss = w.mul(x).sum();
      loss.backward();
      w.grad!.dispose();
      w.grad = null;
      return loss;
    });
    await expect(step.run({ x: { data: Float32Array.of(1), shape: [1] } })).rejects.toThrow(
      /capture: the step, or a hook in it, reads the values/,
    );
  });
});
