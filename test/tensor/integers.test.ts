import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { openDevice } from '../../src/device/open.ts';
import {
  allclose,
  arange,
  bucketize,
  isclose,
  searchsorted,
  type Tensor,
  tensor,
  where,
} from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
const wasm = await openDevice('wasm', { threads: 1 });
afterAll(() => {
  webgpu?.destroy();
  wasm.destroy();
});

const operations = {
  add: (a: number, b: number) => (a + b) | 0,
  sub: (a: number, b: number) => (a - b) | 0,
  mul: Math.imul,
  maximum: Math.max,
  minimum: Math.min,
  eq: (a: number, b: number) => Number(a === b),
  ne: (a: number, b: number) => Number(a !== b),
  lt: (a: number, b: number) => Number(a < b),
  le: (a: number, b: number) => Number(a <= b),
  gt: (a: number, b: number) => Number(a > b),
  ge: (a: number, b: number) => Number(a >= b),
};
type Name = keyof typeof operations;

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('int32 on %s', (_, device) => {
  const random = new Philox(5, 1);
  const draw = () =>
    Math.trunc((random.uniform() * 2 - 1) * (random.uniform() < 0.5 ? 3 : 2 ** 31)) + 0;
  const ints = (values: number[]) => tensor(Int32Array.from(values), { device: device! });

  it.skipIf(!device).each(Object.keys(operations) as Name[])(
    '%s is exact beyond 2^24, with tensors and numbers',
    async (name) => {
      const pairs = Array.from({ length: 40 }, () => [draw(), draw()]);
      pairs.push([16777217, 16777216], [-(2 ** 31), 2 ** 31 - 1]);
      const [a, b] = [0, 1].map((i) => ints(pairs.map((pair) => pair[i])));
      const y = a[name](b);
      const comparisons = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];
      expect(y.dtype).toBe(comparisons.includes(name) ? 'bool' : 'int32');
      expect(await y.tolist()).toEqual(pairs.map(([x, z]) => operations[name](x, z)));
      const withNumber = await a[name](7).tolist();
      expect(withNumber).toEqual(pairs.map(([x]) => operations[name](x, 7)));
    },
  );

  it.skipIf(!device)('comparisons are masks, of which ~ is the opposite', async () => {
    const x = ints([1, 2, 3]);
    for (const mask of [x.gt(1), x.toFloat().gt(1), x.half().gt(1)]) {
      expect(mask.dtype).toBe('bool');
      expect(await mask.bitwiseNot().tolist()).toEqual([1, 0, 0]);
      expect(await mask.bitwiseAnd(x.lt(3)).tolist()).toEqual([0, 1, 0]);
      expect([mask.sum().dtype, mask.int().dtype, mask.mul(2).dtype]).toEqual(
        Array(3).fill('int32'),
      );
      expect(() => x.index([mask])).toThrow('use maskedSelect or where for a mask');
    }
  });

  it.skipIf(!device)('with a fraction or a float32 tensor it becomes float32', async () => {
    const x = ints([1, 2]);
    const promoted: [Tensor, number[]][] = [
      [x.add(0.5), [1.5, 2.5]],
      [x.mul(tensor([0.5, 2], { device: device! })), [0.5, 4]],
      [tensor([0.5, 2], { device: device! }).sub(x), [-0.5, 0]],
      [x.div(2), [0.5, 1]],
      [x.div(ints([2, 4])), [0.5, 0.5]],
      [where(x.gt(1), x, 0.5), [0.5, 2]],
    ];
    for (const [y, expected] of promoted) {
      expect(y.dtype).toBe('float32');
      expect(await y.tolist()).toEqual(expected);
    }
    expect(await x.lt(1.5).tolist()).toEqual([1, 0]);
  });

  it.skipIf(!device)('is chosen, filled and limited as int32', async () => {
    const x = ints([2 ** 30 + 1, 5]);
    const chosen: [Tensor, number[]][] = [
      [where(x.gt(9), x, 3), [2 ** 30 + 1, 3]],
      [x.maskedFill(x.eq(5), 16777217), [2 ** 30 + 1, 16777217]],
      [x.clamp(6, 2 ** 30), [2 ** 30, 6]],
      [x.neg(), [-(2 ** 30) - 1, -5]],
    ];
    for (const [y, expected] of chosen) {
      expect(y.dtype).toBe('int32');
      expect(await y.tolist()).toEqual(expected);
    }
  });

  it.skipIf(!device)('every mask that is not 0 counts, fractions and NaN too', async () => {
    const x = tensor([1, 1, 1, 1], { device: device! });
    const mask = tensor([0.5, -0.25, 0, Number.NaN], { device: device! });
    expect(await x.maskedFill(mask, 9).tolist()).toEqual([9, 9, 1, 9]);
    expect(await where(mask, 2, 3).tolist()).toEqual([2, 2, 3, 2]);
  });

  it.skipIf(!device)('arange gives whole numbers as int32 and fractions as float32', async () => {
    const options = { device: device! };
    const ranges: [Tensor, string, number[]][] = [
      [arange(3, undefined, options), 'int32', [0, 1, 2]],
      [arange(-2, 1, options), 'int32', [-2, -1, 0]],
      [arange(0.5, 3, options), 'float32', [0.5, 1.5, 2.5]],
      [arange(2.5, undefined, options), 'float32', [0, 1, 2]],
      [arange(2, 0, options), 'int32', []],
    ];
    for (const [y, dtype, expected] of ranges) {
      expect(y.dtype).toBe(dtype);
      expect(await y.tolist()).toEqual(expected);
    }
    expect(() => arange(0.5, 3, { ...options, dtype: 'int32' })).toThrow(/arange: .*whole/);
    expect(() => arange(Number.NaN, 3, options)).toThrow(/arange: .*finite/);
  });

  it.skipIf(!device)('is searched and compared exactly', async () => {
    const sorted = ints([1700000000, 1700000060]);
    const values = ints([1700000030, 1700000059, 1700000060]);
    expect(await searchsorted(sorted, values).tolist()).toEqual([1, 1, 1]);
    expect(await bucketize(values, sorted, true).tolist()).toEqual([1, 1, 2]);
    expect(await searchsorted(sorted, tensor([0], { device: device! })).tolist()).toEqual([0]);
    const exactly = { rtol: 0, atol: 0 };
    const [a, b] = [ints([1700000000, 3]), ints([1700000030, 3])];
    expect(await isclose(a, b, exactly).tolist()).toEqual([0, 1]);
    expect(await isclose(a, b, { rtol: 0, atol: 30 }).tolist()).toEqual([1, 1]);
    expect(await allclose(a, b, exactly)).toBe(false);
    const [least, most] = [ints([-(2 ** 31)]), ints([2 ** 31 - 1])];
    expect(await allclose(least, most)).toBe(false);
    expect(await allclose(least, most, { rtol: 0, atol: 2 ** 32 })).toBe(true);
  });
});

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
  ['wasm', wasm],
] as const)('toInt on %s', (_, device) => {
  it.skipIf(!device)('cuts, and ends at the last float that int32 has', async () => {
    const x = tensor([1.9, -1.9, 3e38, -3e38, Infinity, -Infinity], { device: device! });
    const [most, least] = [2 ** 31 - 128, -(2 ** 31)];
    expect(await x.toInt().tolist()).toEqual([1, -1, most, least, most, least]);
  });
});
