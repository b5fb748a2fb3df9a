import { expect } from 'vitest';
import type { Device } from '../../src/device/device.ts';
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

/**
 * Expects the gradients of a function of several tensors to agree with finite differences along a
 * random direction, for each tensor alone. The result is weighed with random numbers.
 */
export async function expectGradients(
  device: Device,
  inputs: readonly HostValues[],
  f: (...tensors: Tensor[]) => Tensor,
  tolerance = 1e-2,
): Promise<void> {
  const random = new Philox(inputs.length + 17);
  const normal = (size: number) => Float32Array.from({ length: size }, () => random.normal());
  const directions = inputs.map(({ data }) => normal(data.length));
  let weights: Float32Array | undefined;
  const weighed = (values: readonly Float32Array[]) => {
    const tensors = inputs.map(({ shape }, i) =>
      tensor(values[i], { shape, device }).requiresGrad_(),
    );
    const y = f(...tensors);
    weights ??= normal(y.size);
    return { tensors, y: y.mul(tensor(weights, { shape: [...y.shape], device })).sum() };
  };
  const at = inputs.map(({ data }) => data);
  const { tensors, y } = weighed(at);
  y.backward();
  for (const [i, { grad }] of tensors.entries()) {
    expect(grad, `gradient of input ${i}`).not.toBe(null);
    expect(grad!.shape).toEqual(inputs[i].shape);
    const slope = Array.from(await grad!.data()).reduce(
      (sum, g, k) => sum + g * directions[i][k],
      0,
    );
    const value = (step: number) =>
      weighed(
        at.map((data, j) => (j === i ? data.map((v, k) => v + step * directions[i][k]) : data)),
      ).y.item();
    const difference = async (step: number) =>
      ((await value(step)) - (await value(-step))) / (2 * step);
    // Two steps combined, so that the curvature cancels (Richardson).
    const measured = (4 * (await difference(1e-2)) - (await difference(2e-2))) / 3;
    expect(
      Math.abs(measured - slope),
      `input ${i}: by differences ${measured}, by backward ${slope}`,
    ).toBeLessThan(tolerance * Math.max(1, Math.abs(slope)));
  }
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
    expect(
      error <= tolerance * Math.max(1, Math.abs(expected[i])) ||
        (Number.isNaN(values[i]) && Number.isNaN(expected[i])) ||
        values[i] === expected[i],
      `element ${i}: expected ${expected[i]}, got ${values[i]}`,
    ).toBe(true);
  }
}
