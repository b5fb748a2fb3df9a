import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import * as w from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());
const nan = Number.NaN;

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('indexing on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray, shape?: number[]) =>
    w.tensor(data, { shape, device: device! });
  const ints = (values: readonly number[], shape?: number[]) =>
    tensor(Int32Array.from(values), shape);
  const range = (...shape: number[]) =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
      shape,
    );
  /** On the device only: the host does not know the values. */
  const unknown = (values: readonly number[]) => ints([...values, 0]).slice([[0, values.length]]);

  here('scatter and scatterAdd along any dimension, against loops', async () => {
    const draws = new Philox(9);
    const cases: [shape: number[], m: number, dim: number][] = [
      [[6], 9, 0],
      [[3, 4], 5, 1],
      [[5, 3], 40, 0],
      [[2, 70, 3], 4, 1],
    ];
    for (const [shape, m, dim] of cases) {
      const sizes = shape.map((n, i) => (i === dim ? m : n));
      const inner = w.zeros(shape.slice(dim + 1)).size;
      const count = w.zeros(sizes).size;
      const index = Array.from({ length: count }, () => draws.randint(shape[dim]));
      const source = Float32Array.from({ length: count }, (_, i) => i + 1);
      const x = w.full(shape, 0.5, { device: device! });
      const last = new Float32Array(x.size).fill(0.5);
      const total = last.slice();
      index.forEach((v, i) => {
        const o = Math.floor(i / (m * inner));
        const at = (o * shape[dim] + v) * inner + (i % inner);
        last[at] = source[i];
        total[at] += source[i];
      });
      const [at, from] = [ints(index, [...sizes]), tensor(source, [...sizes])];
      expect(await w.scatter(x, dim, at, from).data()).toEqual(last);
      expect(await x.scatterAdd(dim - shape.length, at, from).data()).toEqual(total);
    }
  });

  here('a smaller index writes a part; integers and numbers too', async () => {
    const x = w.zeros(3, 4, { device: device! });
    const y = w.scatter(x, 1, ints([1, 3, 0, 0], [2, 2]), range(3, 3).add(1));
    expect(await y.tolist()).toEqual([
      [0, 1, 0, 2],
      [5, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(
      await x
        .scatter(0, ints([2], [1, 1]), 7)
        .slice([null, [0, 1]])
        .tolist(),
    ).toEqual([[0], [0], [7]]);
    const whole = ints([1, 2, 3]).scatter(0, ints([0]), ints([100000001]));
    expect([whole.dtype, await whole.tolist()]).toEqual(['int32', [100000001, 2, 3]]);
    expect(
      await x
        .scatter(0, w.zeros(0, 4, { dtype: 'int32', device: device! }), 1)
        .sum()
        .item(),
    ).toBe(0);
  });

  here('indexAdd and indexCopy work on slices', async () => {
    const x = w.ones(2, 3, { device: device! });
    const source = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(await x.indexAdd(1, ints([2, 2]), source, 10).tolist()).toEqual([
      [1, 1, 31],
      [1, 1, 71],
    ]);
    expect(await x.indexCopy(1, ints([2, 0]), source).tolist()).toEqual([
      [2, 1, 1],
      [4, 1, 3],
    ]);
    expect(
      await tensor([1, 2])
        .indexAdd(0, ints([1, 1]), tensor([5, 6]))
        .tolist(),
    ).toEqual([1, 13]);
  });

  here('an index out of range is refused if the host knows it, else gives NaN', async () => {
    const x = w.zeros(2, 3, { device: device! });
    expect(() => x.scatter(1, ints([3], [1, 1]), 1)).toThrow(/^scatter: index 3 is out of range/);
    expect(() => x.indexAdd(0, ints([-1]), w.zeros(1, 3))).toThrow(/^indexAdd: index -1 is out of/);
    expect(() => x.index([ints([-3])])).toThrow(/^index: index -3 is out of range for dimension 0/);
    const bad = unknown([0, 2]).unsqueeze(1);
    expect(await w.zeros(2, 2, { device: device! }).scatter(1, bad, 1).tolist()).toEqual([
      [1, 0],
      [nan, nan],
    ]);
    expect(await x.index([unknown([-2, 5]), unknown([-1, 0])]).tolist()).toEqual([0, nan]);
    expect(
      await ints([4, 5])
        .index([unknown([2, -2])])
        .tolist(),
    ).toEqual([-0x80000000, 4]);
  });

  here('index picks as PyTorch does', async () => {
    const x = range(2, 3, 4);
    expect(await x.index([ints([1, 0]), ints([2, -3])]).tolist()).toEqual([
      [20, 21, 22, 23],
      [0, 1, 2, 3],
    ]);
    expect(await x.index([null, ints([2, 0], [2, 1]), ints([1, 3])]).tolist()).toEqual([
      [
        [9, 11],
        [1, 3],
      ],
      [
        [21, 23],
        [13, 15],
      ],
    ]);
    // Dimensions that are no neighbours come first.
    expect(x.index([ints([0]), null, ints([1, 2, 3])]).shape).toEqual([3, 3]);
    expect(await x.index([1, [1, 3], ints([0, -1])]).tolist()).toEqual([
      [16, 19],
      [20, 23],
    ]);
    expect(await x.index([1, -1, 2]).item()).toBe(22);
    expect(await x.index([ints([1]), 0, [0, null, 2]]).tolist()).toEqual([[12, 14]]);
    expect(x.index([ints([])]).shape).toEqual([0, 3, 4]);
    expect(
      await ints([5, 6, 7])
        .index([ints([2, 2, 0])])
        .tolist(),
    ).toEqual([7, 7, 5]);
    const refused: [() => unknown, RegExp][] = [
      [() => x.index([0, 0, 0, 0]), /^index: 4 entries for the 3 dimensions of \[2, 3, 4\]/],
      [() => x.index([tensor([1])]), /^index: expected int32 indices for dimension 0, got float32/],
      [() => x.index([tensor([true, false])]), /got bool: use maskedSelect or where for a mask/],
      [() => x.index([ints([0, 1]), ints([0, 1, 2])]), /^index: shapes \[2\] and \[3\] do not/],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(message);
  });

  here('indexPut replaces or adds', async () => {
    const x = w.zeros(2, 3, { device: device! });
    expect(
      await x.indexPut([ints([0, 1, 0]), ints([2, -3, 2])], tensor([1, 2, 3])).tolist(),
    ).toEqual([
      [0, 0, 3],
      [2, 0, 0],
    ]);
    expect(await x.indexPut([ints([0, 1, 0]), ints([2, -3, 2])], 1, true).tolist()).toEqual([
      [0, 0, 2],
      [1, 0, 0],
    ]);
    expect(await x.indexPut([null, ints([1])], tensor([[7], [8]])).tolist()).toEqual([
      [0, 7, 0],
      [0, 8, 0],
    ]);
    const y = range(2, 2, 2).indexPut([ints([1]), null, ints([0])], tensor([-1, -2]));
    expect(await y.flatten().tolist()).toEqual([0, 1, 2, 3, -1, 5, -2, 7]);
    expect(() => x.indexPut([null], 1)).toThrow(/^indexPut: expected 1 to 2 entries with a tensor/);
    expect(() => x.indexPut([ints([0])], tensor([1, 2]))).toThrow(
      /^indexPut: \[2\] does not expand/,
    );
    expect(() => x.indexPut([ints([0])], ints([1, 2, 3]))).toThrow(/expected float32 as in x/);
  });

  here('takeAlongDim broadcasts', async () => {
    const x = tensor([
      [3, 1, 2],
      [6, 5, 4],
    ]);
    expect(await x.takeAlongDim(x.argsort(1), 1).tolist()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(await x.takeAlongDim(ints([2, 0], [1, 2]), 1).tolist()).toEqual([
      [2, 3],
      [4, 6],
    ]);
    expect(await x.takeAlongDim(ints([5, 0])).tolist()).toEqual([4, 3]);
    expect(() => x.takeAlongDim(ints([0]), 1)).toThrow(/^takeAlongDim: expected indices of 2 dim/);
  });

  here('maskedSelect and nonzero wait for the data', async () => {
    const x = tensor([
      [0, 5, nan],
      [7, 0, -0],
    ]).requiresGrad_();
    expect(await (await x.nonzero()).tolist()).toEqual([
      [0, 1],
      [0, 2],
      [1, 0],
    ]);
    const picked = await w.maskedSelect(x, x.detach().gt(1));
    expect(await picked.tolist()).toEqual([5, 7]);
    picked.sum().backward();
    expect(await x.grad!.tolist()).toEqual([
      [0, 1, 0],
      [1, 0, 0],
    ]);
    const columns = await range(2, 3).maskedSelect(tensor([true, false, true]));
    expect(await columns.tolist()).toEqual([0, 2, 3, 5]);
    expect((await range(2).maskedSelect(tensor([false, false]))).shape).toEqual([0]);
    expect((await tensor(3).nonzero()).shape).toEqual([1, 0]);
    expect((await w.zeros(0, 2, { device: device! }).nonzero()).shape).toEqual([0, 2]);
    await expect(x.maskedSelect(tensor([true, false]))).rejects.toThrow(/do not broadcast/);
  });

  here('oneHot', async () => {
    const ids = ints([2, 0], [2, 1]);
    const hot = w.oneHot(ids);
    expect([hot.dtype, await hot.tolist()]).toEqual(['int32', [[[0, 0, 1]], [[1, 0, 0]]]]);
    expect(w.oneHot(ids, 5).shape).toEqual([2, 1, 5]);
    expect(
      await w
        .oneHot(
          ints([1])
            .slice([[0, 1]])
            .reshape([]),
          2,
        )
        .tolist(),
    ).toEqual([0, 1]);
    expect(w.oneHot(ints([]), 3).shape).toEqual([0, 3]);
    expect(() => w.oneHot(ids, 2)).toThrow(/^oneHot: class 2 is out of range: there are 2/);
    expect(() => w.oneHot(tensor([1]))).toThrow(/^oneHot: expected int32 classes, got float32/);
    expect(() => w.oneHot(unknown([1]))).toThrow(/^oneHot: expected `numClasses`/);
    expect(() => w.oneHot(ids, 0)).toThrow(/^oneHot: expected `numClasses` as an integer ≥ 1/);
  });
});
