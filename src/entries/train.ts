export { encodeExamples } from '../train/data/batch.ts';
export { type ColumnGuess, guessColumns } from '../train/data/guessColumns.ts';
export { readData } from '../train/data/labelledData.ts';
export { encodePairs } from '../train/data/pairEncoding.ts';
export { encodeQuestions, type WindowOptions } from '../train/data/questionWindows.ts';
export { foldSplit, oversample, type Split, stratifiedSplit } from '../train/data/split.ts';
export {
  embedDefaults,
  evaluateDefaults,
  fineTuneDefaults,
  fitDefaults,
  predictDefaults,
  pretrainDefaults,
  pretrainRecipeDefaults,
} from '../train/defaults.ts';
export * as metrics from '../train/metrics/index.ts';
export type { PipelineOptions, TextInput } from '../train/pipelines/encode.ts';
export {
  FeatureExtractionPipeline,
  type FeatureModel,
  type FeatureOptions,
} from '../train/pipelines/featureExtraction.ts';
export {
  type FilledMask,
  type FillMaskOptions,
  FillMaskPipeline,
} from '../train/pipelines/fillMask.ts';
export {
  type ChoiceInput,
  type ChosenText,
  MultipleChoicePipeline,
} from '../train/pipelines/multipleChoice.ts';
export { type PipelineTask, pipeline } from '../train/pipelines/pipeline.ts';
export {
  type QuestionAnsweringOptions,
  QuestionAnsweringPipeline,
  type QuestionInput,
} from '../train/pipelines/questionAnswering.ts';
export {
  type LabelScore,
  type Prediction,
  type PredictOptions,
  TextClassificationPipeline,
  type TopKOptions,
} from '../train/pipelines/textClassification.ts';
export {
  type EntityGroup,
  groupEntities,
  type TaggedWord,
  TokenClassificationPipeline,
  type WordsInput,
} from '../train/pipelines/tokenClassification.ts';
export { countBatches } from '../train/pretraining/batches.ts';
export {
  readPretraining,
  savePretraining,
} from '../train/pretraining/checkpoint.ts';
export { type CorpusOptions, type Document, openCorpus } from '../train/pretraining/corpus.ts';
export { evaluatePretraining, type PretrainScores } from '../train/pretraining/evaluate.ts';
export type {
  PretrainEvaluation,
  PretrainHistory,
  PretrainStep,
} from '../train/pretraining/history.ts';
export {
  ExampleBuilder,
  type Objective,
  type PretrainModel,
  pretrainModels,
} from '../train/pretraining/objective.ts';
export { pretrainPicture } from '../train/pretraining/picture.ts';
export {
  type PretrainCallbacks,
  type PretrainData,
  type PretrainOptions,
  type PretrainState,
  pretrainModel,
} from '../train/pretraining/pretrain.ts';
export type { AnswerPrediction } from '../train/recipes/answering.ts';
export type { Abstention, Calibration, WorstExample } from '../train/recipes/assess.ts';
export {
  type CheckDataOptions,
  type CheckDataResult,
  checkData,
  type DataProblem,
  type FileCheck,
  type SharedTexts,
} from '../train/recipes/checkData.ts';
export {
  type ConvertModelOptions,
  type ConvertModelResult,
  convertModel,
} from '../train/recipes/convertModel.ts';
export {
  type EmbedEvent,
  type EmbedOptions,
  type EmbedResult,
  embed,
} from '../train/recipes/embed.ts';
export {
  type EvaluateEvent,
  type EvaluateOptions,
  type EvaluateResult,
  evaluate,
} from '../train/recipes/evaluate.ts';
export type { InputEvent, InputEventOf, RecipeCallbacks } from '../train/recipes/events.ts';
export { type FineTuneOptions, fineTune } from '../train/recipes/fineTune.ts';
export type { FineTuneEvent } from '../train/recipes/fineTuneEvents.ts';
export type { FineTuneResult } from '../train/recipes/fineTuneRun.ts';
export {
  type CrossValidateEvent,
  type CrossValidateOptions,
  type CrossValidateResult,
  crossValidate,
} from '../train/recipes/folds.ts';
export { type MergeAdapterOptions, mergeAdapter } from '../train/recipes/mergeAdapter.ts';
export {
  type ExportOnnxFolderOptions,
  type ExportOnnxFolderResult,
  exportOnnxFolder,
} from '../train/recipes/onnx/exportFolder.ts';
export type { OnnxVerification, OutputComparison } from '../train/recipes/onnx/verify.ts';
export { assemblePage, type PageFileOptions } from '../train/recipes/pageFile.ts';
export {
  type PredictEvent,
  type PredictRecipeOptions,
  type PredictStreamOptions,
  predict,
  predictStream,
} from '../train/recipes/predict.ts';
export {
  type PredictFileEvent,
  type PredictFileOptions,
  type PredictFileResult,
  predictFile,
} from '../train/recipes/predictFile.ts';
export type {
  LabelPrediction,
  LabelsPrediction,
  PredictResult,
  WordsPrediction,
} from '../train/recipes/predictor.ts';
export { type PretrainRecipeOptions, pretrain } from '../train/recipes/pretrain.ts';
export type { PretrainEvent, PretrainResult } from '../train/recipes/pretrainRun.ts';
export type { Difference } from '../train/recipes/receipt/differences.ts';
export {
  type VerifiedHash,
  type VerifyCallbacks,
  type VerifyEvent,
  type VerifyOptions,
  type VerifyResult,
  verifyRun,
} from '../train/recipes/receipt/verify.ts';
export { type HistoryPanel, historyPanels } from '../train/recipes/report/panels.ts';
export type { ReportProfile } from '../train/recipes/report/reportProfile.ts';
export { type ReportOptions, writeReport } from '../train/recipes/report/writeReport.ts';
export type { Answer, FoundAnswer, Question } from '../train/tasks/spans.ts';
export type { Task, TaskName } from '../train/tasks/task.ts';
export { type TaskModel, taskOf } from '../train/tasks/taskModel.ts';
export { hasTrainingState } from '../train/trainer/checkpoint.ts';
export { getLastCheckpoint } from '../train/trainer/checkpoints.ts';
export { type Evaluation, evaluateExamples } from '../train/trainer/evaluate.ts';
export type { TrainingExample } from '../train/trainer/examples.ts';
export { type FitCallbacks, type FitOptions, fit } from '../train/trainer/fit.ts';
export { History } from '../train/trainer/history.ts';
export type { HalvedInTraining } from '../train/trainer/inMemory.ts';
export { historyPicture } from '../train/trainer/picture.ts';
export {
  Trainer,
  type TrainerCallbacks,
  type TrainerOptions,
  type TrainerState,
} from '../train/trainer/trainer.ts';
export type { TrainingTask } from '../train/trainer/trainingTask.ts';
export { type StepHash, weightsHash } from '../train/trainer/weightsHash.ts';
