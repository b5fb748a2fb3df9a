import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { type EncodedExample, encodeExamples } from './batch.ts';
import type { Example } from './labelledData.ts';

/**
 * Encodes the two texts of each pair apart, `[CLS] text [SEP]` each, for models that compare texts
 * by their vectors.
 * @throws UsageError when an example is not a pair, or `maxLength` exceeds the model's positions.
 * @example
 * const { examples } = await readData('pairs.tsv', { task: 'similarity' });
 * const encoded = encodePairs(examples, tokenizer, 64, model.config.maxPositionEmbeddings);
 * await fit(model, encoded); // a BertModel
 */
export function encodePairs(
  examples: readonly Omit<Example, 'line'>[],
  tokenizer: BertTokenizer,
  maxLength = Math.min(tokenizer.modelMaxLength, 512),
  maxPositions = maxLength,
): EncodedExample[] {
  const texts = examples.flatMap(({ text, pair }, i) => {
    if (pair === undefined)
      throw new UsageError(
        `example ${i}: similarity compares two texts: expected a pair, such as the columns ` +
          'sentence1 and sentence2, got one text',
      );
    return [text, pair].map((each) => ({ text: each, label: undefined }));
  });
  const encoded = encodeExamples(texts, tokenizer, maxLength, maxPositions);
  return examples.map(({ label }, i) => {
    const rows = encoded.slice(2 * i, 2 * i + 2);
    const inputIds = rows.flatMap((row) => row.inputIds);
    return {
      inputIds,
      tokenTypeIds: inputIds.map(() => 0),
      choiceLengths: rows.map((row) => row.inputIds.length),
      label,
      ...(rows.some(({ truncated }) => truncated) && { truncated: true }),
    };
  });
}
