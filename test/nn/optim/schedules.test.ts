import { describe, expect, it } from 'vitest';
import * as optim from '../../../src/nn/optim/index.ts';

/** Learning rates of the first `n` steps of a schedule of an optimiser with a rate of 1. */
function ratesOf(
  make: (optimizer: { paramGroups: { lr: number }[] }) => { step(): void; getLastLr(): number[] },
  n: number,
  lr = 1,
): number[] {
  const schedule = make({ paramGroups: [{ lr }] });
  return Array.from({ length: n }, () => {
    const [rate] = schedule.getLastLr();
    schedule.step();
    return rate;
  });
}
const close = (actual: number[], expected: number[]) => {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 10);
};
const half = Math.SQRT1_2;

describe('schedules', () => {
  it.each<[string, Parameters<typeof ratesOf>[0], number[]]>([
    ['StepLR', (o) => new optim.StepLR(o, 2), [1, 1, 0.1, 0.1, 0.01]],
    ['MultiStepLR', (o) => new optim.MultiStepLR(o, [1, 3], { gamma: 0.5 }), [1, 0.5, 0.5, 0.25]],
    ['ExponentialLR', (o) => new optim.ExponentialLR(o, 0.5), [1, 0.5, 0.25]],
    ['LinearLR', (o) => new optim.LinearLR(o, { totalIters: 2 }), [1 / 3, 2 / 3, 1, 1]],
    [
      'CosineAnnealingLR',
      (o) => new optim.CosineAnnealingLR(o, 4, { etaMin: 0.5 }),
      [1, 0.75 + half / 4, 0.75, 0.75 - half / 4, 0.5, 0.75 - half / 4],
    ],
    [
      'a cosine',
      (o) => optim.getCosineScheduleWithWarmup(o, 2, 6),
      [0, 0.5, 1, (1 + half) / 2, 0.5, (1 - half) / 2, 0],
    ],
    [
      'a cosine with restarts',
      (o) => optim.getCosineWithHardRestartsScheduleWithWarmup(o, 1, 5, { numCycles: 2 }),
      [0, 1, 0.5, 1, 0.5, 0, 0],
    ],
    [
      'a polynomial',
      (o) => optim.getPolynomialDecayScheduleWithWarmup(o, 1, 5, { lrEnd: 0.2, power: 2 }),
      [0, 1, 0.65, 0.4, 0.25, 0.2, 0.2],
    ],
  ])('%s follows its formula', (_, make, expected) => {
    close(ratesOf(make, expected.length), expected);
  });

  it('ReduceLROnPlateau waits for its patience, then for its cooldown', () => {
    const optimizer = { paramGroups: [{ lr: 1 }, { lr: 0.02 }] };
    const options = { patience: 1, cooldown: 1, factor: 0.5, minLr: 0.01 };
    const schedule = new optim.ReduceLROnPlateau(optimizer, options);
    const rates = [5, 4, 4, 4, 4, 4, 4, 3].map((metric) => {
      schedule.step(metric);
      return schedule.getLastLr()[0];
    });
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]);
    expect(schedule.getLastLr()[1]).toBe(0.01);
    const rising = new optim.ReduceLROnPlateau(
      { paramGroups: [{ lr: 1 }] },
      {
        mode: 'max',
        patience: 0,
        thresholdMode: 'abs',
        threshold: 1,
      },
    );
    const steps = [1, 2, 4].map((metric) => {
      rising.step(metric);
      return rising.getLastLr()[0];
    });
    close(steps, [1, 0.1, 0.1]);
  });

  it('states go on where others stopped', () => {
    const optimizer = { paramGroups: [{ lr: 1 }] };
    const first = new optim.StepLR(optimizer, 2);
    for (let i = 0; i < 3; i++) first.step();
    const other = new optim.StepLR({ paramGroups: [{ lr: 1 }] }, 2);
    other.loadStateDict(first.stateDict());
    other.step();
    close(other.getLastLr(), [0.01]);
  });

  it('refuses what makes no sense', () => {
    const optimizer = { paramGroups: [{ lr: 1 }] };
    expect(() => new optim.StepLR(optimizer, 0)).toThrow('`stepSize`: expected a number > 0');
    expect(() => new optim.CosineAnnealingLR(optimizer, 0)).toThrow('`tMax`');
    expect(() => new optim.ReduceLROnPlateau(optimizer, { factor: 1 })).toThrow('below 1, got 1');
    expect(() => optim.getPolynomialDecayScheduleWithWarmup(optimizer, 0, 5, { lrEnd: 2 })).toThrow(
      '`lrEnd`: expected a number below the initial learning rate, 1, got 2',
    );
  });
});
