import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkKeys } from '../../platform/usage.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength, type EncodedExample, encodeExamples } from '../data/batch.ts';

/** Options of `pipeline`, and of the pipelines' `fromPretrained`. */
export interface PipelineOptions {
  /** Tokenizer of a loaded model; for a folder, instead of the folder's. */
  tokenizer?: BertTokenizer;
}

/** Names of `PredictOptions`. */
const predictOptions = ['batchSize', 'maxLength', 'signal'];

/**
 * Checks what `predict` of a pipeline was given.
 * @param others names of options beside those of all pipelines
 * @throws UsageError unless `inputs` is a list, and for an option that there is not.
 */
export function checkPredict(
  inputs: unknown,
  options: object,
  others: readonly string[] = [],
): void {
  if (!Array.isArray(inputs))
    throw new UsageError(
      `predict: expected a list, \`predict([one, another])\`, got ${formatValue(inputs)}`,
    );
  checkKeys(options, [...predictOptions, ...others], 'option of predict');
}

/** A text, or a pair of texts. */
export type TextInput = string | readonly [string, string];

/**
 * Texts as ids, cut to `maxLength` tokens; by default to the most that model and tokenizer take.
 * @param stride as that of `encodeExamples`
 * @throws UsageError when `maxLength` is more than the model has positions for.
 */
export function encodeTexts(
  texts: readonly TextInput[],
  { config }: BertPreTrainedModel,
  tokenizer: BertTokenizer,
  maxLength: number = defaultMaxLength(config, tokenizer),
  stride?: number,
): EncodedExample[] {
  const examples = texts.map((input) => {
    const [text, pair] = typeof input === 'string' ? [input] : input;
    return { text, pair, label: undefined };
  });
  return encodeExamples(examples, tokenizer, maxLength, config.maxPositionEmbeddings, stride);
}
