import {
  BertBiBackbone,
  BertBiLMForSequenceClassification,
  BertBiLMHeadModel,
} from './baselines/bidirectional.ts';
import { BiLstmModel } from './baselines/bilstm.ts';
import { BiLstmForSequenceClassification, BiLstmLMHeadModel } from './baselines/bilstmHeads.ts';
import { BertLMForSequenceClassification, BertLMHeadModel } from './baselines/causal.ts';
import { CbowForSequenceClassification, CbowLMHeadModel, CbowModel } from './baselines/cbow.ts';
import { SkipGramLMHeadModel } from './baselines/skipGram.ts';
import { BertForMaskedLM } from './heads/maskedLM.ts';
import { BertForMultipleChoice } from './heads/multipleChoice.ts';
import { BertForNextSentencePrediction } from './heads/nextSentencePrediction.ts';
import { BertForPreTraining } from './heads/preTraining.ts';
import { BertForQuestionAnswering } from './heads/questionAnswering.ts';
import { BertForSequenceClassification } from './heads/sequenceClassification.ts';
import { BertForTokenClassification } from './heads/tokenClassification.ts';
import { BertBackbone, BertModel } from './model.ts';
import type { BertPreTrainedModel, ModelClass } from './pretrainedModel.ts';

/** The encoder that a model stands on. All but `bert` are baselines for comparison. */
export type Family = 'bert' | 'causal' | 'bidirectional' | 'bilstm' | 'cbow';

/** What a model puts on its encoder. */
export type Head =
  | 'none'
  | 'pooler'
  | 'masked-lm'
  | 'next-sentence-prediction'
  | 'pretraining'
  | 'sequence-classification'
  | 'token-classification'
  | 'question-answering'
  | 'multiple-choice'
  | 'causal-lm'
  | 'bidirectional-lm'
  | 'cbow-lm'
  | 'skip-gram-lm';

interface ArchitectureEntry {
  /** Its static `architecture` is the name in config.json. */
  readonly Model: ModelClass<BertPreTrainedModel>;
  readonly family: Family;
  readonly head: Head;
  /** What it is pre-trained for, by the name of the option. */
  readonly objective?: string;
}

/** Every model there is. AutoModel, pipelines, tasks, pre-training and the study look here. */
export const architectures = [
  { Model: BertModel, family: 'bert', head: 'pooler' },
  { Model: BertBackbone, family: 'bert', head: 'none' },
  { Model: BertForMaskedLM, family: 'bert', head: 'masked-lm', objective: 'mlm' },
  {
    Model: BertForNextSentencePrediction,
    family: 'bert',
    head: 'next-sentence-prediction',
    objective: 'nsp',
  },
  { Model: BertForPreTraining, family: 'bert', head: 'pretraining', objective: 'mlm+nsp' },
  { Model: BertForSequenceClassification, family: 'bert', head: 'sequence-classification' },
  { Model: BertForTokenClassification, family: 'bert', head: 'token-classification' },
  { Model: BertForQuestionAnswering, family: 'bert', head: 'question-answering' },
  { Model: BertForMultipleChoice, family: 'bert', head: 'multiple-choice' },
  { Model: CbowModel, family: 'cbow', head: 'none' },
  { Model: CbowLMHeadModel, family: 'cbow', head: 'cbow-lm', objective: 'cbow' },
  {
    Model: SkipGramLMHeadModel,
    family: 'cbow',
    head: 'skip-gram-lm',
    objective: 'skip-gram',
  },
  { Model: CbowForSequenceClassification, family: 'cbow', head: 'sequence-classification' },
  { Model: BertLMHeadModel, family: 'causal', head: 'causal-lm', objective: 'causal' },
  { Model: BertLMForSequenceClassification, family: 'causal', head: 'sequence-classification' },
  { Model: BertBiBackbone, family: 'bidirectional', head: 'none' },
  {
    Model: BertBiLMHeadModel,
    family: 'bidirectional',
    head: 'bidirectional-lm',
    objective: 'joined',
  },
  {
    Model: BertBiLMForSequenceClassification,
    family: 'bidirectional',
    head: 'sequence-classification',
  },
  { Model: BiLstmModel, family: 'bilstm', head: 'none' },
  { Model: BiLstmLMHeadModel, family: 'bilstm', head: 'bidirectional-lm', objective: 'bilstm' },
  { Model: BiLstmForSequenceClassification, family: 'bilstm', head: 'sequence-classification' },
] as const satisfies readonly ArchitectureEntry[];

export type Architecture = (typeof architectures)[number];

/** Models with a head, of any family. */
export type ModelOf<H extends Head> = InstanceType<Extract<Architecture, { head: H }>['Model']>;

/** Encoder of each family without a head: what features are read from. */
export const backbones = {
  bert: BertBackbone,
  causal: BertBackbone,
  bidirectional: BertBiBackbone,
  bilstm: BiLstmModel,
  cbow: CbowModel,
} as const satisfies Record<Family, ModelClass<BertPreTrainedModel>>;

export type Backbone = InstanceType<(typeof backbones)[Family]>;

/** The head that each task trains. */
export const taskHeads = {
  classification: 'sequence-classification',
  'multi-label': 'sequence-classification',
  regression: 'sequence-classification',
  'token-classification': 'token-classification',
  'question-answering': 'question-answering',
  'multiple-choice': 'multiple-choice',
  similarity: 'pooler',
} as const satisfies Record<string, Head>;

/** What a model is trained for. */
export type TaskName = keyof typeof taskHeads;

/** The entry of an `architectures` name in config.json. */
export const findArchitecture = (name: string | undefined): Architecture | undefined =>
  architectures.find(({ Model }) => Model.architecture === name);

/** Class of a family with a head; undefined when the family has none. */
export function findModelClass<H extends Head>(
  head: H,
  family: Family = 'bert',
): ModelClass<ModelOf<H>> | undefined {
  const entry = architectures.find((each) => each.head === head && each.family === family);
  return entry?.Model as unknown as ModelClass<ModelOf<H>> | undefined;
}
