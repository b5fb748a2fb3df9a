export { GELU, ReLU, Tanh } from './activations.ts';
export * as init from './init.ts';
export { Dropout, Embedding, LayerNorm, Linear, parameter } from './layers.ts';
export { Module } from './module.ts';
export { Adam, type AdamOptions, AdamW } from './optim/adam.ts';
export type { Arena } from './optim/arena.ts';
export { clipGradNorm } from './optim/clip.ts';
export { Optimizer, type OptimizerState, type ParamGroup } from './optim/optimizer.ts';
export {
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  LambdaLR,
} from './optim/schedules.ts';
export { SGD, type SgdOptions } from './optim/sgd.ts';
export { Sequential } from './sequential.ts';
