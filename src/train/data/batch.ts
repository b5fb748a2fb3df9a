import type { BertConfig } from '../../bert/config.ts';
import { UsageError } from '../../platform/errors.ts';
import { type HostTensor, IGNORE_INDEX } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { classification } from '../tasks/classification.ts';
import type { Label, Task } from '../tasks/task.ts';
import type { Example } from './labelledData.ts';

/** An example as ids. */
export interface EncodedExample {
  inputIds: number[];
  tokenTypeIds: number[];
  /** As in `Example`, but of tags: one for each token, -100 where it is not the first of a word. Absent where unknown. */
  label?: Label;
}

/** Lengths are rounded up to this: few different shapes, and rows that vectors divide. Masked, so results are the same. */
export const PAD_TO_MULTIPLE_OF = 8;

/**
 * Encodes texts to at most `maxLength` tokens, special ones included. Words are encoded one by one, and what is cut
 * off loses its tag.
 * @throws UsageError when that is more than the model has positions for.
 */
export function encodeExamples(
  examples: readonly Omit<Example, 'line'>[],
  tokenizer: BertTokenizer,
  maxLength: number,
  maxPositions: number,
): EncodedExample[] {
  checkMaxLength(maxLength, maxPositions);
  return examples.map(({ text, pair, words, label }) => {
    if (words) return encodeWords(words, label as number[] | undefined, tokenizer, maxLength);
    const { inputIds, tokenTypeIds } = tokenizer.encode(text, pair, {
      maxLength,
      truncation: 'longest_first',
    });
    return { inputIds, tokenTypeIds, label };
  });
}

/** The longest text that both a model and its tokenizer are made for, in tokens. */
export const defaultMaxLength = (
  { maxPositionEmbeddings }: BertConfig,
  { modelMaxLength }: BertTokenizer,
): number => Math.min(maxPositionEmbeddings, modelMaxLength);

/** @throws UsageError for more tokens than the model has positions for. */
export function checkMaxLength(maxLength: number, maxPositions: number): void {
  if (maxLength > maxPositions) {
    throw new UsageError(
      `a max length of ${maxLength} is more than the model's ${maxPositions} positions: choose ${maxPositions} or less`,
    );
  }
}

function encodeWords(
  words: string[],
  tags: number[] | undefined,
  tokenizer: BertTokenizer,
  maxLength: number,
): EncodedExample {
  const inputIds = [tokenizer.clsTokenId];
  const label = [IGNORE_INDEX];
  words.forEach((word, i) => {
    const ids = tokenizer.convertTokensToIds(tokenizer.tokenize(word));
    inputIds.push(...ids);
    label.push(...ids.map((_, piece) => (piece === 0 && tags ? tags[i] : IGNORE_INDEX)));
  });
  inputIds.length = label.length = Math.min(inputIds.length, maxLength - 1);
  inputIds.push(tokenizer.sepTokenId);
  label.push(IGNORE_INDEX);
  return { inputIds, tokenTypeIds: inputIds.map(() => 0), label: tags && label };
}

/** What a model takes for a batch. */
export type Batch = Record<'inputIds' | 'attentionMask' | 'tokenTypeIds' | 'labels', HostTensor>;

/** A labelled batch on the host: ids padded to one length, and labels. */
export function collate(
  examples: readonly EncodedExample[],
  padTokenId: number,
  maxPositions: number,
  task: Pick<Task, 'collate'> = classification,
): Batch {
  const inputs = collateInputs(examples, padTokenId, maxPositions);
  const labels = examples.map(({ label }) => label!);
  return { ...inputs, labels: task.collate(labels, inputs.inputIds.shape[1]) };
}

/** The same without labels; the length is rounded up to a multiple of `padToMultipleOf`. */
export function collateInputs(
  examples: readonly EncodedExample[],
  padTokenId: number,
  maxPositions: number,
  padToMultipleOf = PAD_TO_MULTIPLE_OF,
): Omit<Batch, 'labels'> {
  const longest = Math.max(...examples.map(({ inputIds }) => inputIds.length));
  const length = Math.min(maxPositions, Math.ceil(longest / padToMultipleOf) * padToMultipleOf);
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
  };
}

/** Tokens in a batch, padding not counted. */
export const countTokens = (examples: readonly EncodedExample[]): number =>
  examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
