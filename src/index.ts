export { type BertConfig, bertBase, bertConfig, bertLarge, bertTiny, labelFields } from './bert/config.ts';
export { type BertInputs, BertModel, type BertModelOutput } from './bert/model.ts';
export {
  BertForSequenceClassification,
  type SequenceClassifierOutput,
} from './bert/sequenceClassification.ts';
export {
  type AddedToken,
  type BatchEncoding,
  BertTokenizer,
  type BertTokenizerOptions,
  type DecodeOptions,
  type EncodeOptions,
  type Encoding,
} from './bert/tokenizer/index.ts';
export type { Device, MemoryUse } from './gpu/device.ts';
export { DeviceLostError, KernelError, OutOfMemoryError } from './gpu/errors.ts';
export { type DeviceOptions, openDevice } from './gpu/open.ts';
export * as nn from './nn/index.ts';
export {
  Adam,
  AdamW,
  clipGradNorm,
  getConstantScheduleWithWarmup,
  getLinearScheduleWithWarmup,
  SGD,
} from './nn/index.ts';
export { UsageError } from './platform/errors.ts';
export { type DownloadProgress, findModel } from './platform/hub.ts';
export * from './tensor/index.ts';
export { encodeExamples } from './train/batch.ts';
export { type Prediction, TextClassificationPipeline } from './train/classifier.ts';
export { readData } from './train/data.ts';
export { type Evaluation, evaluate } from './train/evaluate.ts';
export { type FitOptions, fit, fitDefaults } from './train/fit.ts';
export { History } from './train/history.ts';
export * as metrics from './train/metrics.ts';
export { historyPicture } from './train/picture.ts';
export { stratifiedSplit } from './train/split.ts';
