import { afterAll, describe, expect, it } from 'vitest';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { OutOfMemoryError } from '../../../src/device/errors.ts';
import { openDevice } from '../../../src/device/open.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { fit } from '../../../src/train/trainer/fit.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, examples, options } from './fixtures.ts';

const webgpu = await tryWebGpu();
const opened: Device[] = [];
afterAll(() => {
  setDevice(new CpuDevice());
  for (const device of [webgpu, ...opened]) device?.destroy();
});

const data = examples(24, 5).sort((a, b) => a.inputIds.length - b.inputIds.length);

async function run(kind: 'cpu' | 'webgpu', memoryLimit?: number, changes = {}) {
  const device = await openDevice(kind, { memoryLimit });
  opened.push(device);
  setDevice(device);
  const plain = { ...config, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };
  const model = createTaskModel(tasks.classification, plain, 1);
  const halved: unknown[] = [];
  const settings = { ...options, batchSize: 16, learningRate: 1e-3, epochs: 1, ...changes };
  const history = await fit(model, data, [], {
    ...settings,
    onOutOfMemory: (event) => halved.push([event.step, event.microBatchSize]),
  });
  return { steps: history.steps, halved, peak: device.memory().peakBytes };
}

describe.each(['cpu', 'webgpu'] as const)('memory that runs out on %s', (kind) => {
  it.skipIf(kind === 'webgpu' && !webgpu)('parts are halved', async () => {
    const whole = await run(kind);
    console.log(kind, whole.peak);
    for (const share of [0.95, 0.8, 0.7, 0.6, 0.5, 0.4]) {
      const r = await run(kind, share * whole.peak).catch((e) => e);
      console.log(share, r.halved ?? r.message, r.peak);
      if (r.steps)
        r.steps.forEach((step: any, i: number) => {
          expect(Math.abs(step.loss / whole.steps[i].loss - 1)).toBeLessThan(1e-6);
        });
    }
  });
});
