import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY];
const integerSum = (a: number, b: number) => (a + b) | 0;

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });
  const ints = (values: readonly number[], shape?: number[]) =>
    tensor(Int32Array.from(values), shape);
  const close = async (x: w.Tensor, expected: readonly number[]) => {
    const found = await x.data();
    expect(found.length).toBe(expected.length);
    expected.forEach((value, i) => {
      if (Number.isFinite(value)) expect(found[i], `element ${i}`).toBeCloseTo(value, 3);
      else expect(found[i], `element ${i}`).toBe(value);
    });
  };

  here('sums, products and extremes of int32 are exact and wrap', async () => {
    const random = new Philox(3, 1);
    const [rows, n] = [5, 301];
    const values = Int32Array.from({ length: rows * n }, () => random.randint(2 ** 31) - 2 ** 30);
    const lines = Array.from({ length: rows }, (_, r) => [...values.subarray(r * n, (r + 1) * n)]);
    const x = tensor(values, [rows, n]);
    for (const [of, dim] of [
      [x, 1],
      [x.transpose(0, 1).contiguous(), 0],
    ] as const) {
      for (const [y, f] of [
        [of.sum(dim), integerSum],
        [of.prod(dim), Math.imul],
        [of.amax(dim), Math.max],
        [of.amin(dim), Math.min],
        [of.max(dim).values, Math.max],
      ] as const) {
        expect(y.dtype).toBe('int32');
        expect(await y.tolist()).toEqual(lines.map((line) => line.reduce((a, b) => f(a, b))));
      }
      const places = lines.map((line) => line.indexOf(Math.max(...line)));
      expect(await of.argmax(dim).tolist()).toEqual(places);
    }
    expect(await x.sum().item()).toBe(values.reduce(integerSum, 0));
    expect(await ints([16777216, 1]).sum().item()).toBe(16777217);
    expect(await ints([16777217, 16777216]).argmin().item()).toBe(1);
  });

  here('of bool they are int32, and its extremes are bool', async () => {
    const b = tensor([[1, 0, 3]])
      .isnan()
      .logicalXor(tensor([[1, 0, 3]]));
    expect(b.dtype).toBe('bool');
    expect(b.sum().dtype).toBe('int32');
    expect(await b.sum().item()).toBe(2);
    expect(await b.prod().item()).toBe(0);
    expect(await b.cumsum(1).tolist()).toEqual([[1, 1, 2]]);
    expect(b.amax(1).dtype).toBe('bool');
    expect(Array.from(await b.amax(1).data())).toEqual([1]);
    expect(Array.from(await b.amin(1).data())).toEqual([0]);
  });

  here('of nothing and of scalars', async () => {
    expect(await ints([], [0]).sum().item()).toBe(0);
    expect(await ints([], [2, 0]).prod(1).tolist()).toEqual([1, 1]);
    expect(await ints([7], []).sum().item()).toBe(7);
    expect(await ints([7], []).cumsum(0).item()).toBe(7);
    expect(() => ints([], [0]).amax()).toThrow(/^amax: expected elements along dimension 0/);
    expect(() => ints([1]).mean()).toThrow(/^mean: expected float32, got int32/);
    expect(() => ints([1]).std()).toThrow(/^std: expected float32, got int32/);
    expect(() => ints([1]).norm()).toThrow(/^norm: expected float32, got int32/);
  });

  here('scatterAdd and indexAdd of int32 are exact', async () => {
    const x = ints([16777216, 1, 2]);
    const added = w.indexAdd(x, 0, ints([0, 0, 2]), ints([1, 2, 2 ** 31 - 1]));
    expect(added.dtype).toBe('int32');
    expect(await added.tolist()).toEqual([16777219, 1, (2 ** 31 + 1) | 0]);
    const scattered = w.scatterAdd(x, 0, ints([1, 1]), ints([16777216, 1]));
    expect(await scattered.tolist()).toEqual([16777216, 16777218, 2]);
  });

  here('cumsum and cumprod, with exact gradients at zeros', async () => {
    const most = 2 ** 31 - 1;
    const sums = [16777216, 16777217, (16777217 + most) | 0];
    expect(await ints([16777216, 1, most]).cumsum(0).tolist()).toEqual(sums);
    const products = [3, 196611, Math.imul(196611, 65537)];
    expect(await ints([3, 65537, 65537]).cumprod(0).tolist()).toEqual(products);
    const x = tensor([2, 0, 3, 0, 5]).requiresGrad_();
    const y = x.cumprod(0);
    expect(await y.tolist()).toEqual([2, 0, 0, 0, 0]);
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([1, 8, 0, 0, 0]);
    expect(() => x.cumprod(1)).toThrow(/^cumprod: dimension 1 is out of range/);
    expect(await tensor(4).cumprod(0).item()).toBe(4);
    expect((await w.zeros(0, 2, { device: device! }).cumprod(0).data()).length).toBe(0);
  });

  here('logcumsumexp without overflow', async () => {
    const x = tensor([-inf, 1, 1000, 999, -inf]).requiresGrad_();
    const y = x.logcumsumexp(0);
    await close(y, [-inf, 1, 1000, 1000.31326, 1000.31326]);
    y.slice([[1, 5]])
      .sum()
      .backward();
    const share = 1 / (1 + Math.exp(-1));
    await close(x.grad!, [0, 1, 1 + 2 * share, 2 * (1 - share), 0]);
    await close(tensor([1, nan, 2]).logcumsumexp(0), [1, nan, nan]);
    expect(() => ints([1]).logcumsumexp(0)).toThrow(/^logcumsumexp: expected float32, got int32/);
  });

  here('cummax and cummin name the last of equal elements, and keep NaN', async () => {
    const x = tensor([2, 2, 1, nan, 5, nan]).requiresGrad_();
    const most = x.cummax(0);
    await close(most.values, [2, 2, 2, nan, nan, nan]);
    expect(await most.indices.tolist()).toEqual([0, 1, 1, 3, 3, 5]);
    expect(await x.cummin(0).indices.tolist()).toEqual([0, 1, 2, 3, 3, 5]);
    most.values
      .slice([[0, 3]])
      .sum()
      .backward();
    expect(await x.grad!.tolist()).toEqual([1, 2, 0, 0, 0, 0]);
    const integers = ints([16777216, 16777217, 5], [3, 1]).cummax(0);
    expect(await integers.values.tolist()).toEqual([[16777216], [16777217], [16777217]]);
    expect(await tensor(3).cummin(0).values.item()).toBe(3);
    expect(() => x.cummax(1)).toThrow(/^cummax: dimension 1 is out of range/);
  });

  here('median and kthvalue', async () => {
    const x = tensor([
      [3, 1, 2, 4],
      [5, nan, 0, 1],
    ]).requiresGrad_();
    const { values, indices } = x.median(1);
    await close(values, [2, nan]);
    expect(await indices.tolist()).toEqual([2, 1]);
    expect(
      await x
        .slice([[0, 1]])
        .median()
        .item(),
    ).toBe(2);
    const second = x.kthvalue(2, 1, true);
    expect(await second.values.tolist()).toEqual([[2], [1]]);
    expect(await second.indices.tolist()).toEqual([[2], [3]]);
    second.values.sum().backward();
    expect(await x.grad!.tolist()).toEqual([
      [0, 0, 1, 0],
      [0, 0, 0, 1],
    ]);
    expect(await ints([16777217, 3, 16777216]).median().item()).toBe(16777216);
    expect(await tensor(3).kthvalue(1).values.item()).toBe(3);
    expect(await tensor([]).median().item()).toBe(nan);
    expect(() => x.kthvalue(5, 1)).toThrow(/^kthvalue: expected k from 1 to 4 .* got 5/);
    const nothing = w.zeros(2, 0, { device: device! });
    expect(() => nothing.median(1)).toThrow(/^median: expected elements along dimension 1/);
  });

  here('nansum, nanmean, and a correction of std and var', async () => {
    const x = tensor([
      [1, nan, 3],
      [nan, nan, nan],
    ]);
    await close(x.nansum(1), [4, 0]);
    await close(x.nanmean(1), [2, nan]);
    await close(x.nanmean(), [2]);
    const y = tensor([[1, 2, 3, 6]]);
    await close(y.var(1, { correction: 0, keepdim: true }), [3.5]);
    await close(y.var(1, { correction: 2 }), [7]);
    await close(y.std(1, { correction: 0 }), [Math.sqrt(3.5)]);
    await close(tensor([1]).var(), [nan]);
    expect(() => ints([1]).nanmean()).toThrow(/^nanmean: expected float32, got int32/);
    expect(await ints([1, 2]).nansum().item()).toBe(3);
  });
});
