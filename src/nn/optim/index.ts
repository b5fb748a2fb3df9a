export { Adadelta, type AdadeltaOptions } from './adadelta.ts';
export { Adagrad, type AdagradOptions } from './adagrad.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export {
  Adamax,
  type AdamaxOptions,
  Lion,
  type LionOptions,
  NAdam,
  type NAdamOptions,
  RAdam,
  type RAdamOptions,
} from './adamFamily.ts';
export type { Arena } from './arena.ts';
export { clipGradNorm, clipGradValue } from './clip.ts';
export {
  ConstantLR,
  CosineAnnealingWarmRestarts,
  OneCycleLR,
  type OneCycleOptions,
  PolynomialLR,
  SequentialLR,
  type SequentialState,
} from './cyclicSchedules.ts';
export {
  CosineAnnealingLR,
  ExponentialLR,
  LinearLR,
  MultiStepLR,
  type PlateauOptions,
  type PlateauState,
  ReduceLROnPlateau,
  StepLR,
} from './lrSchedulers.ts';
export {
  ChainedScheduler,
  CyclicLR,
  type CyclicOptions,
  MultiplicativeLR,
} from './moreSchedules.ts';
export { Optimizer, type ParamGroup } from './optimizer.ts';
export type { OptimizerState } from './optimizerState.ts';
export { RMSprop, type RmspropOptions } from './rmsprop.ts';
export {
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  LambdaLR,
  LRScheduler,
  type SchedulerState,
} from './schedules.ts';
export { SGD, type SgdOptions } from './sgd.ts';
export { parametersToVector, vectorToParameters } from './vector.ts';
export {
  getCosineScheduleWithWarmup,
  getCosineWithHardRestartsScheduleWithWarmup,
  getPolynomialDecayScheduleWithWarmup,
} from './warmupSchedules.ts';
