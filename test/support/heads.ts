import type { BertConfig, BertPreTrainedModel, PretrainedOptions } from '../../src/entries/bert.ts';
import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
} from '../../src/entries/bert.ts';

interface BertClass {
  fromConfig(config: BertConfig, seed?: number): BertPreTrainedModel;
  fromPretrained(dir: string, options?: PretrainedOptions): Promise<BertPreTrainedModel>;
}

const dense = (name: string) => [`${name}.weight`, `${name}.bias`];
const pooler = dense('bert.pooler.dense');
const predictions = [
  'cls.predictions.bias',
  ...dense('cls.predictions.transform.dense'),
  ...dense('cls.predictions.transform.LayerNorm'),
];
const relationship = dense('cls.seq_relationship');
const classifier = dense('classifier');

/** Every class, with the names that Hugging Face stores for it outside embeddings and encoder. */
export const heads = {
  BertModel: { Model: BertModel, names: pooler },
  BertForPreTraining: {
    Model: BertForPreTraining,
    names: [...pooler, ...predictions, ...relationship],
  },
  BertForMaskedLM: { Model: BertForMaskedLM, names: predictions },
  BertForNextSentencePrediction: {
    Model: BertForNextSentencePrediction,
    names: [...pooler, ...relationship],
  },
  BertForSequenceClassification: {
    Model: BertForSequenceClassification,
    names: [...pooler, ...classifier],
  },
  BertForTokenClassification: { Model: BertForTokenClassification, names: classifier },
  BertForQuestionAnswering: { Model: BertForQuestionAnswering, names: dense('qa_outputs') },
  BertForMultipleChoice: { Model: BertForMultipleChoice, names: [...pooler, ...classifier] },
} as const satisfies Record<string, { Model: BertClass; names: readonly string[] }>;
export type HeadName = keyof typeof heads;
/** One class, with the common type. */
export const classOf = (head: HeadName): BertClass => heads[head].Model;
export const headNames = Object.keys(heads) as HeadName[];

const layer = [
  ...[
    'attention.self.query',
    'attention.self.key',
    'attention.self.value',
    'attention.output.dense',
  ].flatMap(dense),
  ...[
    'attention.output.LayerNorm',
    'intermediate.dense',
    'output.dense',
    'output.LayerNorm',
  ].flatMap(dense),
];
const embeddings = [
  'word_embeddings.weight',
  'position_embeddings.weight',
  'token_type_embeddings.weight',
  ...dense('LayerNorm'),
];

/** All names that Hugging Face stores for a class with `layers` layers, sorted. */
export function storedNames(head: HeadName, layers: number): string[] {
  const encoder = Array.from({ length: layers }, (_, i) =>
    layer.map((name) => `encoder.layer.${i}.${name}`),
  ).flat();
  const names = [
    ...[...embeddings.map((name) => `embeddings.${name}`), ...encoder].map(
      (name) => `bert.${name}`,
    ),
  ];
  const all = [...names, ...heads[head].names];
  // A bare encoder is its own root.
  return all.map((name) => (head === 'BertModel' ? name.replace(/^bert\./, '') : name)).sort();
}
