import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  w.setDevice(new CpuDevice());
  webgpu?.destroy();
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('creation on %s', (_, device) => {
  const here = it.skipIf(!device);
  beforeEach(() => {
    if (device) w.setDevice(device);
    w.manualSeed(11);
  });

  here('rand leaves 1 out after rounding to float32', async () => {
    w.manualSeed(72);
    w.rand(391772);
    expect((await w.rand(2).data())[0]).toBe(1 - 2 ** -24);
  });

  here('sizes are a list or stand one by one, with options last', async () => {
    const options = { requiresGrad: true };
    const made = [
      w.zeros(2, 3, { dtype: 'int32' }),
      w.ones([2, 3], options),
      w.rand(2, 3, options),
      w.randn(2, 3),
      w.empty(2, 3, { dtype: 'bool' }),
      w.zeros([2, 3], undefined),
    ];
    for (const x of made) expect(x.shape).toEqual([2, 3]);
    expect(made.map((x) => x.dtype)).toEqual([
      'int32',
      ...Array(3).fill('float32'),
      'bool',
      'float32',
    ]);
    expect(made.map((x) => x.requiresGrad)).toEqual([false, true, true, false, false, false]);
    expect(await w.ones(2).tolist()).toEqual([1, 1]);
    expect(await w.zeros([], {}).item()).toBe(0);
    w.manualSeed(3);
    const one = await w.randn([2, 2]).data();
    w.manualSeed(3);
    expect(await w.randn(2, 2).data()).toEqual(one);
    expect(() => w.zeros(2, -1)).toThrow(/sizes must be integers ≥ 0/);
    expect(() => w.empty(1.5)).toThrow(/sizes must be integers ≥ 0/);
  });

  here('linspace includes both ends', async () => {
    expect(await w.linspace(0, 1, 5).tolist()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(await w.linspace(3, -3, 4).tolist()).toEqual([3, 1, -1, -3]);
    expect(await w.linspace(0, 0.1, 8).data()).toContain(Math.fround(0.1));
    expect(await w.linspace(2, 5, 1).tolist()).toEqual([2]);
    expect(w.linspace(2, 5, 0).shape).toEqual([0]);
    expect(() => w.linspace(0, 1, -1)).toThrow(/^linspace: expected `steps` as an integer ≥ 0/);
  });

  here('arange goes by steps', async () => {
    expect(await w.arange(1, 10, 4).tolist()).toEqual([1, 5, 9]);
    expect(await w.arange(3, 0, -1).tolist()).toEqual([3, 2, 1]);
    expect(await w.arange(0, 1, 0.25).tolist()).toEqual([0, 0.25, 0.5, 0.75]);
    const half = w.arange(0, 4, 2, { dtype: 'float32' });
    expect([half.dtype, await half.tolist()]).toEqual(['float32', [0, 2]]);
    expect(w.arange(0, 3, -1).shape).toEqual([0]);
    expect(() => w.arange(0, 3, 0)).toThrow('0, 3 and a step of 0');
    expect(() => w.arange(0, 3, 0.5, { dtype: 'int32' })).toThrow('expected whole numbers');
  });

  here('eye is square or not', async () => {
    expect(await w.eye(2).tolist()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(await w.eye(2, 3, { dtype: 'int32' }).tolist()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(w.eye(0).shape).toEqual([0, 0]);
    expect(() => w.eye(2, -1)).toThrow(/^eye: expected columns as an integer ≥ 0, got -1/);
  });

  here('the like of a tensor has its shape, dtype and device', async () => {
    const x = w.tensor(Int32Array.of(4, 5, 6), { shape: [3, 1] });
    const floats = w.zeros(3, 1);
    expect(await w.zerosLike(x).tolist()).toEqual([[0], [0], [0]]);
    expect(await w.onesLike(floats).tolist()).toEqual([[1], [1], [1]]);
    expect(await w.fullLike(x, 7).tolist()).toEqual([[7], [7], [7]]);
    for (const y of [w.zerosLike(x), w.onesLike(x), w.fullLike(x, 2), w.emptyLike(x)]) {
      expect([y.dtype, y.shape]).toEqual(['int32', [3, 1]]);
      expect(y.device).toBe(device);
    }
    expect(w.zerosLike(x, { dtype: 'float32' }).dtype).toBe('float32');
    expect(w.randLike(floats, { requiresGrad: true }).requiresGrad).toBe(true);
    expect(w.randnLike(floats).shape).toEqual([3, 1]);
    for (const call of [w.randLike, w.randnLike])
      expect(() => call(x)).toThrow(/expected a float32 tensor, got int32: use randint/);
  });

  here('randint and randperm', async () => {
    const x = w.randint(-2, 3, [1000]);
    expect([x.dtype, x.shape]).toEqual(['int32', [1000]]);
    const counts = [0, 0, 0, 0, 0];
    for (const value of await x.data()) counts[value + 2]++;
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(60);
    expect(new Set(await w.randint(2, [50]).data())).toEqual(new Set([0, 1]));
    expect(w.randint(5, [0]).shape).toEqual([0]);
    const order = await w.randperm(20).data();
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(await w.randperm(20).data()).not.toEqual(order);
    expect(w.randperm(0).shape).toEqual([0]);
    // The host knows them, so that a look-up is checked.
    const table = w.zeros(3, 2);
    expect(() => w.embedding(w.randint(7, 8, [4]), table)).toThrow(/index 7 is out of range/);
    expect(() => w.randint(3, 3, [1])).toThrow(/^randint: expected int32 integers with low < high/);
    expect(() => w.randint(0.5, [1])).toThrow(/^randint: expected int32 integers/);
    expect(() => w.randperm(-1)).toThrow(/^randperm: expected an integer ≥ 0, got -1/);
  });

  here('multinomial draws with the given probabilities', async () => {
    const weights = [0, 1, 0, 3, 6, 0];
    const drawn = await w.multinomial(w.tensor(weights), 2000, true).data();
    const counts = weights.map((_, i) => drawn.filter((one) => one === i).length);
    weights.forEach((weight, i) => {
      expect(Math.abs(counts[i] - 200 * weight)).toBeLessThanOrEqual(weight > 0 ? 100 : 0);
    });
    // First places of a draw without replacement have the same distribution.
    const rows = w.tensor(weights).expand([1000, 6]);
    const pairs = (await w.multinomial(rows, 2).tolist()) as number[][];
    const first = weights.map((_, i) => pairs.filter((pair) => pair[0] === i).length);
    weights.forEach((weight, i) => {
      expect(Math.abs(first[i] - 100 * weight)).toBeLessThanOrEqual(weight > 0 ? 80 : 0);
    });
    for (const [a, b] of pairs) expect(a).not.toBe(b);
    expect(
      await w
        .tensor([[0, 2]])
        .multinomial(1)
        .tolist(),
    ).toEqual([[1]]);
  });

  here('multinomial gives -1 where a row is no distribution', async () => {
    const rows = w.tensor([
      [0, 0],
      [1, Number.NaN],
      [2, -1],
      [Number.POSITIVE_INFINITY, 1],
      [0, 5],
    ]);
    expect(await w.multinomial(rows, 2, true).tolist()).toEqual([
      ...Array(4).fill([-1, -1]),
      [1, 1],
    ]);
    expect(await w.multinomial(rows, 2).tolist()).toEqual([...Array(4).fill([-1, -1]), [1, -1]]);
    const refused: [() => unknown, RegExp][] = [
      [() => w.multinomial(w.tensor(1), 1), /^multinomial: expected probabilities .*, got \[\]/],
      [() => w.multinomial(w.ones(3), 4), /expected 1 to 3 samples without replacement from 3/],
      [() => w.multinomial(w.ones(3), 0, true), /expected 1 or more samples from 3 classes, got 0/],
      [() => w.multinomial(w.ones(2, 0), 1), /expected probabilities/],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(message);
  });
});
