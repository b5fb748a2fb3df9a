import { expect, it } from 'vitest';
import { BertForSequenceClassification } from '../../../src/bert/heads/sequenceClassification.ts';
import { CpuDevice } from '../../../src/device/cpu.ts';
import { setDevice } from '../../../src/tensor/index.ts';
import { type FitOptions, fit } from '../../../src/train/trainer/fit.ts';
import type { LrSchedulerName } from '../../../src/train/trainer/hyperparameters.ts';
import { createSchedule } from '../../../src/train/trainer/schedule.ts';
import { config, examples, options } from './fixtures.ts';

/** Hugging Face's lambdas (transformers.optimization), for a rate of 1e-3. */
const afterWarmup: Record<LrSchedulerName, (done: number, rest: number) => number> = {
  linear: (done, rest) => Math.max(0, (rest - done) / Math.max(1, rest)),
  cosine: (done, rest) =>
    Math.max(0, 0.5 * (1 + Math.cos(Math.PI * 0.5 * 2 * (done / Math.max(1, rest))))),
  constant: () => 1,
  polynomial: (done, rest) =>
    done > rest ? 1e-4 : (1e-3 - 1e-7) * (1 - done / Math.max(1, rest)) * 1e3 + 1e-4,
};
const names = Object.keys(afterWarmup) as LrSchedulerName[];

it.each(names)('%s follows its formula, for many numbers of steps and of warm-up', (name) => {
  for (const total of [1, 2, 3, 7, 10, 33, 100, 257])
    for (const warmup of [0, 1, 2, Math.ceil(total / 10), Math.ceil(total / 2), total]) {
      if (warmup > total) continue;
      const optimizer = { paramGroups: [{ lr: 1e-3 }, { lr: 5e-4 }] };
      const schedule = createSchedule(name, optimizer, warmup, total);
      for (let step = 0; step < total; step++, schedule.step()) {
        const factor =
          step < warmup ? step / warmup : afterWarmup[name](step - warmup, total - warmup);
        const [first, second] = schedule.getLastLr();
        expect(first).toBeCloseTo(1e-3 * factor, 12);
        expect(second).toBeCloseTo(5e-4 * factor, 12);
      }
    }
});

const run = async (changes: Partial<FitOptions>) => {
  setDevice(new CpuDevice());
  const model = BertForSequenceClassification.fromConfig(config, 1);
  const { steps } = await fit(model, examples(40, 1), [], { ...options, ...changes });
  return steps.map(({ learningRate }) => learningRate);
};

it.each(names)('fit trains with %s and a number of steps of warm-up', async (lrScheduler) => {
  const rates = await run({ lrScheduler, warmupSteps: 4, warmupRatio: 0.9 });
  expect(rates.slice(0, 5)).toEqual([0, 0.25, 0.5, 0.75, 1].map((share) => 5e-3 * share));
  const end = { linear: 1 / 6, cosine: 0.5 * (1 + Math.cos((5 / 6) * Math.PI)), constant: 1 };
  expect(rates.length).toBe(10);
  const expected = { ...end, polynomial: (1 / 6) * (1 - 1e-7 / 5e-3) + 1e-7 / 5e-3 }[lrScheduler];
  expect(rates.at(-1)).toBeCloseTo(5e-3 * expected, 12);
});

it('the default is linear, with a share', async () => {
  expect(await run({})).toEqual(await run({ lrScheduler: 'linear', warmupSteps: 1 }));
});

it.each([
  [{ lrScheduler: 'cosin' }, 'expected one of linear, cosine, constant, polynomial, got "cosin"'],
  [{ warmupSteps: -1 }, '`warmupSteps`: expected an integer of at least 0, got -1'],
  [{ warmupSteps: 1.5 }, '`warmupSteps`: expected an integer of at least 0, got 1.5'],
  [
    { lrScheduler: 'polynomial', learningRate: 1e-8 },
    '`learningRate`: expected a number above 1e-7',
  ],
])('refuses %o', async (changes, message) => {
  await expect(run(changes as Partial<FitOptions>)).rejects.toThrow(message);
});
