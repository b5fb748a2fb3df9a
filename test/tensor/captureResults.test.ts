import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import {
  capture,
  keep,
  ones,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '../../src/tensor/index.ts';
import { allDevices } from '../support/devices.ts';

const devices = await allDevices();
afterAll(() => {
  setDevice(new CpuDevice());
  for (const [, device] of devices) device?.destroy();
});

const values = (count: number, seed: number) => ({
  data: Float32Array.from({ length: count }, (_, i) => Math.sin(i * 3 + seed)),
  shape: [count],
});

describe.each(devices)('several results of a captured step on %s', (_, device) => {
  const here = it.skipIf(!device);

  here('come by name, of ragged sizes, over shapes and replays', async () => {
    setDevice(device!);
    const body = ({ x }: { x: Tensor }) => ({
      mean: x.mean(),
      // A view, the same tensor twice, and a chain that is fused.
      turned: x.reshape([x.size, 1]).expand([x.size, 3]).transpose(0, 1),
      x,
      again: x,
      gate: x.mul(2).add(1).tanh(),
    });
    const step = capture(device!, body);
    for (const [i, count] of [5, 5, 1, 67, 5, 67].entries()) {
      const x = values(count, i);
      const results = await step.run({ x });
      expectTypeOf(results.mean).toEqualTypeOf<Float32Array>();
      const expected = body({ x: tensor(x.data) });
      expect(Object.keys(results)).toEqual(Object.keys(expected));
      for (const [name, one] of Object.entries(expected))
        expect(results[name as keyof typeof results], name).toEqual(await one.data());
    }
    step.dispose();
  });

  here('do not need all inputs: one that the step leaves unused changes no memory', async () => {
    setDevice(device!);
    const step = capture(device!, ({ x }: { x: Tensor; unused: Tensor }) => x.matmul(x).sum());
    const big = { data: new Float32Array(1 << 14).fill(1e9), shape: [1 << 14] };
    const x = { data: new Float32Array(64 * 64).fill(1), shape: [64, 64] };
    // A launch after a stray write would wait for threads that never wake.
    for (let i = 0; i < 3; i++)
      expect([...(await step.run({ x, unused: big }))]).toEqual([64 ** 3]);
    expect(
      await ones([128, 128])
        .matmul(ones([128, 128]))
        .sum()
        .item(),
    ).toBe(128 ** 3);
    step.dispose();
  });

  here('come in an array, with parameters and gradients among them', async () => {
    setDevice(device!);
    const weight = keep(tensor([1, 2, 3], { requiresGrad: true }));
    const step = capture(device!, ({ x }: { x: Tensor }) => {
      const loss = weight.mul(x).square().sum();
      loss.backward();
      const gradient = weight.grad!.mul(1);
      weight.grad!.dispose();
      weight.grad = null;
      return [loss, gradient, weight];
    });
    for (const scale of [1, -2, 0.5]) {
      const x = { data: Float32Array.of(scale, 0, 1), shape: [3] };
      const results = await step.run({ x });
      expectTypeOf(results).toEqualTypeOf<Float32Array[]>();
      expect(results.map((one) => [...one])).toEqual([
        [scale ** 2 + 9],
        [2 * scale ** 2, 0, 6],
        [1, 2, 3],
      ]);
    }
    const one = capture(device!, ({ x }: { x: Tensor }) => [x]);
    expect(await one.run({ x: values(2, 0) })).toEqual([values(2, 0).data]);
    const single = await capture(device!, ({ x }: { x: Tensor }) => x.mul(2)).run({
      x: { data: Float32Array.of(2), shape: [1] },
    });
    expectTypeOf(single).toEqualTypeOf<Float32Array>();
    expect(single).toEqual(Float32Array.of(4));
  });

  here.each<[string, () => unknown, string]>([
    ['an empty record', () => ({}), 'an array or a record of tensors (not a promise), got {}'],
    ['an empty array', () => [], 'an array or a record of tensors (not a promise), got []'],
    ['a promise', () => Promise.resolve(ones([2])), '(not a promise)'],
    ['nothing', () => undefined, '(not a promise), got undefined'],
    ['a number among them', () => ({ loss: 3 }), 'to return a tensor as `loss`, got 3'],
    ['no elements', () => [ones([1]), zeros([0, 2])], 'elements as `1`, got shape [0, 2]'],
    [
      'integers',
      () => ({ loss: ones([1]), n: ones([1]).toInt() }),
      'float32 as `n`, got int32: use toFloat()',
    ],
  ])('refuse %s', async (_, result, message) => {
    setDevice(device!);
    const step = capture(device!, result as () => Tensor);
    await expect(step.run({})).rejects.toThrow(message);
  });
});
