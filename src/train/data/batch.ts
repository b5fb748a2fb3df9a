import type { BertConfig } from '../../bert/config.ts';
import { UsageError } from '../../platform/errors.ts';
import { type HostTensor, IGNORE_INDEX } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { classification } from '../tasks/classification.ts';
import type { ContextWindow } from '../tasks/spans.ts';
import type { Label, Task } from '../tasks/task.ts';
import { collateChoices, encodeChoices } from './choiceEncoding.ts';
import { checkStride, encodeWindows, type Window } from './documents.ts';
import type { Example } from './labelledData.ts';

/** An example as token ids. */
export interface EncodedExample {
  inputIds: number[];
  tokenTypeIds: number[];
  /**
   * As in `Example`; tags are per token, -100 for tokens that are not the first of a word.
   * Undefined without a label.
   */
  label?: Label;
  /**
   * The windows of a longer text after the first, if there are any (`stride`): what is predicted is
   * the mean over all.
   */
  overflow?: Window[];
  /** True if the end of the text was cut off. */
  truncated?: true;
  /** How many words were cut off, and how many have no token, such as blanks; absent if none. */
  lostWords?: { cut: number; withoutToken: number };
  /** The window of a context that a question is about. */
  window?: ContextWindow;
  /** The number of tokens of each choice, one of which follows the other in `inputIds`. */
  choiceLengths?: number[];
}

/**
 * Lengths are padded to multiples of this: there are fewer shapes, and vectors divide the rows.
 * Padding is masked, so results do not change.
 */
export const PAD_TO_MULTIPLE_OF = 8;

/**
 * Encodes texts to at most `maxLength` tokens, including special ones: by default the tokenizer's
 * `modelMaxLength`, and 512 at most. Words with tags are encoded one by one; tags of truncated
 * words are lost.
 * @param stride splits longer texts into windows that repeat so many tokens of the one before
 * (`overflow`), instead of cutting them; not for words with tags
 * @throws UsageError when `maxLength` exceeds the positions of the model, or `stride` a window.
 * @example
 * const { examples } = await readData('reviews.tsv');
 * const encoded = encodeExamples(examples, tokenizer, 64, model.config.maxPositionEmbeddings);
 * await fit(model, encoded);
 */
export function encodeExamples(
  examples: readonly Omit<Example, 'line'>[],
  tokenizer: BertTokenizer,
  maxLength = Math.min(tokenizer.modelMaxLength, 512),
  maxPositions = maxLength,
  stride?: number,
): EncodedExample[] {
  checkMaxLength(maxLength, maxPositions);
  checkStride(stride);
  return examples.map(({ text, pair, words, choices, label }) => {
    if (choices) return { ...encodeChoices(text, choices, tokenizer, maxLength), label };
    if (words) return encodeWords(words, label as number[] | undefined, tokenizer, maxLength);
    if (stride !== undefined) {
      const [first, ...more] = encodeWindows(text, pair, tokenizer, maxLength, stride);
      return { ...first, label, ...(more.length > 0 && { overflow: more }) };
    }
    const { inputIds, tokenTypeIds } = tokenizer.encode(text, pair, {
      maxLength,
      truncation: 'longest_first',
    });
    const isFull = inputIds.length === maxLength;
    const truncated = isFull && lengthOf(text, pair, tokenizer) > maxLength;
    return { inputIds, tokenTypeIds, label, ...(truncated && { truncated }) };
  });
}

/** Length of a text or pair in tokens, special ones included. */
function lengthOf(text: string, pair: string | undefined, tokenizer: BertTokenizer): number {
  const length = tokenizer.tokenize(text).length + 2;
  return pair === undefined ? length : length + tokenizer.tokenize(pair).length + 1;
}

/**
 * Largest length in tokens that both a model and its tokenizer support.
 * @param limit what counts instead of the tokenizer's limit, if there is such a length
 */
export const defaultMaxLength = (
  { maxPositionEmbeddings }: BertConfig,
  { modelMaxLength }: BertTokenizer,
  limit = modelMaxLength,
): number => Math.min(maxPositionEmbeddings, limit);

/** @throws UsageError unless `maxLength` is a whole number ≤ the positions of the model. */
export function checkMaxLength(maxLength: number, maxPositions: number): void {
  if (!Number.isInteger(maxLength) || maxLength < 1)
    throw new UsageError(`\`maxLength\`: expected a whole number ≥ 1, got ${maxLength}`);
  if (maxLength > maxPositions) {
    throw new UsageError(
      `\`maxLength\`: expected at most the ${maxPositions} positions of the model, ` +
        `got ${maxLength}`,
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
  const lostWords = { cut: 0, withoutToken: 0 };
  words.forEach((word, i) => {
    const ids = tokenizer.convertTokensToIds(tokenizer.tokenize(word));
    if (ids.length === 0) lostWords.withoutToken++;
    else if (inputIds.length >= maxLength - 1) lostWords.cut++;
    inputIds.push(...ids);
    label.push(...ids.map((_, piece) => (piece === 0 && tags ? tags[i] : IGNORE_INDEX)));
  });
  inputIds.length = label.length = Math.min(inputIds.length, maxLength - 1);
  inputIds.push(tokenizer.sepTokenId);
  label.push(IGNORE_INDEX);
  const hasLost = lostWords.cut + lostWords.withoutToken > 0;
  return {
    ...{ inputIds, tokenTypeIds: inputIds.map(() => 0), label: tags && label },
    ...(hasLost && { lostWords }),
  };
}

/**
 * Inputs of a model for a batch: ids, mask and types are [rows, length], of choices [rows, choices,
 * length].
 */
export type Batch = Record<'inputIds' | 'attentionMask' | 'tokenTypeIds' | 'labels', HostTensor>;

/** A labelled batch on the host: ids padded to the same length, and labels. */
export function collate(
  examples: readonly EncodedExample[],
  padTokenId: number,
  maxPositions: number,
  task: Pick<Task, 'collate'> = classification,
): Batch {
  const inputs = collateInputs(examples, padTokenId, maxPositions);
  const labels = examples.map(({ label }) => label!);
  return { ...inputs, labels: task.collate(labels, inputs.inputIds.shape.at(-1)!) };
}

/**
 * `collate` without labels; the length is `leastLength` or more, padded to a multiple of
 * `padToMultipleOf`.
 */
export function collateInputs(
  examples: readonly EncodedExample[],
  padTokenId: number,
  maxPositions: number,
  padToMultipleOf = PAD_TO_MULTIPLE_OF,
  leastLength = 0,
): Omit<Batch, 'labels'> {
  if (examples[0]?.choiceLengths)
    return collateChoices(examples, (rows) =>
      collateInputs(rows, padTokenId, maxPositions, padToMultipleOf, leastLength),
    );
  const longest = Math.max(leastLength, ...examples.map(({ inputIds }) => inputIds.length));
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

/** Number of tokens, without padding. */
export const countTokens = (examples: readonly EncodedExample[]): number =>
  examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
