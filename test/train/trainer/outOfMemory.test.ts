import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { OutOfMemoryError } from '../../../src/device/errors.ts';
import { openDevice } from '../../../src/device/open.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import type { TaskName } from '../../../src/train/tasks/task.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { fit } from '../../../src/train/trainer/fit.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
const opened: Device[] = [];
afterAll(() => {
  setDevice(new CpuDevice());
  for (const device of [webgpu, ...opened]) device?.destroy();
});

const config = bertConfig({
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 1,
  intermediateSize: 8,
  maxPositionEmbeddings: 64,
  hiddenDropoutProb: 0,
  attentionProbsDropoutProb: 0,
});
/** Texts of these lengths. */
const texts = (lengths: number[]) => {
  const random = new Philox(1);
  return lengths.map((length, i) => {
    const inputIds = Array.from({ length }, () => random.randint(20));
    return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: i % 2 };
  });
};
const long = texts(Array(12).fill(64));
/** Pairs of such texts. */
const pairs = long.map(({ inputIds, tokenTypeIds }, label) => ({
  inputIds: [...inputIds, ...inputIds.toReversed()],
  tokenTypeIds: [...tokenTypeIds, ...tokenTypeIds],
  choiceLengths: [64, 64],
  label,
}));
/** Most batches of four have no long text. */
const mixed = texts([64, ...Array(11).fill(8)]);

async function open(kind: 'cpu' | 'webgpu', memoryLimit?: number) {
  const device = await openDevice(kind, { memoryLimit });
  opened.push(device);
  setDevice(device);
  return device;
}
const newModel = (numHiddenLayers = 1, task: TaskName = 'classification') =>
  createTaskModel(tasks[task], { ...config, numHiddenLayers }, 1);

type Changes = { layers?: number; task?: TaskName } & Parameters<typeof fit>[3];

async function run(
  kind: 'cpu' | 'webgpu',
  data: typeof long,
  memoryLimit?: number,
  { layers = 1, task, ...changes }: Changes = {},
) {
  const device = await open(kind, memoryLimit);
  const model = newModel(layers, task);
  const base = device.memory().bytes;
  const halved: [step: number, size: number][] = [];
  let kept: number | undefined;
  const { steps } = await fit(model, data, [], {
    ...{ batchSize: 4, learningRate: 1e-3, epochs: 1, ...changes },
    onOutOfMemory: ({ step, microBatchSize }) => halved.push([step, microBatchSize]),
    onCheckpoint: async ({ microBatchSize }) => {
      kept = microBatchSize;
    },
  });
  return { losses: steps.map(({ loss }) => loss), halved, kept, base, ...device.memory() };
}

const here = (kind: string) => it.skipIf(kind === 'webgpu' && !webgpu);
describe.each(['cpu', 'webgpu'] as const)('memory that runs out on %s', (kind) => {
  here(kind)('halves parts until they fit, and goes the same way', async () => {
    const whole = await run(kind, long);
    const need = whole.peakBytes - whole.base;
    const tight = await run(kind, long, whole.base + 0.72 * need);
    expect(tight.halved[0]).toEqual([1, 2]);
    expect(tight.kept).toBe(tight.halved.at(-1)![1]);
    tight.losses.forEach((loss, i) => {
      expect(Math.abs(loss / whole.losses[i] - 1)).toBeLessThan(1e-6);
    });
    expect(tight.peakBytes).toBeLessThanOrEqual(whole.base + 0.72 * need);
  });

  here(kind)('does so in a later step too, and loses none', async () => {
    const late: number[] = [];
    for (const seed of [1, 2, 3, 4]) {
      const whole = await run(kind, mixed, undefined, { seed });
      const limit = whole.base + 0.85 * (whole.peakBytes - whole.base);
      const tight = await run(kind, mixed, limit, { seed });
      late.push(tight.halved[0][0]);
      expect(tight.losses).toHaveLength(3);
      tight.losses.forEach((loss, i) => {
        expect(Math.abs(loss / whole.losses[i] - 1)).toBeLessThan(1e-6);
      });
      if (late.some((step) => step > 1)) break;
    }
    expect(Math.max(...late)).toBeGreaterThan(1);
  });

  here(kind)('evaluates in smaller batches, with the same results', async () => {
    const device = await open(kind);
    const before = device.memory().bytes;
    const whole = await evaluateExamples(newModel(), long, 12);
    const need = device.memory().peakBytes - before;
    await open(kind, before + 0.7 * need);
    const sizes: number[] = [];
    const tight = await evaluateExamples(newModel(), long, 12, {
      onOutOfMemory: ({ microBatchSize }) => sizes.push(microBatchSize),
    });
    expect(sizes[0]).toBe(6);
    expect(tight.predictions).toEqual(whole.predictions);
    expect(tight.loss).toBeCloseTo(whole.loss, 6);
  });

  here(kind)('is put off by `gradientCheckpointing`, with the same bits', async () => {
    const [plain, checkpointed] = [
      await run(kind, long, undefined, { layers: 3 }),
      await run(kind, long, undefined, { layers: 3, gradientCheckpointing: true }),
    ];
    expect(checkpointed.losses).toEqual(plain.losses);
    expect(checkpointed.peakBytes).toBeLessThan(plain.peakBytes);
  });

  here(kind)('says so when one example is too much', async () => {
    const { base, peakBytes } = await run(kind, long);
    const failing = run(kind, long, base + 0.3 * (peakBytes - base));
    await expect(failing).rejects.toThrow(OutOfMemoryError);
  });

  here(kind)('`auto` finds the largest batch, and leaves the weights as they are', async () => {
    const four = await run(kind, long);
    const tight = await run(kind, long, four.peakBytes * 1.1, { batchSize: 'auto' });
    expect(tight.halved).toEqual([]);
    expect(tight.losses).toEqual(four.losses);
  });

  here(kind)('`auto` leaves them also where steps that are not finite are skipped', async () => {
    const settings = { warmupRatio: 0, onNan: 'skip' } as const;
    const four = await run(kind, long, undefined, settings);
    const tight = await run(kind, long, four.peakBytes * 1.1, { ...settings, batchSize: 'auto' });
    expect(tight.losses).toEqual(four.losses);
  });
});

describe('a loss of pairs', () => {
  const task = 'similarity';
  const tight = async (loss: 'cosine' | 'cosent') => {
    const { base, peakBytes, losses } = await run('cpu', pairs, undefined, { task, loss });
    const limit = base + 0.72 * (peakBytes - base);
    return { losses, rest: run('cpu', pairs, limit, { task, loss }) };
  };

  it('is divided if it looks at each pair on its own', async () => {
    const { losses, rest } = await tight('cosine');
    const { halved, losses: again } = await rest;
    expect(halved[0]).toEqual([1, 2]);
    again.forEach((loss, i) => {
      expect(loss).toBeCloseTo(losses[i], 5);
    });
  });

  it('that compares the pairs of a batch needs it as a whole', async () => {
    const { rest } = await tight('cosent');
    const failed = await rest.catch((error) => error);
    expect(failed).toBeInstanceOf(OutOfMemoryError);
    expect(failed.message).toMatch(/a batch, which the loss needs as a whole: /);
    await expect(run('cpu', pairs, undefined, { task, batchSize: 1 })).rejects.toThrow(
      '`batchSize`: expected 2 or more, since this loss compares the pairs of a batch, got 1',
    );
  });
});
