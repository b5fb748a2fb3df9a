import { afterEach, describe, expect, it } from 'vitest';
import type { Device } from '../../../src/device/device.ts';
import { OutOfMemoryError } from '../../../src/device/errors.ts';
import { openDevice } from '../../../src/device/open.ts';
import { StateError } from '../../../src/platform/errors.ts';
import { capture } from '../../../src/tensor/capture.ts';
import { full, ones, type Tensor } from '../../../src/tensor/index.ts';

const opened: Device[] = [];
afterEach(() => {
  for (const device of opened.splice(0)) device.destroy();
});

async function open(memoryLimit?: number): Promise<Device> {
  const device = await openDevice('wasm', { threads: 1, memoryLimit });
  opened.push(device);
  return device;
}

const square = (size: number) => ({
  x: { data: new Float32Array(size * size).fill(1), shape: [size, size] },
});

describe('a captured step for whose shapes there is no memory', () => {
  it.each([
    ['temporaries', 15e6, (x: Tensor) => x.softmax(-1).softmax(-1).softmax(-1).sum()],
    ['packed operands', 40e6, (x: Tensor) => x.mul(2).matmul(x.transpose(0, 1)).add(1).sum()],
  ])('leaves all other memory as it is: too little for %s', async (_, limit, body) => {
    const device = await open(limit);
    const step = capture(device, ({ x }) => body(x));
    const before = device.memory().bytes;
    const small = await step.run(square(500));
    await expect(step.run(square(1500))).rejects.toThrow(OutOfMemoryError);
    const kept = [5, 6, 7].map((value) => full([500, 500], value, { device }));
    expect(await step.run(square(500))).toEqual(small);
    const means = await Promise.all(kept.map((tensor) => tensor.mean().item()));
    expect(means).toEqual([5, 6, 7]);
    step.dispose();
    for (const tensor of kept) tensor.dispose();
    // What the means left lies around.
    expect(device.memory().bytes).toBeLessThan(before + 1000);
  });
});

describe('before memory runs out, what nothing refers to is freed', () => {
  it('for what a product needs besides its result', async () => {
    const device = await open(64e6);
    const live = Array.from({ length: 7 }, () => ones([1000, 1000], { device }));
    for (let i = 0; i < 20; i++) live[0].matmul(live[1]);
    expect(await live[0].matmul(live[1]).max().item()).toBe(1000);
  });

  it('and for a captured step', async () => {
    const device = await open(64e6);
    const live = Array.from({ length: 6 }, () => ones([1000, 1000], { device }));
    for (let i = 0; i < 6; i++) live[0].add(1);
    const step = capture(device, ({ x }) => x.softmax(-1).softmax(-1).sum());
    const rows = { x: { data: new Float32Array(3e6), shape: [3000, 1000] } };
    expect((await step.run(rows))[0]).toBeCloseTo(3000, 1);
    expect(live).toHaveLength(6);
  });
});

it('refuses to compute with what a captured step left unused', async () => {
  const device = await open();
  let left!: Tensor;
  const step = capture(device, ({ x, unused }) => {
    left = unused;
    return x.sum();
  });
  await step.run({ ...square(4), unused: { data: new Float32Array(8), shape: [8] } });
  expect(() => left.add_(5)).toThrow(StateError);
  expect(() => left.add(1)).toThrow(StateError);
});
