import { beforeEach, describe, expect, it } from 'vitest';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { LSTM } from '../../../src/nn/index.ts';
import { setDevice, type Tensor } from '../../../src/tensor/index.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { type FitOptions, fit } from '../../../src/train/trainer/fit.ts';
import { weightDecayGroups } from '../../../src/train/trainer/hyperparameters.ts';
import { layerDecayGroups } from '../../../src/train/trainer/layerDecay.ts';
import { config, examples, options } from './fixtures.ts';

beforeEach(() => setDevice(new CpuDevice()));

const still = { ...config, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };
/** 12 texts of class 0 and 4 of class 1. */
const data = examples(16, 3).map((each, i) => ({ ...each, label: i < 12 ? 0 : 1 }));

/** The loss of the first step, which sees all texts. */
async function firstLoss(changes: Partial<FitOptions>) {
  const model = BertForSequenceClassification.fromConfig(still, 1);
  const settings = { ...options, ...changes, batchSize: 16, maxSteps: 1 };
  return (await fit(model, data, [], settings)).steps[0].loss;
}

/** −log of the probability of each text's class, and the mean of it over the classes. */
async function surprises() {
  const model = BertForSequenceClassification.fromConfig(still, 1);
  const { probabilities } = await evaluateExamples(model, data, 16);
  return data.map(({ label }, i) => ({
    label,
    own: -Math.log(probabilities[i][label]),
    all: probabilities[i].map((p) => -Math.log(p)),
  }));
}

describe('the loss of fine-tuning', () => {
  it.each([0, 0.1, 0.5])('has %d of the labels smoothed', async (smoothing) => {
    const rows = (await surprises()).map(
      ({ own, all: [a, b] }) => (1 - smoothing) * own + (smoothing * (a + b)) / 2,
    );
    const expected = rows.reduce((sum, loss) => sum + loss, 0) / 16;
    expect(await firstLoss({ labelSmoothing: smoothing })).toBeCloseTo(expected, 5);
  });

  it.each([
    [
      [1, 2.5],
      [1, 2.5],
    ],
    ['balanced' as const, [16 / (2 * 12), 16 / (2 * 4)]],
    [
      [1, 1],
      [1, 1],
    ],
  ])('is a mean weighted by class: %o', async (classWeights, weights) => {
    const rows = await surprises();
    const total = rows.reduce((sum, { label }) => sum + weights[label], 0);
    const expected = rows.reduce((sum, { label, own }) => sum + weights[label] * own, 0) / total;
    expect(await firstLoss({ classWeights })).toBeCloseTo(expected, 5);
  });

  it.each([0, 0.5, 2])('is focal with γ = %d, weighted by class or not', async (focalLoss) => {
    const rows = await surprises();
    const focal = rows.map(({ own }) => (1 - Math.exp(-own)) ** focalLoss * own);
    const expected = focal.reduce((sum, loss) => sum + loss, 0) / 16;
    expect(await firstLoss({ focalLoss })).toBeCloseTo(expected, 5);
    const weighted = rows.map(({ label }, i) => [1, 2.5][label] * focal[i]);
    const total = weighted.reduce((sum, loss) => sum + loss, 0) / (12 + 2.5 * 4);
    expect(await firstLoss({ focalLoss, classWeights: [1, 2.5] })).toBeCloseTo(total, 5);
  });

  it('is focal for several labels, and for tags, of which some do not count', async () => {
    for (const task of ['multi-label', 'token-classification'] as const) {
      const make = () => createTaskModel(tasks[task], still, 1);
      const labelled = data.map((each) => ({
        ...each,
        label:
          task === 'multi-label'
            ? [each.label, 1]
            : each.inputIds.map((id) => (id % 3 ? id % 2 : -100)),
      }));
      const { probabilities } = await evaluateExamples(make(), labelled, 16);
      const losses = labelled.flatMap(({ label }, i) =>
        label.flatMap((one, j) => {
          if (one === -100) return [];
          const p =
            task === 'multi-label'
              ? [1 - probabilities[i][j], probabilities[i][j]][one]
              : probabilities[i][2 * j + one];
          return (1 - p) ** 2 * -Math.log(p);
        }),
      );
      const settings = { ...options, focalLoss: 2, batchSize: 16, maxSteps: 1 };
      const { steps } = await fit(make(), labelled, [], settings);
      const expected = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      expect(steps[0].loss).toBeCloseTo(expected, 5);
    }
  });

  it.each([
    [{ focalLoss: -1 }, '`focalLoss`: expected a number of at least 0, got -1'],
    [{ focalLoss: Number.NaN }, '`focalLoss`: expected a number of at least 0, got NaN'],
    [{ focalLoss: 2, labelSmoothing: 0.1 }, '`focalLoss` and `labelSmoothing` exclude each other'],
    [{ labelSmoothing: 1 }, '`labelSmoothing`: expected a number from 0 to below 1, got 1'],
    [{ labelSmoothing: -0.1 }, '`labelSmoothing`: expected a number from 0 to below 1, got -0.1'],
    [{ classWeights: [1] }, "`classWeights`: expected 'balanced' or a number above 0 for each of"],
    [{ classWeights: [1, 0] }, 'for each of the 2 labels, got [1,0]'],
    [{ classWeights: 'even' as never }, 'got "even"'],
    [{ layerDecay: 0 }, '`layerDecay`: expected a number above 0 to 1, got 0'],
    [{ layerDecay: 1.1 }, '`layerDecay`: expected a number above 0 to 1, got 1.1'],
  ])('refuses %o', async (changes, message) => {
    await expect(firstLoss(changes)).rejects.toThrow(message);
  });

  it.each(['regression', 'multi-label'] as const)('%s has no classes to weigh', async (task) => {
    const model = createTaskModel(tasks[task], config, 1);
    const rows = data.map((each) => ({ ...each, label: task === 'regression' ? 1 : [0, 1] }));
    for (const changes of [{ labelSmoothing: 0.1 }, { classWeights: 'balanced' as const }])
      await expect(fit(model, rows, [], { ...options, ...changes })).rejects.toThrow(
        `expected a task with one class a text or token, got ${task}`,
      );
    if (task === 'regression')
      await expect(fit(model, rows, [], { ...options, focalLoss: 2 })).rejects.toThrow(
        '`focalLoss`: expected a task with classes or labels, got regression',
      );
  });
});

it.each([1, 2, 4])('rates decay from the top of %d layers to the embeddings', (layers) => {
  const model = BertForSequenceClassification.fromConfig({ ...config, numHiddenLayers: layers }, 1);
  const settings = { learningRate: 1e-3, layerDecay: 0.5, weightDecay: 0.01 };
  const groups = layerDecayGroups(model, settings);
  const rateOf = new Map(groups.flatMap(({ params, lr }) => params.map((param) => [param, lr])));
  expect(rateOf.size).toBe(model.parameters().length);
  for (const [name, parameter] of model.namedParameters()) {
    const layer = /layer\.(\d+)\./.exec(name)?.[1];
    const above = name.includes('embeddings') ? layers : layer ? layers - 1 - Number(layer) : 0;
    expect([name, rateOf.get(parameter)]).toEqual([name, 1e-3 * 0.5 ** above]);
  }
  expect(groups[0].lr).toBe(1e-3);
});

it('weights decay, biases do not, those of an LSTM neither', () => {
  const lstm = new LSTM(4, 4, { bidirectional: true });
  const [decaying, exempt] = weightDecayGroups(lstm, 0.01);
  const shapes = (params: Tensor[]) => params.map(({ shape }) => shape.length);
  expect(shapes(decaying.params)).toEqual([2, 2, 2, 2]);
  expect(shapes(exempt.params)).toEqual([1, 1, 1, 1]);
});

it('a decay of 1 changes no bit', async () => {
  expect(await firstLoss({ layerDecay: 1 })).toBe(await firstLoss({}));
});
