import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { checkMaxLength, type EncodedExample } from './batch.ts';
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
  checkMaxLength(maxLength, maxPositions);
  return examples.map(({ text, pair, label }, i) => {
    if (pair === undefined)
      throw new UsageError(
        `example ${i}: similarity compares two texts: expected a pair, such as the columns ` +
          'sentence1 and sentence2, got one text',
      );
    const rows = [text, pair].map((each) => {
      const { inputIds } = tokenizer.encode(each, null, { maxLength, truncation: true });
      const isCut = inputIds.length === maxLength;
      return { inputIds, isCut: isCut && tokenizer.tokenize(each).length + 2 > maxLength };
    });
    const inputIds = rows.flatMap((row) => row.inputIds);
    return {
      inputIds,
      tokenTypeIds: inputIds.map(() => 0),
      choiceLengths: rows.map((row) => row.inputIds.length),
      label,
      ...(rows.some(({ isCut }) => isCut) && { truncated: true }),
    };
  });
}
