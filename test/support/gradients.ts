import { expect } from 'vitest';
import type { Device } from '../../src/device/device.ts';
import * as w from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';

/**
 * Checks the gradient of `call(x)`, x: [5, 7], against finite differences in a random direction.
 * `name` seeds the numbers.
 */
export async function checkGradient(
  name: string,
  device: Device,
  call: (x: w.Tensor) => w.Tensor,
): Promise<void> {
  const draws = new Philox(7, name.length);
  const random = (n: number) => Float32Array.from({ length: n }, () => draws.normal());
  // Away from kinks, which finite differences step over.
  const at = random(35).map((v, i) => v + 0.05 * Math.sign(v) + 0.003 * i);
  const along = random(35);
  const weights = random(200);
  const weighed = (data: Float32Array) => {
    const x = w.tensor(data, { shape: [5, 7], device }).requiresGrad_();
    const y = call(x);
    const weight = w.tensor(weights.slice(0, y.size), { shape: [...y.shape], device });
    return { x, y: y.mul(weight).sum() };
  };
  const { x, y } = weighed(at);
  w.backward(y);
  const slope = Array.from(await x.grad!.data()).reduce((sum, g, i) => sum + g * along[i], 0);
  const value = (step: number) => weighed(at.map((v, i) => v + step * along[i])).y.item();
  const difference = async (step: number) =>
    ((await value(step)) - (await value(-step))) / (2 * step);
  // Two steps combined, so that the curvature cancels (Richardson).
  const measured = (4 * (await difference(1e-2)) - (await difference(2e-2))) / 3;
  expect(Math.abs(measured - slope)).toBeLessThan(1e-2 * Math.max(1, Math.abs(slope)));
}
