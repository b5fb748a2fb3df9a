import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const inf = Number.POSITIVE_INFINITY;

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('norms, products and bags on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });
  const ints = (values: readonly number[], shape?: number[]) =>
    tensor(Int32Array.from(values), shape);
  const close = async (x: w.Tensor, expected: number[]) => {
    const found = await x.data();
    expect(found.length).toBe(expected.length);
    expected.forEach((value, i) => {
      expect(found[i], `element ${i}`).toBeCloseTo(value, 5);
    });
  };

  here('prod, with exact gradients at zeros', async () => {
    const x = tensor([
      [2, 3, 4],
      [0, 5, 6],
      [0, 0, 7],
    ]).requiresGrad_();
    const y = x.prod(1);
    expect(await y.tolist()).toEqual([24, 0, 0]);
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([
      [12, 8, 6],
      [30, 0, 0],
      [0, 0, 0],
    ]);
    expect(await x.prod(0, true).tolist()).toEqual([[0, 0, 168]]);
    expect(await tensor([2, -3]).prod().item()).toBe(-6);
    expect(await w.zeros(0, 2, { device: device! }).prod(0).tolist()).toEqual([1, 1]);
    expect(await tensor(4).prod().item()).toBe(4);
    expect(() => x.prod(2)).toThrow(/^prod: dimension 2 is out of range/);
    expect(await ints([3, -2]).prod().item()).toBe(-6);
  });

  here('std has no slope where all is equal', async () => {
    const x = tensor([
      [1, 2, 3, 6],
      [5, 5, 5, 5],
    ]).requiresGrad_();
    await close(x.std(1), [Math.sqrt(14 / 3), 0]);
    await close(x.std(1, false, true), [Math.sqrt(14 / 4), 0]);
    await close(x.std(), [Math.sqrt(22 / 7)]);
    x.std(1).sum().backward();
    const slopes = [-2, -1, 0, 3].map((c) => c / 3 / Math.sqrt(14 / 3));
    await close(x.grad!, [...slopes, 0, 0, 0, 0]);
    expect(() => x.std(3)).toThrow(/dimension 3 is out of range/);
  });

  here('vectorNorm of any order', async () => {
    const x = tensor([
      [3, -4, 0],
      [0, 0, 0],
    ]);
    const orders: [number, number][] = [
      [2, 5],
      [1, 7],
      [0, 2],
      [inf, 4],
      [-inf, 0],
      [3, Math.cbrt(91)],
      [0.5, (Math.sqrt(3) + 2) ** 2],
    ];
    for (const [ord, expected] of orders) {
      await close(w.vectorNorm(x, ord, 1), [expected, 0]);
      expect(w.vectorNorm(x, ord, 1, true).shape).toEqual([2, 1]);
    }
    await close(w.vectorNorm(x, 3), [Math.cbrt(91)]);
    const zeros = w.zeros(3, { device: device! }).requiresGrad_();
    w.vectorNorm(zeros, 3).backward();
    await close(zeros.grad!, [0, 0, 0]);
  });

  here('normalize and cosineSimilarity', async () => {
    const x = tensor([
      [3, 4],
      [0, 0],
    ]);
    await close(w.normalize(x), [0.6, 0.8, 0, 0]);
    await close(w.normalize(x, 1, 0), [1, 1, 0, 0]);
    const y = tensor([
      [4, 3],
      [1, 0],
    ]);
    await close(w.cosineSimilarity(x, y), [0.96, 0]);
    await close(w.cosineSimilarity(tensor([1, 0]), tensor([-2, 0]), 0), [-1]);
    await close(w.cosineSimilarity(y.unsqueeze(1), tensor([1, 0]), -1), [0.8, 1]);
    expect(w.cosineSimilarity(w.zeros(0, 2), w.zeros(0, 2)).shape).toEqual([0]);
    expect(() => w.cosineSimilarity(x, w.zeros(2, 3, { device: device! }))).toThrow(
      /do not broadcast/,
    );
    expect(() => w.normalize(tensor([1, 2]))).toThrow(/dimension 1 is out of range/);
  });

  here('embeddingBag sums, averages and takes maxima', async () => {
    const weight = tensor([
      [1, 10],
      [2, -20],
      [3, 30],
      [9, 9],
    ]);
    const grid = ints([0, 1, 2, 3, 3, 3], [2, 3]);
    await close(w.embeddingBag(grid, weight), [2, 20 / 3, 9, 9]);
    await close(w.embeddingBag(grid, weight, { mode: 'sum' }), [6, 20, 27, 27]);
    await close(w.embeddingBag(grid, weight, { mode: 'max' }), [3, 30, 9, 9]);
    await close(w.embeddingBag(grid, weight, { paddingIdx: 3 }), [2, 20 / 3, 0, 0]);
    await close(w.embeddingBag(grid, weight, { paddingIdx: 3, mode: 'max' }), [3, 30, 0, 0]);
    const [ids, offsets] = [ints([0, 1, 2]), [0, 1, 1, 3]];
    await close(w.embeddingBag(ids, weight, { offsets }), [1, 10, 0, 0, 2.5, 5, 0, 0]);
    await close(
      w.embeddingBag(ids, weight, { offsets, mode: 'max', paddingIdx: 2 }),
      [1, 10, 0, 0, 2, -20, 0, 0],
    );
    const perSampleWeights = tensor([1, 2, -1]);
    await close(
      w.embeddingBag(ids, weight, { offsets: [0], mode: 'sum', perSampleWeights }),
      [2, -60],
    );
    expect(w.embeddingBag(ints([], [2, 0]), weight).shape).toEqual([2, 2]);
    const refused: [() => unknown, RegExp][] = [
      [() => w.embeddingBag(ids, weight), /expected ids \[bags, length\] without `offsets`/],
      [() => w.embeddingBag(grid, weight, { offsets }), /expected ids \[count\] with `offsets`/],
      [() => w.embeddingBag(ids, weight, { offsets: [1] }), /`offsets` that begin with 0/],
      [() => w.embeddingBag(ids, weight, { offsets: [0, 4] }), /rise to 3 at most, got \[0, 4\]/],
      [() => w.embeddingBag(grid, weight, { perSampleWeights }), /expected mode: 'sum'/],
      [
        () => w.embeddingBag(grid, weight, { mode: 'sum', perSampleWeights }),
        /`perSampleWeights` of shape \[2, 3\], got \[3\]/,
      ],
      [() => w.embeddingBag(ints([4], [1, 1]), weight), /index 4 is out of range/],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(message);
  });
});
