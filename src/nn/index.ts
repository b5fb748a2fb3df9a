export {
  Flatten,
  GELU,
  Identity,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from './activations.ts';
export * as init from './init.ts';
export { Dropout, Embedding, LayerNorm, Linear, parameter } from './layers.ts';
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from './losses.ts';
export { Module } from './module.ts';
export { Sequential } from './sequential.ts';
