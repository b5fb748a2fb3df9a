import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength, type EncodedExample, encodeExamples } from '../data/batch.ts';

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
