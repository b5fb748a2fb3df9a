import { afterAll, describe, expect, it } from 'vitest';
import { clipGradNorm, clipGradValue, SGD } from '../../../src/nn/optim/index.ts';
import { expectSparseGrad } from '../../../src/tensor/gradBuffer.ts';
import {
  embedding,
  scaledDotProductAttention,
  type Tensor,
  tensor,
} from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());

const normals = (seed: number, length: number) => {
  const random = new Philox(seed);
  return Float32Array.from({ length }, () => random.normal());
};

describe.each(devices)('clipGradValue on %s', (_, device) => {
  it.skipIf(!device)('limits gradients in an optimiser’s memory and outside', async () => {
    const [a, b, c] = [1, 2, 3].map(() => tensor([0, 0, 0], { device }).requiresGrad_());
    const optimizer = new SGD([a], { lr: 1 });
    const slopes = tensor([-5, 0.25, 3], { device });
    for (const t of [a, b]) t.mul(slopes).sum().backward();
    clipGradValue([a, b, c], 0.5);
    optimizer.step();
    expect([...(await a.data())]).toEqual([0.5, -0.25, -0.5]);
    expect([...(await b.grad!.data())]).toEqual([-0.5, 0.25, 0.5]);
    expect(c.grad).toBe(null);
    clipGradValue(b, 0.125);
    expect(await clipGradNorm(b, 0.25).item()).toBeCloseTo(0.125 * Math.sqrt(3), 6);
    expect([...(await b.grad!.data())]).toEqual([-0.125, 0.125, 0.125]);
    expect(() => clipGradValue([a], 0)).toThrow('`clipValue`: expected a number > 0, got 0');
  });
});

describe.each(devices)('clipGradNorm on %s', (_, device) => {
  it.skipIf(!device)(
    'clips to NaN by a NaN norm, but not its gaps and untouched rows',
    async () => {
      const table = tensor(new Float32Array(4 * 3).fill(1), {
        shape: [4, 3],
        device,
      }).requiresGrad_();
      expectSparseGrad(table);
      const bias = tensor([1, 1, 1], { device }).requiresGrad_();
      const optimizer = new SGD([table, bias], { lr: 1 });
      const clipped = async (id: number, scale: number) => {
        optimizer.zeroGrad();
        const row = embedding(tensor(Int32Array.of(id), { device }), table).mul(scale);
        row.add(bias.mul(2)).sum().backward();
        const norm = await clipGradNorm([table, bias], 1).item();
        return [norm, ...(await table.grad!.data()), ...(await bias.grad!.data())];
      };
      const rows = (id: number, value: number) =>
        Array.from({ length: 12 }, (_, i) => (Math.floor(i / 3) === id ? value : 0));
      expect(await clipped(1, Number.NaN)).toEqual([
        Number.NaN,
        ...rows(1, Number.NaN),
        ...Array(3).fill(Number.NaN),
      ]);
      const value = 1 / Math.sqrt(6);
      const [norm, ...grads] = await clipped(2, 2);
      expect(norm).toBeCloseTo(2 * Math.sqrt(6), 5);
      for (const [i, expected] of [...rows(2, value), value, value, value].entries())
        expect(grads[i]).toBeCloseTo(expected, 5);
      optimizer.dispose();
    },
  );

  it.skipIf(!device)('clips gradients that lie anywhere', async () => {
    const clipped = async (param: Tensor) => [
      await clipGradNorm([param], 1).item(),
      ...(await param.grad!.data()),
    ];
    const expected = [5, Math.fround(0.6), Math.fround(0.8)];
    const close = (actual: number[], numbers = expected) =>
      numbers.forEach((value, i) => {
        expect(actual[i]).toBeCloseTo(value, 5);
      });
    const param = tensor([0, 0], { device }).requiresGrad_();
    param.grad = tensor([100, 100, 3, 4], { device }).slice([[2, 4]]);
    close(await clipped(param));
    param.grad = tensor([3, 100, 4, 100], { device }).slice([[0, null, 2]]);
    close(await clipped(param));
    const optimizer = new SGD([param], { lr: 1 });
    param.grad = tensor([3, 4], { device });
    close(await clipped(param));
    param.grad = tensor(
      [
        [3, 4],
        [9, 9],
      ],
      { device },
    )
      .transpose(0, 1)
      .select(1, 0);
    close(await clipped(param));
    optimizer.step();
    close([...(await param.data())], [-0.6, -0.8]);
    optimizer.dispose();
    // Gradients of the fused kernels: parts of one buffer, side by side.
    const [q, k, v] = [1, 2, 3].map((seed) =>
      tensor(normals(seed, 64), { shape: [1, 1, 8, 8], device }).requiresGrad_(),
    );
    scaledDotProductAttention(q, k, v).sum().backward();
    const before = await Promise.all([q, k, v].map(({ grad }) => grad!.data()));
    const norm = Math.hypot(...before.flatMap((values) => [...values]));
    expect(await clipGradNorm([q, k, v], 1e-2).item()).toBeCloseTo(norm, 4);
    for (const [i, { grad }] of [q, k, v].entries())
      close(
        [...(await grad!.data())],
        Array.from(before[i], (value) => (value * 1e-2) / norm),
      );
    expect((await clipGradNorm([tensor([1], { device, requiresGrad: true })], 1)).device).toBe(
      device,
    );
  });
});
