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
export {
  MultiheadAttention,
  type MultiheadAttentionInputs,
  type MultiheadAttentionOptions,
} from './attention.ts';
export { Conv1d, Conv2d } from './convolution.ts';
export { ConvTranspose1d, ConvTranspose2d } from './convTranspose.ts';
export * as data from './data/index.ts';
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
export * from './moreActivations.ts';
export { Dropout1d, Dropout2d, EmbeddingBag } from './moreLayers.ts';
export {
  BatchNorm1d,
  BatchNorm2d,
  type BatchNormOptions,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  RMSNorm,
} from './norms.ts';
export * from './pairLosses.ts';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AvgPool1d,
  AvgPool2d,
  MaxPool1d,
  MaxPool2d,
} from './pooling.ts';
export { GRU, type Lengths, LSTM, type RecurrentOptions, RNN } from './recurrent.ts';
export { GRUCell, LSTMCell, RNNCell } from './recurrentCells.ts';
export * from './resample.ts';
export { Sequential } from './sequential.ts';
export * from './shapes.ts';
export {
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerEncoderLayerOptions,
  type TransformerMasks,
} from './transformer.ts';
export {
  type DecoderMasks,
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  type TransformerOptions,
} from './transformerDecoder.ts';
