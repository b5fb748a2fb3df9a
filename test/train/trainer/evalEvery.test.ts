import { beforeEach, describe, expect, it } from 'vitest';
import { labelFields } from '../../../src/bert/config.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { tasks } from '../../../src/train/tasks/index.ts';
import { createTaskModel } from '../../../src/train/tasks/taskModel.ts';
import { type FitOptions, fit } from '../../../src/train/trainer/fit.ts';
import { config, examples, options } from './fixtures.ts';

beforeEach(() => setDevice(new CpuDevice()));

/** 5 steps an epoch, 10 in all. */
const run = (changes: Partial<FitOptions>, task: keyof typeof tasks = 'classification') => {
  const labels = task === 'regression' ? ['LABEL_0'] : ['a', 'b'];
  const model = createTaskModel(tasks[task], { ...config, ...labelFields(labels) }, 1);
  const settings = { ...options, patience: 99, ...changes };
  return fit(model, examples(40, 1), examples(16, 2), settings);
};

describe('evaluations', () => {
  it.each([
    [undefined, [5, 10]],
    [2, [2, 4, 6, 8, 10]],
    [3, [3, 6, 9, 10]],
    [100, [10]],
  ])('every %d steps, and after the last one', async (evalEvery, steps) => {
    const { epochs } = await run({ evalEvery });
    expect(epochs.map(({ step }) => step)).toEqual(steps);
    expect(epochs.map(({ epoch }) => epoch)).toEqual(steps.map((step) => Math.ceil(step / 5)));
    expect(epochs.filter(({ best }) => best).length).toBe(1);
    expect(epochs.every(({ validAccuracy }) => validAccuracy !== undefined)).toBe(true);
  });

  it('training does not depend on them', async () => {
    const [often, seldom] = [await run({ evalEvery: 1 }), await run({})];
    expect(often.steps).toEqual(seldom.steps);
  });

  it('patience counts them', async () => {
    const { epochs } = await run({ evalEvery: 1, patience: 2, learningRate: 1e-8 });
    expect(epochs.length).toBe(3);
  });

  it.each([0, -2, 0.5])('refuses one every %d steps', async (evalEvery) => {
    await expect(run({ evalEvery })).rejects.toThrow('`evalEvery`: expected an integer');
  });
});

describe('the metric that is watched', () => {
  it.each([
    ['regression', 'pearson'],
    ['regression', 'spearman'],
    ['classification', 'accuracy'],
  ] as const)('%s: %s', async (task, metric) => {
    const { monitor, epochs, bestEpoch } = await run({ metric, evalEvery: 3 }, task);
    expect(monitor).toBe(metric);
    const key = { pearson: 'validPearson', spearman: 'validSpearman', accuracy: 'validAccuracy' };
    const values = epochs.map((record) => record[key[metric] as 'validPearson']!);
    expect(bestEpoch!.step).toBe(epochs[values.indexOf(Math.max(...values))].step);
  });

  it.each([
    ['classification', 'f1', 'one of those that classification has, accuracy, loss, got f1'],
    ['regression', 'accuracy', 'regression has, spearman, pearson, loss, got accuracy'],
  ] as const)('%s has no %s', async (task, metric, message) => {
    await expect(run({ metric }, task)).rejects.toThrow(message);
  });
});
