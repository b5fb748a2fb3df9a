import { afterAll, describe, expect, it } from 'vitest';
import { bertConfig, labelFields } from '../../../src/bert/config.ts';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { bucketSize } from '../../../src/device/webgpu/pool.ts';
import { setDevice, tensor } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { collate, type EncodedExample } from '../../../src/train/data/batch.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { metricKey } from '../../../src/train/tasks/metric.ts';
import type { Label, TaskName } from '../../../src/train/tasks/task.ts';
import { createTaskModel, type TaskModel, taskOf } from '../../../src/train/tasks/taskModel.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import {
  type FitCallbacks,
  type FitOptions,
  fit,
  fitDefaults,
} from '../../../src/train/trainer/fit.ts';
import { tryWebGpu } from '../../support/devices.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
});

const config = bertConfig({
  vocabSize: 50,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
});
const options: FitOptions = { ...fitDefaults, epochs: 2, batchSize: 8, learningRate: 5e-3 };

/** Texts whose label is whether token 7 occurs: easy, but not for chance. */
function examples(count: number, seed: number): EncodedExample[] {
  const random = new Philox(seed);
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 2 + random.randint(9) }, () => 10 + random.randint(40));
    if (i % 2) words[random.randint(words.length)] = 7;
    const inputIds = [2, ...words, 3];
    return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: i % 2 };
  });
}

const trained = async (
  device: Device,
  changes: Partial<FitOptions> & FitCallbacks = {},
  train = examples(96, 1),
  valid = examples(40, 2),
) => {
  setDevice(device);
  const model = BertForSequenceClassification.fromConfig(config, 1);
  const history = await fit(model, train, valid, { ...options, ...changes });
  return { model, history };
};

describe.each([
  ['cpu', new CpuDevice()],
  ['webgpu', webgpu],
] as const)('fit on %s', (_, device) => {
  const here = it.skipIf(!device);

  here('learns, and evaluates as it says', async () => {
    const { model, history } = await trained(device!, { epochs: 6 });
    const last = history.epochs.at(-1)!;
    expect(last.trainLoss).toBeLessThan(0.5 * history.epochs[0].trainLoss);
    expect(history.bestEpoch!.validAccuracy).toBeGreaterThan(0.9);
    const again = await evaluateExamples(model, examples(40, 2), 7);
    expect(again.loss).toBeCloseTo(last.validLoss!, 5);
    expect(again.probabilities.every(([a, b]) => Math.abs(a + b - 1) < 1e-5)).toBe(true);
  });

  here(
    'gives the same bits for the same seed, dropout and all, and others for another',
    async () => {
      const weights = async (seed: number) => {
        const { model, history } = await trained(device!, { seed, epochs: 1 });
        return {
          losses: history.steps.map(({ loss }) => loss),
          classifier: await model.classifier.weight.data(),
        };
      };
      const first = await weights(1);
      expect(await weights(1)).toEqual(first);
      expect((await weights(2)).losses).not.toEqual(first.losses);
    },
  );

  here('stops early when validation no longer improves', async () => {
    const { history } = await trained(device!, { epochs: 30, patience: 2, learningRate: 1e-8 });
    expect(history.epochs.length).toBe(3);
    expect(history.bestEpoch!.epoch).toBe(1);
  });

  here('stops after the step in which it is told to', async () => {
    const controller = new AbortController();
    const { history } = await trained(device!, {
      signal: controller.signal,
      onStep: ({ step }) => step === 3 && controller.abort(),
    });
    expect(history.steps.length).toBeGreaterThanOrEqual(3);
    expect(history.steps.length).toBeLessThan(8);
    expect(history.epochs).toEqual([]);
  });

  here('refuses to go on with a loss that is no number', async () => {
    await expect(trained(device!, { learningRate: 1e30, warmupRatio: 0 })).rejects.toThrow(
      /the loss at step \d+ is .*lower the learning rate/,
    );
  });

  here.each([1e37, 1e38])(
    'never calls weights best that are no numbers or cannot be computed with (%d)',
    async (learningRate) => {
      const saved: string[] = [];
      const changes = {
        learningRate,
        warmupRatio: 0,
        batchSize: 96,
        onBest: async () => void saved.push('best'),
      };
      for (const valid of [[], examples(40, 2)])
        await expect(trained(device!, changes, undefined, valid)).rejects.toThrow(
          /^the norm of the weights after step 1 is (NaN|Infinity): lower the learning rate; what was saved before is kept/,
        );
      expect(saved).toEqual([]);
    },
  );
});

const batchOf = (examples: EncodedExample[], model: TaskModel, device: Device) => {
  const batch = collate(examples, 0, config.maxPositionEmbeddings, taskOf(model));
  const entries = Object.entries(batch).map(([name, { data, shape }]) => [
    name,
    tensor(data, { shape, device }),
  ]);
  return Object.fromEntries(entries);
};

/** The same texts under labels of each kind; what they are is in the words, 7 and 8 above all. */
const kinds: Record<
  Exclude<TaskName, 'classification'>,
  { labels: string[]; of: (ids: number[]) => Label; good: number }
> = {
  'multi-label': {
    labels: ['seven', 'eight'],
    of: (ids) => [7, 8].map((id) => Number(ids.includes(id))),
    good: 0.9,
  },
  regression: { labels: ['LABEL_0'], of: (ids) => ids.filter((id) => id === 7).length, good: 0.8 },
  // Every second word has no tag.
  'token-classification': {
    labels: ['B-X', 'I-X', 'O'],
    of: (ids) =>
      ids.map((id, i) => (i % 2 === 0 || id < 4 ? -100 : id === 7 ? 0 : id === 8 ? 1 : 2)),
    good: 0.9,
  },
};

function labelledAs(kind: keyof typeof kinds, count: number, seed: number): EncodedExample[] {
  const random = new Philox(seed);
  return Array.from({ length: count }, () => {
    const words = Array.from(
      { length: 2 + random.randint(9) },
      () => [7, 8, 10 + random.randint(40)][random.randint(3)],
    );
    const inputIds = [2, ...words, 3];
    return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: kinds[kind].of(inputIds) };
  });
}

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])('fit for %s', (kind) => {
  const task = tasks[kind];
  const { labels, good } = kinds[kind];
  const [monitor] = task.monitoredMetrics(labels);

  it('learns, by the metric that decides', async () => {
    const device = webgpu ?? new CpuDevice();
    setDevice(device);
    const model = createTaskModel(task, { ...config, ...labelFields(labels) }, 1);
    expect(taskOf(model)).toBe(task);
    const valid = labelledAs(kind, 40, 2);
    const history = await fit(model, labelledAs(kind, 96, 1), valid, {
      ...options,
      epochs: 8,
      learningRate: 1e-2,
      patience: 8,
    });
    expect(history.monitor).toBe(monitor);
    expect(history.bestEpoch![metricKey('valid', monitor) as 'validF1']).toBeGreaterThan(good);
    const values = history.epochs.map((epoch) => epoch[metricKey('valid', monitor) as 'validF1']!);
    expect(values[history.bestEpoch!.epoch - 1]).toBe(Math.max(...values));

    // The loss is the mean over all that is labelled, whatever the batches are.
    const [some, all] = [
      await evaluateExamples(model, valid, 7),
      await evaluateExamples(model, valid, 40),
    ];
    expect(some.loss).toBeCloseTo(all.loss, 5);
    expect(some.loss).toBeCloseTo(history.epochs.at(-1)!.validLoss!, 5);
    const { loss } = model.eval().forward(batchOf(valid, model, device));
    expect(some.loss).toBeCloseTo(await loss!.item(), 5);
    const unlabelled = await evaluateExamples(
      model,
      valid.map((example) => ({ ...example, label: undefined })),
      40,
    );
    expect(unlabelled.loss).toBeNaN();
    expect(unlabelled.predictions).toEqual(all.predictions);
  });

  it('tells the measure of each step', async () => {
    setDevice(new CpuDevice());
    // Without dropout, and without learning, a step says what an evaluation says.
    const still = {
      ...config,
      hiddenDropoutProb: 0,
      attentionProbsDropoutProb: 0,
      ...labelFields(labels),
    };
    const model = createTaskModel(task, still, 3);
    const train = labelledAs(kind, 24, 5);
    const truth = train.map(({ label }) => label!);
    const { loss, predictions } = await evaluateExamples(model, train, 24);
    const history = await fit(model, train, [], { ...options, epochs: 1, batchSize: 24 });
    expect(history.steps[0].loss).toBeCloseTo(loss, 5);
    if (task.stepMetric)
      expect(history.steps[0][task.stepMetric]).toBeCloseTo(
        task.report(predictions, truth, labels).metrics[task.stepMetric],
        6,
      );
    expect(history.bestEpoch!.epoch).toBe(1);
  });
});

it.each([
  [{ learningRate: 0 }, 'learningRate is 0: a finite number above 0'],
  [{ learningRate: Number.NaN }, 'learningRate is NaN'],
  [{ learningRate: Number.POSITIVE_INFINITY }, 'learningRate is Infinity'],
  [{ warmupRatio: 1.5 }, 'warmupRatio is 1.5: a number from 0 to 1'],
  [{ warmupRatio: Number.NaN }, 'warmupRatio is NaN'],
  [{ weightDecay: -1 }, 'weightDecay is -1: a finite number of at least 0'],
  [{ weightDecay: Number.NaN }, 'weightDecay is NaN'],
])('refuses %o', async (changes, message) => {
  await expect(trained(new CpuDevice(), changes)).rejects.toThrow(
    expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(message) }),
  );
});

it('keeps the latest model where the metric is not defined', async () => {
  setDevice(new CpuDevice());
  const model = createTaskModel(tasks.regression, { ...config, ...labelFields(['LABEL_0']) }, 1);
  const valid = labelledAs('regression', 4, 1).map((example) => ({ ...example, label: 1 }));
  const { epochs, bestEpoch } = await fit(model, labelledAs('regression', 16, 2), valid, {
    ...options,
    epochs: 2,
  });
  expect(epochs.map(({ validSpearman }) => validSpearman)).toEqual([Number.NaN, Number.NaN]);
  expect(bestEpoch!.epoch).toBe(2);
});

it.skipIf(!webgpu)('both devices go the same way', async () => {
  const losses = async (device: Device) =>
    (await trained(device, { epochs: 1 })).history.steps.map(({ loss }) => loss);
  const [cpu, gpu] = [await losses(new CpuDevice()), await losses(webgpu!)];
  cpu.forEach((loss, i) => {
    expect(Math.abs(loss - gpu[i])).toBeLessThan(1e-4);
  });
});

it.skipIf(!webgpu)('a thousand steps leave memory flat', async () => {
  // A device of its own: what other tests leave to the garbage collector would blur the count.
  const device = (await tryWebGpu())!;
  setDevice(device);
  const small = bertConfig({
    ...config,
    hiddenSize: 8,
    intermediateSize: 8,
    hiddenDropoutProb: 0.1,
  });
  const model = BertForSequenceClassification.fromConfig(small, 1);
  const use: { buffers: number; held: number }[] = [];
  // One length, so that each step allocates what the one before did.
  const short = examples(64, 3).map((example) => ({
    ...example,
    inputIds: example.inputIds.slice(0, 8),
    tokenTypeIds: example.tokenTypeIds.slice(0, 8),
  }));
  await fit(model, short, [], {
    ...options,
    epochs: 125,
    onStep: ({ step }) => {
      if (step % 100 !== 0) return;
      const { bytes, buffers, pooledBytes } = device.memory();
      use.push({ buffers, held: bytes + pooledBytes });
    },
  });
  device.destroy();
  expect(use.length).toBe(10);
  // Results of at most three steps are on their way at a time, in small buffers of their own.
  expect(Math.max(...use.map(({ held }) => held))).toBeLessThanOrEqual(
    use[0].held + 3 * bucketSize(16),
  );
  const counts = use.map(({ buffers }) => buffers);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(3);
});
