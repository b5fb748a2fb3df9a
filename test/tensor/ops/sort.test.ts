import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

/** Order of the positions of values; NaN is the greatest. */
const orderOf = (values: readonly number[], descending: boolean): number[] => {
  const rank = (v: number) => (Number.isNaN(v) ? [1, 0] : [0, v]);
  const compare = (a: number, b: number) => {
    const [[nanA, x], [nanB, y]] = [rank(values[a]), rank(values[b])];
    const order = nanA - nanB || (x < y ? -1 : x > y ? 1 : 0);
    return descending ? -order : order;
  };
  return values.map((_, i) => i).sort((a, b) => compare(a, b) || a - b);
};

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('order on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });

  here('sorts NaN, infinities and zeros, stably, in both directions', async () => {
    const values = [3, nan, -0, 0, -5, inf, -inf, nan, 3, 0];
    for (const descending of [false, true]) {
      const sorted = w.sort(tensor(values), 0, descending);
      const order = orderOf(values, descending);
      expect(await sorted.indices.tolist()).toEqual(order);
      expect(await sorted.values.tolist()).toEqual(order.map((i) => values[i]));
      expect(sorted.indices.dtype).toBe('int32');
    }
  });

  here('sorts any dimension of any length, as does argsort', async () => {
    const draws = new Philox(3);
    for (const [shape, dim] of [
      [[1], 0],
      [[2, 31], 1],
      [[33, 3], 0],
      [[2, 100, 3], -2],
      [[1300], -1],
    ] as const) {
      // Few different values: ties are frequent.
      const data = Float32Array.from({ length: w.zeros(shape).size }, () => draws.randint(50));
      const x = tensor(data, [...shape]);
      const d = dim < 0 ? dim + shape.length : dim;
      const n = shape[d];
      const inner = w.zeros(shape.slice(d + 1)).size;
      const { values, indices } = x.sort(dim, true);
      expect(values.shape).toEqual(shape);
      const [found, from] = [await values.contiguous().data(), await indices.contiguous().data()];
      expect(await x.argsort(dim, true).contiguous().data()).toEqual(from);
      for (let line = 0; line < data.length / n; line++) {
        const at = (k: number) => (Math.floor(line / inner) * n + k) * inner + (line % inner);
        const column = Array.from({ length: n }, (_, k) => data[at(k)]);
        const order = orderOf(column, true);
        expect(order.map((_, k) => from[at(k)])).toEqual(order);
        expect(order.map((_, k) => found[at(k)])).toEqual(order.map((i) => column[i]));
      }
    }
  });

  here('integers keep their values', async () => {
    const x = tensor(Int32Array.of(5, -7, 100000001, 100000000, -0x80000000));
    const { values, indices } = w.topk(x, 2);
    expect([values.dtype, await values.tolist()]).toEqual(['int32', [100000001, 100000000]]);
    expect(await indices.tolist()).toEqual([2, 3]);
    expect(await x.sort().values.tolist()).toEqual([-0x80000000, -7, 5, 100000000, 100000001]);
    expect(await x.max(0).values.tolist()).toBe(100000001);
    expect(await x.min(0).indices.tolist()).toBe(4);
  });

  here('topk takes the largest or the smallest, with the gradient there', async () => {
    const x = tensor([
      [1, 5, 2, 5],
      [nan, 0, 7, -1],
    ]).requiresGrad_();
    const top = w.topk(x, 2);
    expect(await top.values.tolist()).toEqual([
      [5, 5],
      [nan, 7],
    ]);
    expect(await top.indices.tolist()).toEqual([
      [1, 3],
      [0, 2],
    ]);
    top.values
      .mul(tensor([1, 2]))
      .sum()
      .backward();
    expect(await x.grad!.tolist()).toEqual([
      [0, 1, 0, 2],
      [1, 0, 2, 0],
    ]);
    expect(await x.topk(1, 0, false).values.tolist()).toEqual([[1, 0, 2, -1]]);
    expect(x.topk(0).values.shape).toEqual([2, 0]);
  });

  here('max and min in three forms', async () => {
    const x = tensor([
      [1, 5, 5],
      [nan, 0, 7],
    ]).requiresGrad_();
    const { values, indices } = w.max(x, 1);
    expect([await values.tolist(), await indices.tolist()]).toEqual([
      [5, nan],
      [1, 0],
    ]);
    values.sum().backward();
    // The index that is chosen gets the whole gradient, unlike with amax.
    expect(await x.grad!.tolist()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
    expect(x.max(-1, true).values.shape).toEqual([2, 1]);
    expect(await x.min(0).values.tolist()).toEqual([nan, 0, 5]);
    expect(await x.min(0).indices.tolist()).toEqual([1, 1, 0]);
    expect(await tensor([3, 9]).max().item()).toBe(9);
    expect(await w.min(tensor([3, 9])).item()).toBe(3);
    expect(await w.max(tensor([3, 9]), tensor([5, 5])).tolist()).toEqual([5, 9]);
    expect(
      await tensor([3, 9])
        .min(tensor([5, 5]))
        .tolist(),
    ).toEqual([3, 5]);
  });

  here('nothing and scalars', async () => {
    const none = w.zeros(2, 0, { device: device! });
    expect(none.sort().indices.shape).toEqual([2, 0]);
    expect(none.argsort(0).shape).toEqual([2, 0]);
    expect(none.max(0).values.shape).toEqual([0]);
    const one = tensor(4);
    for (const { values, indices } of [one.sort(), one.topk(1), one.max(0), one.min(-1)])
      expect([values.shape, await values.item(), await indices.item()]).toEqual([[], 4, 0]);
  });

  here('what does not fit is refused', () => {
    const x = w.zeros(2, 3, { device: device! });
    const refused: [() => unknown, RegExp][] = [
      [() => x.sort(2), /^sort: dimension 2 is out of range for a tensor of 2 dimensions/],
      [() => x.argsort(-3), /^argsort: dimension -3 is out of range/],
      [() => x.topk(4), /^topk: expected k from 0 to 3 for dimension -1 of \[2, 3\], got 4/],
      [() => x.topk(1.5), /^topk: expected k from 0 to 3/],
      [() => x.max(5), /^max: dimension 5 is out of range/],
      [() => w.zeros(2, 0).max(1), /^max: expected elements in dimension 1, got shape \[2, 0\]/],
      [() => w.zeros(0).min(), /^min: expected elements, got shape \[0\]/],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(message);
  });
});
