import { ArgumentError } from '../../platform/errors.ts';
import { checkOptions } from '../../platform/options.ts';
import { LambdaLR, type SchedulableOptimizer, warmup } from './schedules.ts';

/** Share of the steps after the warm-up that are over. */
const progressAt = (step: number, warmupSteps: number, totalSteps: number): number =>
  (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);

/**
 * From 0 to the full rate over the warm-up steps, then along a cosine: by default half a wave, down
 * to 0 at `totalSteps`.
 * @param options `numCycles`: waves of the cosine. Default: 0.5
 * @example
 * const schedule = getCosineScheduleWithWarmup(optimizer, 100, 1000);
 */
export function getCosineScheduleWithWarmup(
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
  totalSteps: number,
  options: { numCycles?: number } = {},
): LambdaLR {
  checkOptions('getCosineScheduleWithWarmup', options, ['numCycles']);
  const { numCycles = 0.5 } = options;
  return new LambdaLR(optimizer, (step) => {
    if (step < warmupSteps) return warmup(step, warmupSteps);
    const progress = progressAt(step, warmupSteps, totalSteps);
    return Math.max(0, 0.5 * (1 + Math.cos(2 * Math.PI * numCycles * progress)));
  });
}

/**
 * From 0 to the full rate over the warm-up steps, then several times along half a cosine to 0, each
 * time from the full rate (Loshchilov & Hutter 2017, arXiv 1608.03983).
 * @param options `numCycles`: how many times. Default: 1
 * @example
 * const schedule = getCosineWithHardRestartsScheduleWithWarmup(optimizer, 100, 1000);
 */
export function getCosineWithHardRestartsScheduleWithWarmup(
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
  totalSteps: number,
  options: { numCycles?: number } = {},
): LambdaLR {
  checkOptions('getCosineWithHardRestartsScheduleWithWarmup', options, ['numCycles']);
  const { numCycles = 1 } = options;
  return new LambdaLR(optimizer, (step) => {
    if (step < warmupSteps) return warmup(step, warmupSteps);
    const progress = progressAt(step, warmupSteps, totalSteps);
    if (progress >= 1) return 0;
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((numCycles * progress) % 1))));
  });
}

/**
 * From 0 to the full rate over the warm-up steps, then down to `lrEnd` along a polynomial; `lrEnd`
 * after.
 * @param options `lrEnd`: default 1e-7; `power`: default 1
 * @throws ArgumentError unless the first group's learning rate is above `lrEnd`.
 * @example
 * const schedule = getPolynomialDecayScheduleWithWarmup(optimizer, 100, 1000);
 */
export function getPolynomialDecayScheduleWithWarmup(
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
  totalSteps: number,
  options: { lrEnd?: number; power?: number } = {},
): LambdaLR {
  checkOptions('getPolynomialDecayScheduleWithWarmup', options, ['lrEnd', 'power']);
  const { lrEnd = 1e-7, power = 1 } = options;
  const [{ lr, initialLr = lr }] = optimizer.paramGroups;
  if (!(initialLr > lrEnd))
    throw new ArgumentError(
      `\`lrEnd\`: expected a number below the initial learning rate, ${initialLr}, got ${lrEnd}`,
    );
  return new LambdaLR(optimizer, (step) => {
    if (step < warmupSteps) return warmup(step, warmupSteps);
    if (step > totalSteps) return lrEnd / initialLr;
    const remaining = 1 - progressAt(step, warmupSteps, totalSteps);
    return ((initialLr - lrEnd) * remaining ** power + lrEnd) / initialLr;
  });
}
