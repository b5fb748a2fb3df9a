import { expect, it } from 'vitest';
import { getLinearScheduleWithWarmup } from '../../../src/nn/optim/index.ts';
import { warmupSteps } from '../../../src/train/trainer/hyperparameters.ts';

/**
 * By Python: for each share r, `w = [math.ceil(n * r) for n in range(1, 1001)]`, `sum(w)` and
 * `sum(n * x for n, x in enumerate(w, 1))`.
 */
it.each([
  [0, 0, 0],
  [0.01, 5500, 3577750],
  [0.03, 15510, 10260030],
  [0.06, 30520, 20273810],
  [0.1, 50500, 33607750],
  [0.15, 75550, 50312150],
  [0.2, 100500, 66966500],
  [0.3, 150600, 100375050],
  [0.7, 350800, 233908450],
  [1, 500500, 333833500],
])(
  'a share of %d warms up as many steps as in Hugging Face, for 1 to 1,000 steps',
  (share, sum, weighted) => {
    const steps = Array.from({ length: 1000 }, (_, i) => warmupSteps(i + 1, share));
    expect(steps.reduce((total, count) => total + count, 0)).toBe(sum);
    expect(steps.reduce((total, count, i) => total + (i + 1) * count, 0)).toBe(weighted);
  },
);

it('33 steps at 0.1 rise for 4 steps and fall for 29', () => {
  const optimizer = { paramGroups: [{ lr: 1 }] };
  const schedule = getLinearScheduleWithWarmup(optimizer as never, warmupSteps(33, 0.1), 33);
  const rates = Array.from({ length: 34 }, () => {
    const [rate] = schedule.getLastLr();
    schedule.step();
    return rate;
  });
  expect(rates.slice(0, 6)).toEqual([0, 0.25, 0.5, 0.75, 1, 28 / 29]);
  expect(rates.slice(-2)).toEqual([1 / 29, 0]);
});
