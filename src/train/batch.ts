import type { BertTokenizer } from '../bert/tokenizer/index.ts';
import { UsageError } from '../platform/errors.ts';
import type { HostTensor } from '../tensor/index.ts';
import type { Example } from './data.ts';

/** An example as ids. */
export interface EncodedExample {
  inputIds: number[];
  tokenTypeIds: number[];
  /** Class number; -1 where there is none. */
  label: number;
}

/** Lengths are rounded up to this: few different shapes, and rows that vectors divide. Masked, so results are the same. */
const LENGTH_STEP = 8;

/**
 * Encodes texts to at most `maxLength` tokens, special ones included.
 * @throws UsageError when that is more than the model has positions for.
 */
export function encodeExamples(
  examples: readonly Pick<Example, 'text' | 'pair' | 'label'>[],
  tokenizer: BertTokenizer,
  maxLength: number,
  maxPositions: number,
): EncodedExample[] {
  if (maxLength > maxPositions) {
    throw new UsageError(
      `a max length of ${maxLength} is more than the model's ${maxPositions} positions: choose ${maxPositions} or less`,
    );
  }
  return examples.map(({ text, pair, label }) => {
    const { inputIds, tokenTypeIds } = tokenizer.encode(text, pair, {
      maxLength,
      truncation: 'longest_first',
    });
    return { inputIds, tokenTypeIds, label: label ?? -1 };
  });
}

/** What a classifier takes for a batch. */
export type Batch = Record<'inputIds' | 'attentionMask' | 'tokenTypeIds' | 'labels', HostTensor>;

/** A batch on the host: ids padded to one length, and labels. */
export function collate(examples: readonly EncodedExample[], padTokenId: number, maxPositions: number): Batch {
  const longest = Math.max(...examples.map(({ inputIds }) => inputIds.length));
  const length = Math.min(maxPositions, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP);
  const shape = [examples.length, length];
  const ids = new Int32Array(examples.length * length).fill(padTokenId);
  const mask = new Int32Array(ids.length);
  const types = new Int32Array(ids.length);
  examples.forEach(({ inputIds, tokenTypeIds }, row) => {
    ids.set(inputIds, row * length);
    types.set(tokenTypeIds, row * length);
    mask.fill(1, row * length, row * length + inputIds.length);
  });
  return {
    inputIds: { data: ids, shape },
    attentionMask: { data: mask, shape },
    tokenTypeIds: { data: types, shape },
    labels: { data: Int32Array.from(examples, ({ label }) => label), shape: [examples.length] },
  };
}

/** Tokens in a batch, padding not counted. */
export const countTokens = (examples: readonly EncodedExample[]): number =>
  examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
