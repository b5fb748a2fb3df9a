import './methods.ts';

export { detectAnomaly, isAnomalyEnabled } from './anomaly.ts';
export { enableGrad, inferenceMode, isGradEnabled, noGrad, setGradEnabled } from './autograd.ts';
export { backward, type GradOptions, grad } from './backward.ts';
export { CapturedStep, capture, type HostTensor } from './capture.ts';
export { checkpoint } from './checkpoint.ts';
export {
  arange,
  defaultDevice,
  full,
  type NestedArray,
  ones,
  rand,
  randn,
  setDevice,
  type TensorOptions,
  tensor,
  useDevice,
  zeros,
} from './create.ts';
export { manualSeed } from './globalRng.ts';
export type { GradientHook, RemovableHandle } from './gradientHooks.ts';
export * from './ops/activationFunctions.ts';
export * from './ops/algebra.ts';
export * from './ops/assemble.ts';
export { type AttentionOptions, scaledDotProductAttention } from './ops/attention.ts';
export * from './ops/closeness.ts';
export { type ConvOptions, conv1d, conv2d } from './ops/convolution.ts';
export {
  type ConvTransposeOptions,
  convTranspose1d,
  convTranspose2d,
} from './ops/convTranspose.ts';
export * from './ops/creation.ts';
export { type CrossEntropyOptions, crossEntropy, nllLoss } from './ops/crossEntropy.ts';
export { type CtcLossOptions, ctcLoss } from './ops/ctcLoss.ts';
export { dropout } from './ops/dropout.ts';
export { type DropoutAddLayerNormOptions, dropoutAddLayerNorm } from './ops/dropoutAddLayerNorm.ts';
export * from './ops/einsum.ts';
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type ElementLossOptions,
  huberLoss,
  klDiv,
  smoothL1Loss,
} from './ops/elementLoss.ts';
export * from './ops/elementwise.ts';
export { embedding, gather, indexSelect } from './ops/embedding.ts';
export { type EmbeddingBagOptions, embeddingBag } from './ops/embeddingBag.ts';
export * from './ops/fold.ts';
export * from './ops/functions.ts';
export { gelu } from './ops/gelu.ts';
export * from './ops/gumbelSoftmax.ts';
export * from './ops/indexing.ts';
export * from './ops/joins.ts';
export { layerNorm } from './ops/layerNorm.ts';
export { type LinearCrossEntropyOptions, linearCrossEntropy } from './ops/linearCrossEntropy.ts';
export * from './ops/logical.ts';
export { IGNORE_INDEX, l1Loss, mseLoss, type Reduction } from './ops/loss.ts';
export { type Activation, linear, matmul } from './ops/matmul.ts';
export * from './ops/moments.ts';
export * from './ops/numeric.ts';
export * from './ops/orderStatistics.ts';
export type { PadMode } from './ops/padModes.ts';
export * from './ops/pairLosses.ts';
export * from './ops/pointwise.ts';
export {
  type AdaptiveSize,
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
} from './ops/pooling.ts';
export { pow } from './ops/power.ts';
export * from './ops/rearrange.ts';
export * from './ops/reduce.ts';
export * from './ops/resample.ts';
export * from './ops/rounding.ts';
export * from './ops/sampling.ts';
export * from './ops/scan.ts';
export * from './ops/scatter.ts';
export * from './ops/searching.ts';
export * from './ops/shapes.ts';
export * from './ops/softmax.ts';
export * from './ops/sort.ts';
export * from './ops/statistics.ts';
export * from './ops/views.ts';
export { getRngState, type RngState, setRngState } from './rngState.ts';
export { keep, scope } from './scope.ts';
export type { Shape } from './shape.ts';
export type { StepResult, StepValues } from './stepResults.ts';
export { type DType, Tensor, type TensorData } from './tensor.ts';
