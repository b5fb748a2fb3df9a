import { beforeEach, describe, expect, it } from 'vitest';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { evaluateExamples } from '../../../src/train/trainer/evaluate.ts';
import { type FitOptions, fit } from '../../../src/train/trainer/fit.ts';
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

  it.each([
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

it('a decay of 1 changes no bit', async () => {
  expect(await firstLoss({ layerDecay: 1 })).toBe(await firstLoss({}));
});
