import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import { detectAnomaly, isAnomalyEnabled, type Tensor, tensor } from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => webgpu?.destroy());

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('detectAnomaly on %s', (_, device) => {
  const here = it.skipIf(!device);
  const leaf = (values: number[]) => tensor(values, { requiresGrad: true, device });

  here.each([
    ['log', [1, -1], (x: Tensor) => x.mul(2).log().exp(), /the result of log, .*\[2\].* has NaN/],
    ['exp', [1, 500], (x: Tensor) => x.exp().mul(2), /the result of exp, .* has infinity/],
    ['div', [1, 0], (x: Tensor) => x.div(x), /the result of div, .* has NaN/],
    ['leaf', [1, Number.NaN], (x: Tensor) => x.mul(2), /an input of \w+, .* has NaN/],
  ])('names the operation: %s', async (_name, values, body, message) => {
    await expect(detectAnomaly(() => body(leaf(values)))).rejects.toThrow(message);
    await expect(detectAnomaly(() => body(leaf(values)))).rejects.toThrow('what came before');
  });

  here.each([
    ['sqrt', (x: Tensor) => x.sqrt().mul(0).sum()],
    ['pow', (x: Tensor) => x.pow(0.5).sum()],
  ])('names the gradient: %s', async (name, body) => {
    const x = leaf([1, 0]);
    await expect(detectAnomaly(() => body(x).backward())).rejects.toThrow(
      new RegExp(`the gradient from ${name} to its input, .*\\[2\\]`),
    );
  });

  here('leaves a mask of -Infinity alone, and returns what the body does', async () => {
    const mask = tensor([0, 1], { device });
    const y = await detectAnomaly(async () =>
      leaf([1, 2]).maskedFill(mask.gt(0), Number.NEGATIVE_INFINITY).add(1).softmax(0),
    );
    expect(Array.from(await y.data())).toEqual([1, 0]);
    expect(isAnomalyEnabled()).toBe(false);
  });
});

it('passes on what the body throws', async () => {
  const failing = detectAnomaly(() => {
    expect(isAnomalyEnabled()).toBe(true);
    throw new Error('mine');
  });
  await expect(failing).rejects.toThrow('mine');
  expect(isAnomalyEnabled()).toBe(false);
});
