import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { openDevice } from '../../src/device/open.ts';
import { Linear } from '../../src/nn/index.ts';
import { AdamW } from '../../src/nn/optim/index.ts';
import {
  crossEntropy,
  keep,
  manualSeed,
  ones,
  relu,
  scope,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '../../src/tensor/index.ts';
import { tryWebGpu } from '../support/devices.ts';

const webgpu = await tryWebGpu();
afterEach(() => setDevice(new CpuDevice()));
afterAll(() => webgpu?.destroy());

const [BATCH, IN, HIDDEN, CLASSES] = [16, 24, 48, 5];

/** A small network: each call trains it one step, and returns the loss. */
function trainer(): () => Tensor {
  manualSeed(3);
  const [first, second] = [new Linear(IN, HIDDEN), new Linear(HIDDEN, CLASSES)];
  const optimizer = new AdamW([...first.parameters(), ...second.parameters()], { lr: 1e-2 });
  const x = Float32Array.from({ length: BATCH * IN }, (_, i) => Math.sin(i));
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % CLASSES);
  return () => {
    optimizer.zeroGrad();
    const hidden = relu(first.forward(tensor(x, { shape: [BATCH, IN] })));
    const loss = crossEntropy(second.forward(hidden), tensor(labels));
    loss.backward();
    optimizer.step();
    return loss;
  };
}

/** The most bytes in use at once on a device of its own, over a loop of steps. */
async function peakOf(open: () => Promise<Device>, loop: Loop) {
  const device = await open();
  setDevice(device);
  const step = trainer();
  for (let i = 0; i < 60; i++) {
    const pending = loop(step, i);
    if (pending) await pending;
  }
  const { peakBytes } = device.memory();
  device.destroy();
  return peakBytes;
}
type Loop = (step: () => Tensor, i: number) => Promise<unknown> | undefined;

describe.each([
  ['cpu', async () => new CpuDevice()],
  ['webgpu', () => openDevice('webgpu')],
] as const)('a loop without scope on %s', (kind, open) => {
  const isHere = kind === 'cpu' || webgpu !== undefined;

  it.skipIf(!isHere)('needs at most three times the memory of one with scope', async () => {
    const scoped = await peakOf(open, (step) => scope(() => void step()));
    const losses: Tensor[] = [];
    const loops: Record<string, Loop> = {
      'awaits each loss': (step) => step().item(),
      'awaits some losses': (step, i) => {
        const loss = step();
        return i % 10 === 0 ? loss.item() : undefined;
      },
      'awaits nothing': (step) => void step(),
      'keeps every loss': (step) => void losses.push(step()),
    };
    for (const [name, loop] of Object.entries(loops))
      expect(await peakOf(open, loop), name).toBeLessThan(3 * scoped);
  });

  it.skipIf(!isHere)('leaves what is still held as it is', async () => {
    setDevice(kind === 'cpu' ? new CpuDevice() : webgpu!);
    const held = ones([3]).requiresGrad_();
    const doubled = held.mul(2);
    doubled.sum().backward();
    // Enough for a collection.
    for (let i = 0; i < 300; i++) zeros([64]).add(i);
    expect(await doubled.tolist()).toEqual([2, 2, 2]);
    expect(await held.grad!.tolist()).toEqual([2, 2, 2]);
    expect(await keep(doubled.add(held)).tolist()).toEqual([3, 3, 3]);
  });
});

it('backward leaves no inputs in the graph that it used', () => {
  const x = ones([3]).requiresGrad_();
  const [kept, used] = [x.mul(2).sum(), x.mul(3).sum()];
  kept.backward(undefined, true);
  used.backward();
  expect(kept.gradFn!.inputs).toHaveLength(1);
  expect(used.gradFn!.inputs).toHaveLength(0);
  expect(() => used.backward()).toThrow(/graph through sum was used before/);
});
