export { Adam, type AdamOptions, AdamW } from './adam.ts';
export type { Arena } from './arena.ts';
export { clipGradNorm, clipGradValue } from './clip.ts';
export {
  CosineAnnealingLR,
  ExponentialLR,
  LinearLR,
  MultiStepLR,
  type PlateauOptions,
  ReduceLROnPlateau,
  StepLR,
} from './lrSchedulers.ts';
export { Optimizer, type OptimizerState, type ParamGroup } from './optimizer.ts';
export {
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  LambdaLR,
  LRScheduler,
} from './schedules.ts';
export { SGD, type SgdOptions } from './sgd.ts';
export {
  getCosineScheduleWithWarmup,
  getCosineWithHardRestartsScheduleWithWarmup,
  getPolynomialDecayScheduleWithWarmup,
} from './warmupSchedules.ts';
