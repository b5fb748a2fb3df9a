import { expect } from 'vitest';
import type { Device } from '../../src/device/device.ts';
import { gradCheck } from '../../src/tensor/gradCheck.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { Philox } from '../../src/tensor/random.ts';

/** Values on the host with their shape. */
export interface HostValues {
  data: Float32Array;
  shape: number[];
}

/** Normal random numbers of a shape. */
export function randomValues(shape: number[], seed: number, scale = 1): HostValues {
  const random = new Philox(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: size }, () => scale * random.normal()) };
}

/** Expects the gradients of a function of several tensors to agree with finite differences. */
export async function expectGradients(
  device: Device,
  inputs: readonly HostValues[],
  f: (...tensors: Tensor[]) => Tensor,
  tolerance = 1e-2,
): Promise<void> {
  const tensors = inputs.map(({ data, shape }) =>
    tensor(data, { shape, device, requiresGrad: true }),
  );
  await gradCheck(f, tensors, { atol: tolerance, rtol: tolerance });
}

/** Expects equal shapes and values within a tolerance, relative to values above 1. */
export async function expectClose(
  actual: Tensor,
  expected: ArrayLike<number>,
  shape: readonly number[] = actual.shape,
  tolerance = 1e-5,
): Promise<void> {
  expect([...actual.shape]).toEqual([...shape]);
  const values = await actual.data();
  expect(values.length).toBe(expected.length);
  for (let i = 0; i < values.length; i++) {
    const error = Math.abs(values[i] - expected[i]);
    const isClose =
      error <= tolerance * Math.max(1, Math.abs(expected[i])) ||
      (Number.isNaN(values[i]) && Number.isNaN(expected[i])) ||
      values[i] === expected[i];
    // An `expect` for each element would take longer than what is tested.
    if (!isClose) expect.fail(`element ${i}: expected ${expected[i]}, got ${values[i]}`);
  }
}
