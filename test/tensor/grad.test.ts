import { afterAll, describe, expect, it } from 'vitest';
import { AdamW } from '../../src/nn/optim/index.ts';
import {
  backward,
  capture,
  embedding,
  enableGrad,
  grad,
  inferenceMode,
  isGradEnabled,
  noGrad,
  scope,
  setDevice,
  setGradEnabled,
  type Tensor,
  tensor,
} from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

describe.each(devices)('grad on %s', (_, device) => {
  const leaf = (values: number[]) => tensor(values, { device: device!, requiresGrad: true });

  it.skipIf(!device)('gives gradients of leaves and of results, and leaves `grad`', async () => {
    const [x, w] = [leaf([1, 2]), leaf([3, 4])];
    const hidden = x.mul(w);
    const [dh, dx] = grad(hidden.square().sum(), [hidden, x]);
    expect(await dh.tolist()).toEqual([6, 16]);
    expect(await dx.tolist()).toEqual([18, 64]);
    expect([x.grad, w.grad]).toEqual([null, null]);
  });

  it.skipIf(!device)('sums over several outputs, weighed by gradOutputs', async () => {
    const x = leaf([1, 2]);
    const gradOutputs = [tensor([1, 10], { device: device! }), null];
    const [dx] = grad([x.mul(3), x.sum()], x, { gradOutputs });
    expect(await dx.tolist()).toEqual([4, 31]);
  });

  it.skipIf(!device)('does not touch the gradient buffers of an optimizer', async () => {
    const w = leaf([1, 2]);
    const optimizer = new AdamW([w], { lr: 0.1 });
    w.square().sum().backward();
    optimizer.step();
    optimizer.zeroGrad();
    const [first] = grad(w.mul(2).sum(), w);
    w.mul(7).sum().backward();
    expect(await first.tolist()).toEqual([2, 2]);
    expect(await w.grad!.tolist()).toEqual([7, 7]);
  });

  it.skipIf(!device)('gives the dense gradient of an embedding', async () => {
    const table = tensor([[1], [2], [3]], { device: device!, requiresGrad: true });
    const ids = tensor(Int32Array.of(2, 0, 2), { device: device! });
    const [dTable] = grad(embedding(ids, table).sum(), table);
    expect(await dTable.tolist()).toEqual([[1], [0], [2]]);
  });

  it.skipIf(!device)('uses a graph again with retainGraph alone', async () => {
    const x = leaf([3]);
    const y = x.square();
    const [first] = grad(y, x, { retainGraph: true });
    const [second] = grad(y, x);
    expect([await first.item(), await second.item()]).toEqual([6, 6]);
    expect(() => grad(y, x)).toThrow(/mul was used before/);
  });

  it.skipIf(!device)('adds to a gradient that was set, in its place', async () => {
    const flat = tensor([1, 1, 1, 1, 1, 1], { device: device! });
    const [p, q] = [leaf([1, 2]), leaf([1, 2, 3, 4]).view([2, 2]).detach().requiresGrad_()];
    p.grad = flat.slice([[1, 3]]);
    q.grad = flat
      .slice([[2, 6]])
      .view([2, 2])
      .t();
    p.mul(tensor([5, 7], { device: device! }))
      .sum()
      .backward();
    expect(await flat.tolist()).toEqual([1, 6, 8, 1, 1, 1]);
    expect(await p.grad!.tolist()).toEqual([6, 8]);
    q.mul(
      tensor(
        [
          [10, 20],
          [30, 40],
        ],
        { device: device! },
      ),
    )
      .sum()
      .backward();
    expect(await q.grad!.tolist()).toEqual([
      [18, 21],
      [31, 41],
    ]);
    expect(await flat.tolist()).toEqual([1, 6, 18, 31, 21, 41]);

    // Of an expanded one, elements are one in memory.
    const one = tensor([1], { device: device! });
    p.grad = one.expand([2]);
    p.mul(tensor([5, 7], { device: device! }))
      .sum()
      .backward();
    expect([await p.grad!.tolist(), await one.tolist()]).toEqual([[6, 8], [1]]);
  });

  it.skipIf(!device)('a gradient of a sparse kind is added to a view too', async () => {
    const table = leaf([1, 2, 3, 4]).view([2, 2]).detach().requiresGrad_();
    const flat = tensor([1, 1, 1, 1, 1], { device: device! });
    table.grad = flat.slice([[1, 5]]).view([2, 2]);
    embedding(tensor(Int32Array.of(1, 1), { device: device! }), table)
      .sum()
      .backward();
    expect(await flat.tolist()).toEqual([1, 1, 1, 3, 3]);
  });

  it.skipIf(!device)('refuses to set a gradient of another kind', () => {
    const p = leaf([1, 2]);
    const set = (gradient: Tensor) => () => {
      p.grad = gradient;
    };
    expect(set(tensor([1], { device: device! }))).toThrow(
      /expected a gradient of shape \[2\], got/,
    );
    expect(set(tensor(Int32Array.of(1, 1), { device: device! }))).toThrow(/in float32 on/);
    expect(p.grad).toBe(null);
  });

  it.skipIf(!device)('says what is wrong', () => {
    const [x, other] = [leaf([1, 2]), leaf([1, 2])];
    const y = x.mul(2);
    expect(() => grad(y, x)).toThrow('grad: expected a gradient for a tensor of shape [2]');
    expect(() => grad(y.sum(), [x, other])).toThrow(/do not depend on input 1, .*allowUnused/);
    expect(grad(x.sum(), [other], { allowUnused: true })).toEqual([null]);
    expect(() => grad(y, x, { gradOutputs: leaf([1]) })).toThrow(
      'expected a gradient of shape [2]',
    );
    expect(() => grad([x, x], x, { gradOutputs: [leaf([1])] })).toThrow('expected 2, one for each');
    expect(() => grad(x.sum(), x.detach())).toThrow('expected inputs that require a gradient');
    expect(() => grad(x.detach().sum(), x)).toThrow('depends on nothing that requires a gradient');
    expect(() => x.sum().backward(undefined, true, true)).toThrow('use `grad` with `createGraph`');
  });

  it.skipIf(!device)('gives the same in captured steps', async () => {
    setDevice(device!);
    const w = leaf([2, 3]);
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const hidden = w.mul(x);
      const [dh] = grad(hidden.square().sum(), hidden);
      return dh;
    });
    const run = (...x: number[]) => step.run({ x: { data: Float32Array.from(x), shape: [2] } });
    expect([...(await run(1, 1))]).toEqual([4, 6]);
    expect([...(await run(2, 5))]).toEqual([8, 30]);
    step.dispose();
  });

  it.skipIf(!device)('retainGrad keeps the gradient of a result, in its scope', async () => {
    const x = leaf([1, 2]);
    const y = x.mul(3);
    y.retainGrad();
    const loss = y.square().sum();
    loss.backward(undefined, true);
    expect(await y.grad!.tolist()).toEqual([6, 12]);
    loss.backward();
    expect(await y.grad!.tolist()).toEqual([12, 24]);
    expect(await x.grad!.tolist()).toEqual([36, 72]);
    expect(() => x.detach().retainGrad()).toThrow('expected a tensor that requires a gradient');
    const gone = scope(() => {
      const z = x.mul(2);
      z.retainGrad();
      backward(z.sum());
      return { grad: z.grad! };
    });
    expect(await gone.grad.tolist()).toEqual([1, 1]);
  });
});

describe('whether operations are recorded', () => {
  const x = tensor([1], { requiresGrad: true });
  const isRecorded = () => x.mul(2).requiresGrad;

  it('follows the innermost function', () => {
    expect(noGrad(isRecorded)).toBe(false);
    expect(inferenceMode(isRecorded)).toBe(false);
    expect(noGrad(() => enableGrad(isRecorded))).toBe(true);
    expect(isGradEnabled()).toBe(true);
  });

  it('can be set', () => {
    setGradEnabled(false);
    expect([isGradEnabled(), isRecorded()]).toEqual([false, false]);
    setGradEnabled(true);
    expect(isRecorded()).toBe(true);
  });
});
