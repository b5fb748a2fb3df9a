export { Adam, type AdamOptions, AdamW } from './adam.ts';
export type { Arena } from './arena.ts';
export { clipGradNorm } from './clip.ts';
export { Optimizer, type OptimizerState, type ParamGroup } from './optimizer.ts';
export {
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  LambdaLR,
} from './schedules.ts';
export { SGD, type SgdOptions } from './sgd.ts';
