export {
  AutoConfig,
  AutoModel,
  type AutoModelClass,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForMultipleChoice,
  AutoModelForNextSentencePrediction,
  AutoModelForPreTraining,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoTokenizer,
} from './bert/auto.ts';
export {
  BertBiBackbone,
  BertBiLMForSequenceClassification,
  BertBiLMHeadModel,
  type BiLMOutput,
} from './bert/baselines/bidirectional.ts';
export {
  BertLMForSequenceClassification,
  BertLMHeadModel,
  type CausalLMInputs,
  type CausalLMOutput,
} from './bert/baselines/causal.ts';
export {
  CbowForSequenceClassification,
  type CbowInputs,
  CbowLMHeadModel,
  CbowModel,
  type CbowOutput,
} from './bert/baselines/cbow.ts';
export {
  type BertConfig,
  bertBase,
  bertConfig,
  bertLarge,
  bertTiny,
  labelFields,
} from './bert/config.ts';
export { BertForMaskedLM, type MaskedLMOutput } from './bert/heads/maskedLM.ts';
export {
  BertForMultipleChoice,
  type MultipleChoiceInputs,
  type MultipleChoiceOutput,
} from './bert/heads/multipleChoice.ts';
export {
  BertForNextSentencePrediction,
  type NextSentenceInputs,
  type NextSentenceOutput,
} from './bert/heads/nextSentencePrediction.ts';
export type { MaskedLMInputs } from './bert/heads/predictionHead.ts';
export {
  BertForPreTraining,
  type PreTrainingInputs,
  type PreTrainingOutput,
} from './bert/heads/preTraining.ts';
export {
  BertForQuestionAnswering,
  type QuestionAnsweringInputs,
  type QuestionAnsweringOutput,
} from './bert/heads/questionAnswering.ts';
export {
  BertForSequenceClassification,
  SequenceClassifier,
  type SequenceClassifierInputs,
  type SequenceClassifierOutput,
} from './bert/heads/sequenceClassification.ts';
export {
  BertForTokenClassification,
  type TokenClassifierInputs,
  type TokenClassifierOutput,
} from './bert/heads/tokenClassification.ts';
export { freezeEncoder } from './bert/layers/freeze.ts';
export { BertBackbone, BertModel, type BertModelOutput } from './bert/model.ts';
export type { BertInputs } from './bert/modelInputs.ts';
export {
  BertPreTrainedModel,
  type LoadReport,
  type PretrainedOptions,
  type SaveOptions,
} from './bert/pretrainedModel.ts';
export {
  type ExampleKey,
  type MaskedTokens,
  type MaskingOptions,
  type NextSentenceExample,
  type NextSentenceOptions,
  nextSentenceExamples,
  readDocuments,
  type TokenDocument,
  TokenMasker,
} from './bert/pretraining/index.ts';
export type { Device, MemoryUse } from './device/device.ts';
export { DeviceLostError, KernelError, OutOfMemoryError } from './device/errors.ts';
export { type DeviceOptions, openDevice } from './device/open.ts';
export { type DownloadProgress, type FindModelOptions, findModel } from './formats/hub.ts';
export { ModelFolder, type ModelSource, openModelFolder } from './formats/modelFolder.ts';
export { SafetensorsError } from './formats/safetensors/dtypes.ts';
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
export {
  ArgumentError,
  DownloadError,
  type ErrorCode,
  NotFiniteError,
  StateError,
  UsageError,
  WigbertError,
  WriteError,
} from './platform/errors.ts';
export { studyDefaults } from './study/defaults.ts';
export {
  type StudyEvent,
  type StudyOptions,
  type StudyResult,
  study,
} from './study/recipe.ts';
export * from './tensor/index.ts';
export {
  type AddedToken,
  type BatchEncoding,
  BertTokenizer,
  type BertTokenizerOptions,
  type DecodeOptions,
  type EncodeOptions,
  type Encoding,
} from './text/tokenizer/index.ts';
export {
  trainWordPiece,
  type WordPieceTrainerOptions,
  type WordPieceVocabulary,
} from './text/vocabulary/index.ts';
export { encodeExamples } from './train/data/batch.ts';
export { readData } from './train/data/labelledData.ts';
export { stratifiedSplit } from './train/data/split.ts';
export {
  embedDefaults,
  evaluateDefaults,
  fineTuneDefaults,
  fitDefaults,
  predictDefaults,
  pretrainDefaults,
  pretrainRecipeDefaults,
} from './train/defaults.ts';
export * as metrics from './train/metrics/index.ts';
export type { TextInput } from './train/pipelines/encode.ts';
export {
  FeatureExtractionPipeline,
  type FeatureModel,
  type FeatureOptions,
} from './train/pipelines/featureExtraction.ts';
export {
  type FilledMask,
  type FillMaskOptions,
  FillMaskPipeline,
} from './train/pipelines/fillMask.ts';
export { type PipelineOptions, type PipelineTask, pipeline } from './train/pipelines/pipeline.ts';
export {
  type Prediction,
  type PredictOptions,
  TextClassificationPipeline,
} from './train/pipelines/textClassification.ts';
export {
  type EntityGroup,
  groupEntities,
  type TaggedWord,
  TokenClassificationPipeline,
} from './train/pipelines/tokenClassification.ts';
export { countBatches } from './train/pretraining/batches.ts';
export {
  readPretraining,
  savePretraining,
} from './train/pretraining/checkpoint.ts';
export { type CorpusOptions, type Document, openCorpus } from './train/pretraining/corpus.ts';
export { evaluatePretraining, type PretrainScores } from './train/pretraining/evaluate.ts';
export type {
  PretrainEvaluation,
  PretrainHistory,
  PretrainStep,
} from './train/pretraining/history.ts';
export {
  ExampleBuilder,
  type Objective,
  type PretrainModel,
  pretrainModels,
} from './train/pretraining/objective.ts';
export { pretrainPicture } from './train/pretraining/picture.ts';
export {
  type PretrainCallbacks,
  type PretrainData,
  type PretrainOptions,
  type PretrainState,
  pretrainModel,
} from './train/pretraining/pretrain.ts';
export {
  type EmbedEvent,
  type EmbedOptions,
  type EmbedResult,
  embed,
} from './train/recipes/embed.ts';
export {
  type EvaluateEvent,
  type EvaluateOptions,
  type EvaluateResult,
  evaluate,
} from './train/recipes/evaluate.ts';
export type { InputEvent, InputEventOf, RecipeCallbacks } from './train/recipes/events.ts';
export { type FineTuneOptions, fineTune } from './train/recipes/fineTune.ts';
export type { FineTuneEvent, FineTuneResult } from './train/recipes/fineTuneRun.ts';
export {
  type LabelsPrediction,
  type PredictEvent,
  type PredictRecipeOptions,
  type PredictResult,
  predict,
  type WordsPrediction,
} from './train/recipes/predict.ts';
export {
  type PretrainEvent,
  type PretrainRecipeOptions,
  type PretrainResult,
  pretrain,
} from './train/recipes/pretrain.ts';
export type { Task, TaskName } from './train/tasks/task.ts';
export { type TaskModel, taskOf } from './train/tasks/taskModel.ts';
export { hasTrainingState } from './train/trainer/checkpoint.ts';
export { type Evaluation, evaluateExamples } from './train/trainer/evaluate.ts';
export type { TrainingExample } from './train/trainer/examples.ts';
export { type FitCallbacks, type FitOptions, fit } from './train/trainer/fit.ts';
export { History } from './train/trainer/history.ts';
export { historyPicture } from './train/trainer/picture.ts';
export {
  Trainer,
  type TrainerCallbacks,
  type TrainerOptions,
  type TrainerState,
} from './train/trainer/trainer.ts';
export type { TrainingTask } from './train/trainer/trainingTask.ts';
