import * as v from 'valibot';
import { UsageError } from '../platform/errors.ts';
import { formatValue, isObject, snakeCase } from '../platform/format.ts';
import { checkDepth, maxLabels, readLabels } from './checkpoint/configJson.ts';
import { quantizationConfig, type WeightDtype } from './checkpoint/torchDtype.ts';

/**
 * `gelu` and `gelu_python` are the exact function (erf); `gelu_new` and `gelu_pytorch_tanh` are its
 * tanh approximation.
 */
const activations = [
  'gelu',
  'gelu_python',
  'gelu_new',
  'gelu_pytorch_tanh',
  'relu',
  'tanh',
] as const;
const problemTypes = [
  'regression',
  'single_label_classification',
  'multi_label_classification',
] as const;

export type HiddenAct = (typeof activations)[number];
export type ProblemType = (typeof problemTypes)[number];

/** Configuration of a BERT model, with Hugging Face's names and defaults (`bert-base-uncased`). */
export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
  readonly hiddenAct: HiddenAct;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  readonly maxPositionEmbeddings: number;
  readonly typeVocabSize: number;
  /** Standard deviation of fresh weights. */
  readonly initializerRange: number;
  readonly layerNormEps: number;
  /** The row of the word embeddings that gets no gradient from the look-up. */
  readonly padTokenId: number;
  readonly positionEmbeddingType: 'absolute';
  /** Causal attention, for `BertLMHeadModel` and the like. Default: false. */
  readonly isDecoder?: boolean;
  /** True if the decoder of the masked language model shares the word embeddings. */
  readonly tieWordEmbeddings: boolean;
  /** Dropout before the classifier; null: as `hiddenDropoutProb`. */
  readonly classifierDropout: number | null;
  /** Which loss a classifier trains with; null: decided by the labels. */
  readonly problemType: ProblemType | null;
  /** Class number to label, 0 to `numLabels` - 1. */
  readonly id2label: Readonly<Record<number, string>>;
  /** The inverse of `id2label`. */
  readonly label2id: Readonly<Record<string, number>>;
  readonly numLabels: number;
  /** Fields of config.json that are not used here; they are written back unchanged. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The sizes of Google's BERT-Tiny, for `bertConfig`. */
export const bertTiny = {
  hiddenSize: 128,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 512,
} as const;

/** The sizes of BERT-Base, for `bertConfig`. */
export const bertBase = {
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
} as const;

/** The sizes of BERT-Large, for `bertConfig`. */
export const bertLarge = {
  hiddenSize: 1024,
  numHiddenLayers: 24,
  numAttentionHeads: 16,
  intermediateSize: 4096,
} as const;

/**
 * A configuration with defaults for missing fields. Labels come from `id2label`, `label2id` or
 * `numLabels` (`LABEL_0`, `LABEL_1`…), which have to agree; two labels by default.
 * @throws UsageError for a field that is unknown or out of range.
 * @example
 * const config = bertConfig({ ...bertTiny, vocabSize: 8000, numLabels: 3 });
 */
export function bertConfig(partial: Partial<BertConfig> = {}): BertConfig {
  return validate(partial, 'bertConfig', (field) => field);
}

/**
 * The three label fields for labels in this order:
 * `bertConfig({ ...config, ...labelFields(['no', 'yes']) })`.
 * @throws UsageError for anything else than a list of texts, and when a label occurs twice.
 * @example
 * const config = bertConfig({ ...bertTiny, ...labelFields(['bad', 'good']) });
 * console.log(config.id2label[1]); // good
 */
export function labelFields(
  labels: readonly string[],
): Pick<BertConfig, 'id2label' | 'label2id' | 'numLabels'> {
  const areTexts = Array.isArray(labels) && labels.every((label) => typeof label === 'string');
  if (!areTexts)
    throw new UsageError(`labels: expected a list of texts, got ${formatValue(labels)}`);
  const seen = new Set<string>();
  for (const label of labels) {
    if (seen.has(label))
      throw new UsageError(`the label ${formatValue(label)} occurs twice; labels must differ`);
    seen.add(label);
  }
  return {
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    numLabels: labels.length,
  };
}

/**
 * The configuration in a parsed config.json; `source` names the file in messages. `is_decoder` may
 * be true only with `decoders`. Labels are read as Hugging Face reads them: `id2label` counts,
 * whatever `label2id` and `num_labels` say; the weights decide whether their number is right.
 * @throws UsageError for another model type, a field out of range, or labels that are equal.
 */
export function parseBertConfig(json: unknown, source: string, decoders = false): BertConfig {
  if (!isObject(json))
    throw new UsageError(`${source}: expected a JSON object, got ${formatValue(json)}`);
  // The oldest BERT folders have no model_type.
  const { model_type: modelType = 'bert' } = json;
  if (modelType !== 'bert')
    throw new UsageError(
      `${source}: model_type: expected "bert", got ${formatValue(modelType)}: models of another ` +
        'type have other layers or another tokenizer; choose a BERT model instead, such as ' +
        'google-bert/bert-base-multilingual-cased or klue/bert-base',
    );
  for (const field of [...(decoders ? [] : ['is_decoder']), 'add_cross_attention'])
    if (json[field] === true)
      throw new UsageError(`${source}: ${field}: expected false (an encoder), got true`);

  checkDepth(json, source);
  const labels = labelFields(readLabels(json, source));
  const entries = Object.entries(json).filter(
    // Old checkpoints have no padding row.
    ([name, value]) => !(name === 'pad_token_id' && value === null),
  );
  const known = entries.filter(([name]) => fieldByJsonName.has(name));
  const extra = entries.filter(([name]) => !fieldByJsonName.has(name) && !rewrittenNames.has(name));
  const input = Object.fromEntries(
    known.map(([name, value]) => [fieldByJsonName.get(name)!, value]),
  );
  return validate({ ...input, ...labels, extra: Object.fromEntries(extra) }, source, snakeCase);
}

/** The text of a config.json that Python's `BertConfig.from_pretrained` reads. */
export function configToJson(
  config: BertConfig,
  architectures: readonly string[],
  weightDtype: WeightDtype = 'float32',
): string {
  const { extra, numLabels: _derived, ...fields } = config;
  const json = {
    ...extra,
    ...Object.fromEntries(
      Object.entries(fields).map(([field, value]) => [snakeCase(field), value]),
    ),
    architectures,
    model_type: 'bert',
    torch_dtype: weightDtype === 'int8' ? 'float32' : weightDtype,
    ...(weightDtype === 'int8' && { quantization_config: quantizationConfig }),
  };
  const sorted = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

const integerAtLeast = (minimum: number) => {
  const expected = `a whole number, ${minimum} or more`;
  return v.pipe(v.number(expected), v.safeInteger(expected), v.minValue(minimum, expected));
};
const probability = (() => {
  const expected = 'a probability, 0 or more and below 1';
  return v.pipe(v.number(expected), v.minValue(0, expected), v.ltValue(1, expected));
})();
const positive = v.pipe(
  v.number('a number above 0'),
  v.finite('a number above 0'),
  v.gtValue(0, 'a number above 0'),
);
const oneOf = <const T extends readonly string[]>(values: T) =>
  v.picklist(values, `one of ${values.join(', ')}`);
// Not valibot's record, which drops keys such as "constructor".
const jsonObject = v.custom<Record<string, unknown>>(isObject, 'an object');

const schema = v.strictObject({
  vocabSize: v.optional(integerAtLeast(1), 30522),
  hiddenSize: v.optional(integerAtLeast(1), bertBase.hiddenSize),
  numHiddenLayers: v.optional(integerAtLeast(1), bertBase.numHiddenLayers),
  numAttentionHeads: v.optional(integerAtLeast(1), bertBase.numAttentionHeads),
  intermediateSize: v.optional(integerAtLeast(1), bertBase.intermediateSize),
  hiddenAct: v.optional(oneOf(activations), 'gelu'),
  hiddenDropoutProb: v.optional(probability, 0.1),
  attentionProbsDropoutProb: v.optional(probability, 0.1),
  maxPositionEmbeddings: v.optional(integerAtLeast(1), 512),
  typeVocabSize: v.optional(integerAtLeast(1), 2),
  initializerRange: v.optional(positive, 0.02),
  layerNormEps: v.optional(positive, 1e-12),
  padTokenId: v.optional(integerAtLeast(0), 0),
  positionEmbeddingType: v.optional(v.literal('absolute', 'absolute'), 'absolute'),
  isDecoder: v.optional(v.boolean('true or false')),
  tieWordEmbeddings: v.optional(v.boolean('true or false'), true),
  classifierDropout: v.optional(v.nullable(probability), null),
  problemType: v.optional(v.nullable(oneOf(problemTypes)), null),
  id2label: v.nullish(jsonObject),
  label2id: v.nullish(jsonObject),
  // Limited, since each label gets a name before the weights can confirm the number.
  numLabels: v.nullish(v.pipe(integerAtLeast(1), v.maxValue(maxLabels, `at most ${maxLabels}`))),
  extra: v.optional(jsonObject, {}),
});

const fieldByJsonName = new Map(
  Object.keys(schema.entries)
    .filter((field) => field !== 'extra')
    .map((field) => [snakeCase(field), field]),
);
/** Fields about the stored weights, or that follow from others: they are written from these. */
const rewrittenNames = new Set([
  'architectures',
  'model_type',
  'torch_dtype',
  'dtype',
  'quantization_config',
  '_num_labels',
]);

function validate(input: object, source: string, fieldName: (field: string) => string): BertConfig {
  const refuse = (field: string, value: unknown, expected: string): never => {
    throw new UsageError(
      `${source}: ${fieldName(field)}: expected ${expected}, got ${formatValue(value)}`,
    );
  };
  const result = v.safeParse(schema, input);
  if (!result.success) {
    const [issue] = result.issues;
    const field = String(issue.path?.[0].key);
    if (issue.expected === 'never')
      throw new UsageError(
        `${source}: expected one of the fields ${[...fieldByJsonName.values()].join(', ')}, ` +
          `got ${field}`,
      );
    return refuse(field, issue.input, issue.message);
  }

  const { id2label, label2id, numLabels, ...fields } = result.output;
  const { hiddenSize, numAttentionHeads, padTokenId, vocabSize } = fields;
  if (hiddenSize % numAttentionHeads !== 0)
    refuse(
      'hiddenSize',
      hiddenSize,
      `a multiple of ${fieldName('numAttentionHeads')}, ${numAttentionHeads}`,
    );
  if (padTokenId >= vocabSize)
    refuse('padTokenId', padTokenId, `a token below ${fieldName('vocabSize')}, ${vocabSize}`);

  let labels = Array.from({ length: numLabels ?? 2 }, (_, id) => `LABEL_${id}`);
  if (id2label) {
    labels = Object.values(id2label) as string[];
    if (
      labels.length === 0 ||
      labels.some((label, id) => id2label[id] !== label || typeof label !== 'string')
    )
      refuse(
        'id2label',
        id2label,
        'a label (a string) for each class number from 0, without a gap',
      );
    if (new Set(labels).size < labels.length) refuse('id2label', id2label, 'labels that differ');
  } else if (label2id) {
    labels = Object.keys(label2id).sort((a, b) => Number(label2id[a]) - Number(label2id[b]));
  }
  if (
    label2id &&
    (Object.keys(label2id).length !== labels.length ||
      !labels.every((label, id) => label2id[label] === id))
  )
    refuse(
      'label2id',
      label2id,
      id2label ? `the inverse of id2label, or none` : 'the class numbers 0, 1, 2… once each',
    );
  if (labels.length !== (numLabels ?? labels.length))
    refuse('numLabels', numLabels, `${labels.length}, the number of labels in id2label, or none`);
  return { ...fields, ...labelFields(labels) };
}
