import { afterAll, describe, expect, it } from 'vitest';
import { clipGradNorm, clipGradValue, SGD } from '../../../src/nn/optim/index.ts';
import { tensor } from '../../../src/tensor/index.ts';
import { allDevices } from '../../support/devices.ts';

const devices = await allDevices();
afterAll(() => devices[1][1]?.destroy());

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
