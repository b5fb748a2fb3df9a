export { BertBiBackbone, BertBiLMForSequenceClassification, BertBiLMHeadModel, type BiLMOutput } from './bert/biLM.ts';
export { BertLMForSequenceClassification, BertLMHeadModel, type CausalLMInputs, type CausalLMOutput } from './bert/causalLM.ts';
export { CbowForSequenceClassification, type CbowInputs, CbowLMHeadModel, CbowModel, type CbowOutput } from './bert/cbow.ts';
export { type BertConfig, bertBase, bertConfig, bertLarge, bertTiny, labelFields } from './bert/config.ts';
export { freezeEncoder } from './bert/freeze.ts';
export type { BertInputs } from './bert/inputs.ts';
export {
  BertForMaskedLM,
  BertForNextSentencePrediction,
  BertForPreTraining,
  type MaskedLMOutput,
  type NextSentenceInputs,
  type NextSentenceOutput,
  type PreTrainingInputs,
  type PreTrainingOutput,
} from './bert/languageModels.ts';
export {
  BertBackbone,
  BertModel,
  type BertModelOutput,
  BertPreTrainedModel,
  type LoadReport,
  type PretrainedOptions,
  type SaveOptions,
} from './bert/model.ts';
export { BertForMultipleChoice, type MultipleChoiceInputs, type MultipleChoiceOutput } from './bert/multipleChoice.ts';
export type { MaskedLMInputs } from './bert/predictionHead.ts';
export {
  type Draw,
  type MaskedTokens,
  type MaskingOptions,
  type NextSentenceExample,
  type NextSentenceOptions,
  nextSentenceExamples,
  readDocuments,
  type TokenDocument,
  TokenMasker,
} from './bert/pretraining/index.ts';
export {
  BertForQuestionAnswering,
  type QuestionAnsweringInputs,
  type QuestionAnsweringOutput,
} from './bert/questionAnswering.ts';
export {
  BertForSequenceClassification,
  SequenceClassifier,
  type SequenceClassifierInputs,
  type SequenceClassifierOutput,
} from './bert/sequenceClassification.ts';
export {
  BertForTokenClassification,
  type TokenClassifierInputs,
  type TokenClassifierOutput,
} from './bert/tokenClassification.ts';
export {
  type AddedToken,
  type BatchEncoding,
  BertTokenizer,
  type BertTokenizerOptions,
  type DecodeOptions,
  type EncodeOptions,
  type Encoding,
} from './bert/tokenizer/index.ts';
export { trainWordPiece, type WordPieceTrainerOptions, type WordPieceVocabulary } from './bert/vocabulary/index.ts';
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
  type OptimizerState,
  SGD,
} from './nn/index.ts';
export { UsageError } from './platform/errors.ts';
export { type DownloadProgress, findModel } from './platform/hub.ts';
export * from './tensor/index.ts';
export { encodeExamples } from './train/batch.ts';
export { type Prediction, TextClassificationPipeline } from './train/classifier.ts';
export { readData } from './train/data.ts';
export { type Evaluation, evaluate } from './train/evaluate.ts';
export { FeatureExtractionPipeline, type FeatureModel, type FeatureOptions } from './train/features.ts';
export { type FitOptions, fit, fitDefaults } from './train/fit.ts';
export { History } from './train/history.ts';
export * as metrics from './train/metrics.ts';
export { historyPicture } from './train/picture.ts';
export { countBatches } from './train/pretrain/batches.ts';
export { hasPretraining, readPretraining, savePretraining } from './train/pretrain/checkpoint.ts';
export { type CorpusOptions, type Document, openCorpus } from './train/pretrain/corpus.ts';
export { evaluatePretraining, type PretrainScores } from './train/pretrain/evaluate.ts';
export type { PretrainEvaluation, PretrainHistory, PretrainStep } from './train/pretrain/history.ts';
export { ExampleMaker, type Objective, type PretrainModel, pretrainModels } from './train/pretrain/objective.ts';
export { pretrainPicture } from './train/pretrain/picture.ts';
export {
  type PretrainData,
  type PretrainHooks,
  type PretrainOptions,
  type PretrainState,
  pretrain,
  pretrainDefaults,
} from './train/pretrain/pretrain.ts';
export { stratifiedSplit } from './train/split.ts';
export { type EntityGroup, groupEntities, type TaggedWord, TokenClassificationPipeline } from './train/tagger.ts';
export { type TaskModel, taskOf } from './train/taskModel.ts';
export type { Task, TaskName } from './train/tasks/task.ts';
