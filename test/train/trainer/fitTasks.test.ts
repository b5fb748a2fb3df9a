import { afterAll, describe, expect, it } from 'vitest';
import { labelFields } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import type { Device } from '../../../src/device/device.ts';
import { setDevice, tensor } from '../../../src/tensor/index.ts';
import { Philox } from '../../../src/tensor/random.ts';
import { collate, type EncodedExample } from '../../../src/train/data/batch.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { metricKey } from '../../../src/train/tasks/metric.ts';
import type { Label, TaskName } from '../../../src/train/tasks/task.ts';
import {
  createTaskModel,
  forwardForTask,
  type TaskModel,
  taskOf,
} from '../../../src/train/tasks/taskModel.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { fit } from '../../../src/train/trainer/fit.ts';
import { tryWebGpu } from '../../support/devices.ts';
import { config, options } from './fixtures.ts';

const webgpu = await tryWebGpu();
afterAll(() => {
  setDevice(new CpuDevice());
  webgpu?.destroy();
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
  Exclude<TaskName, 'classification' | 'question-answering' | 'multiple-choice' | 'similarity'>,
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
    const { loss } = forwardForTask(model.eval(), batchOf(valid, model, device));
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
