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
} from '../bert/auto.ts';
export {
  BertBiBackbone,
  BertBiLMForSequenceClassification,
  BertBiLMHeadModel,
  type BiLMOutput,
} from '../bert/baselines/bidirectional.ts';
export { BiLstmModel } from '../bert/baselines/bilstm.ts';
export {
  BiLstmForSequenceClassification,
  BiLstmLMHeadModel,
} from '../bert/baselines/bilstmHeads.ts';
export {
  BertLMForSequenceClassification,
  BertLMHeadModel,
  type CausalLMInputs,
  type CausalLMOutput,
} from '../bert/baselines/causal.ts';
export {
  CbowForSequenceClassification,
  type CbowInputs,
  CbowLMHeadModel,
  CbowModel,
  type CbowOutput,
} from '../bert/baselines/cbow.ts';
export { SkipGramLMHeadModel, type SkipGramOutput } from '../bert/baselines/skipGram.ts';
export { type ExportOnnxOptions, exportOnnx } from '../bert/checkpoint/onnx/exportOnnx.ts';
export type { WeightDtype } from '../bert/checkpoint/torchDtype.ts';
export {
  type BertConfig,
  bertBase,
  bertConfig,
  bertLarge,
  bertTiny,
  labelFields,
} from '../bert/config.ts';
export { BertForMaskedLM, type MaskedLMOutput } from '../bert/heads/maskedLM.ts';
export {
  BertForMultipleChoice,
  type MultipleChoiceInputs,
  type MultipleChoiceOutput,
} from '../bert/heads/multipleChoice.ts';
export {
  BertForNextSentencePrediction,
  type NextSentenceInputs,
  type NextSentenceOutput,
} from '../bert/heads/nextSentencePrediction.ts';
export type { MaskedLMInputs } from '../bert/heads/predictionHead.ts';
export {
  BertForPreTraining,
  type PreTrainingInputs,
  type PreTrainingOutput,
} from '../bert/heads/preTraining.ts';
export {
  BertForQuestionAnswering,
  type QuestionAnsweringInputs,
  type QuestionAnsweringOutput,
} from '../bert/heads/questionAnswering.ts';
export {
  BertForSequenceClassification,
  SequenceClassifier,
  type SequenceClassifierInputs,
  type SequenceClassifierOutput,
} from '../bert/heads/sequenceClassification.ts';
export {
  BertForTokenClassification,
  type TokenClassifierInputs,
  type TokenClassifierOutput,
} from '../bert/heads/tokenClassification.ts';
export { freezeEncoder } from '../bert/layers/freeze.ts';
export { type AdapterOptions, getPeftModel } from '../bert/layers/lora/getPeftModel.ts';
export { PeftModel } from '../bert/layers/lora/peftModel.ts';
export { BertBackbone, BertModel, type BertModelOutput } from '../bert/model.ts';
export type { BertInputs, LossInputs } from '../bert/modelInputs.ts';
export {
  BertPreTrainedModel,
  type LoadReport,
  type PretrainedOptions,
  type SaveOptions,
} from '../bert/pretrainedModel.ts';
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
} from '../bert/pretraining/index.ts';
export type { DownloadProgress } from '../formats/downloadProgress.ts';
export { type FindModelOptions, findModel } from '../formats/hub.ts';
export {
  type AdaptedModel,
  ModelFolder,
  type ModelSource,
  type OpenModelOptions,
  openModelFolder,
} from '../formats/modelFolder.ts';
export { type LoraConfig, loraDefaults } from '../nn/lora/loraConfig.ts';
