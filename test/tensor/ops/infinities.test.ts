import { afterAll, describe, expect, it } from 'vitest';
import * as w from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices.forEach(([, device]) => void device?.destroy()));

describe.each(devices)('infinity and NaN on %s', (_, device) => {
  const here = it.skipIf(!device);
  const tensor = (data: w.NestedArray) => w.tensor(data, { device: device! });

  here(
    'infinity is no NaN in running sums and in whole quotients, and NaN is an extreme',
    async () => {
      const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
      const rows = tensor([
        [1, inf, 1],
        [-inf, 2, 3],
        [3e38, 3e38, -1],
      ]);
      const [first, second, third] = (await w.cumsum(rows, 1).tolist()) as number[][];
      expect([first, second]).toEqual([
        [1, inf, inf],
        [-inf, -inf, -inf],
      ]);
      expect(third.slice(1)).toEqual([inf, inf]);
      const quotients = w.floorDivide(tensor([-1, 1, 5, -7]), tensor([inf, inf, -inf, 2]));
      expect(await quotients.tolist()).toEqual([-1, 0, -1, -4]);
      const index = w.tensor(Int32Array.of(0, 0, 1), { device: device! });
      for (const how of ['amin', 'amax'] as const) {
        const y = w.scatterReduce(tensor([5, 5]), 0, index, tensor([nan, 1, 2]), how);
        expect(await y.tolist()).toEqual([nan, how === 'amin' ? 2 : 5]);
      }
    },
  );

  here('a zero keeps its sign, and NaN hides no infinity and is hidden by no zero', async () => {
    const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
    expect(await w.neg(tensor([0, -0, 2])).tolist()).toEqual([-0, 0, -2]);
    expect(await w.mul(tensor([0, -0, 1]), -3).tolist()).toEqual([-0, 0, -3]);
    const far = w.hypot(tensor([inf, nan, -inf, nan, 3]), tensor([nan, inf, 1, 0, 4]));
    expect(await far.tolist()).toEqual([inf, inf, inf, nan, 5]);
    const powers = tensor([0, 0, 0, 1]).pow(tensor([nan, 0, -1, nan]));
    expect(await powers.tolist()).toEqual([nan, 1, inf, 1]);
  });
});
