import {
  getConstantScheduleWithWarmup,
  getCosineScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  getPolynomialDecayScheduleWithWarmup,
  type LRScheduler,
} from '../../nn/optim/index.ts';
import type { SchedulableOptimizer } from '../../nn/optim/schedules.ts';
import type { LrSchedulerName } from './hyperparameters.ts';

/**
 * The schedule of a name, with Hugging Face's formulas (`get_scheduler`); `constant` warms up too.
 */
export function createSchedule(
  name: LrSchedulerName,
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
  totalSteps: number,
): LRScheduler {
  switch (name) {
    case 'linear':
      return getLinearScheduleWithWarmup(optimizer, warmupSteps, totalSteps);
    case 'cosine':
      return getCosineScheduleWithWarmup(optimizer, warmupSteps, totalSteps);
    case 'constant':
      return getConstantScheduleWithWarmup(optimizer, warmupSteps);
    case 'polynomial':
      return getPolynomialDecayScheduleWithWarmup(optimizer, warmupSteps, totalSteps);
  }
}
