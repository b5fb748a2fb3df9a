import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import type { ResolvedEncodeOptions } from './encodeOptions.ts';
import type { SequencePair } from './truncate.ts';

/** A text, or with `isSplitIntoWords` its words. */
export type TextOrWords = string | readonly string[];

/** One encoded text or pair; all lists but `overflowingTokens` have the same length. */
export interface Encoding {
  inputIds: number[];
  /** 0 for padding, else 1. */
  attentionMask: number[];
  /** 1 for the second text and the separator after it, else 0. */
  tokenTypeIds: number[];
  /**
   * 1 for padding and for special tokens that were added, rather than found in the text; else 0.
   * Omitted with `returnSpecialTokensMask: false`.
   */
  specialTokensMask: number[];
  /**
   * The range `[start, end)` of each token in its text (with `isSplitIntoWords` in its word), for
   * `text.slice(start, end)`; `[0, 0]` for padding and for special tokens that were added. Counted
   * in UTF-16 code units; Hugging Face counts code points.
   */
  offsetMapping?: [number, number][];
  /**
   * Index of the word of each token; null for padding and for special tokens that were added.
   * Only with `isSplitIntoWords` and `BertTokenizerFast`.
   */
  wordIds?: (number | null)[];
  /**
   * Ids that were removed, after the last `stride` ones that were kept. Only with
   * `returnOverflowingTokens` and `BertTokenizer`.
   */
  overflowingTokens?: number[];
  /**
   * Length without truncation less `maxLength`: negative if there was room. Only with
   * `returnOverflowingTokens` and `BertTokenizer`.
   */
  numTruncatedTokens?: number;
}

/** Encoded rows, field by field: `number[row][position]`. */
export type BatchEncoding = {
  [Field in keyof Encoding]: NonNullable<Encoding[Field]>[];
} & {
  /**
   * The text that each row is of: a text that was cut has several. Only with
   * `returnOverflowingTokens` and `BertTokenizerFast`.
   */
  overflowToSampleMapping?: number[];
};

/** Adds special tokens to truncated texts, and the other fields of an encoding. */
export function buildEncoding(
  [first, second]: SequencePair,
  plan: ResolvedEncodeOptions,
  { cls, sep }: { cls: number; sep: number },
): Encoding {
  const { addSpecialTokens } = plan;
  // `concat` takes two thirds of the time of spreading.
  const around = <T>(before: T, a: readonly T[], after: T, b: readonly T[] | undefined): T[] => {
    const end = addSpecialTokens ? [after] : [];
    const start = (addSpecialTokens ? [before] : []).concat(a, end);
    return b ? start.concat(b, end) : start;
  };
  const inputIds = around(cls, first.ids, sep, second?.ids);
  const length = inputIds.length;
  const ownedByFirst = first.ids.length + (addSpecialTokens ? 2 : 0);
  const tokenTypeIds = new Array<number>(length).fill(0);
  const specialTokensMask = new Array<number>(length).fill(0);
  if (addSpecialTokens) {
    specialTokensMask[0] = specialTokensMask[ownedByFirst - 1] = specialTokensMask[length - 1] = 1;
  }
  // Without special tokens the Python class gives both texts type 0.
  if (addSpecialTokens || plan.fast) tokenTypeIds.fill(1, ownedByFirst);
  const encoding = {
    inputIds,
    attentionMask: new Array<number>(length).fill(1),
    tokenTypeIds,
    ...(plan.returnSpecialTokensMask && { specialTokensMask }),
  } as Encoding;
  if (plan.returnOffsetsMapping)
    encoding.offsetMapping = around([0, 0], first.offsets!, [0, 0], second?.offsets);
  if (plan.isSplitIntoWords && plan.fast)
    encoding.wordIds = around<number | null>(null, first.wordIds!, null, second?.wordIds);
  return encoding;
}

/** Longer rows are a mistake: they would take all memory. */
const MAX_PADDED_LENGTH = 2 ** 24;

/**
 * Pads rows in place, all to the same length.
 * @param longest length of the longest row that counts
 * @throws UsageError when that length is absurd.
 */
export function pad(
  rows: readonly Encoding[],
  longest: number,
  plan: ResolvedEncodeOptions,
  padId: number,
): void {
  if (plan.padding === 'do_not_pad') return;
  const wanted = plan.padding === 'longest' ? longest : plan.maxLength;
  const length = Math.ceil(wanted / plan.padToMultipleOf) * plan.padToMultipleOf;
  for (const row of rows) {
    const missing = length - row.inputIds.length;
    if (missing <= 0) continue;
    if (length > MAX_PADDED_LENGTH)
      throw new UsageError(
        `\`padding\`: expected rows of at most ${MAX_PADDED_LENGTH} tokens, got ${length} by ` +
          '`maxLength` and `padToMultipleOf`',
      );
    const padded = <T>(list: readonly T[], value: () => T): T[] => {
      const added = Array.from({ length: missing }, value);
      return plan.paddingSide === 'right' ? [...list, ...added] : [...added, ...list];
    };
    row.inputIds = padded(row.inputIds, () => padId);
    row.attentionMask = padded(row.attentionMask, () => 0);
    row.tokenTypeIds = padded(row.tokenTypeIds, () => 0);
    if (row.specialTokensMask) row.specialTokensMask = padded(row.specialTokensMask, () => 1);
    if (row.offsetMapping) row.offsetMapping = padded(row.offsetMapping, () => [0, 0]);
    if (row.wordIds) row.wordIds = padded<number | null>(row.wordIds, () => null);
  }
}

/** Rows field by field. */
export function toBatch(rows: readonly Encoding[], plan: ResolvedEncodeOptions): BatchEncoding {
  const overflow = plan.returnOverflowingTokens && !plan.fast;
  const column = <Field extends keyof Encoding>(field: Field, isWanted = true) =>
    isWanted && { [field]: rows.map((row) => row[field]) };
  return {
    ...column('inputIds'),
    ...column('attentionMask'),
    ...column('tokenTypeIds'),
    ...column('specialTokensMask', plan.returnSpecialTokensMask),
    ...column('offsetMapping', plan.returnOffsetsMapping),
    ...column('wordIds', plan.isSplitIntoWords && plan.fast),
    ...column('overflowingTokens', overflow),
    ...column('numTruncatedTokens', overflow),
  } as BatchEncoding;
}

/**
 * The text of a row of a batch, and the second text of a pair.
 * @throws UsageError unless the row is a text or a pair.
 */
export function textsOfRow(
  row: TextOrWords | readonly [TextOrWords, TextOrWords],
  { isSplitIntoWords }: ResolvedEncodeOptions,
): [TextOrWords, TextOrWords | null] {
  const isPair = Array.isArray(row) && (!isSplitIntoWords || Array.isArray(row[0]));
  if (isPair && row.length === 2) return [row[0], row[1]];
  if (isPair || (!isSplitIntoWords && typeof row !== 'string'))
    throw new UsageError(
      isSplitIntoWords
        ? `expected words or a pair of lists of words, got ${formatValue(row)}`
        : `expected a string or a pair of strings, got ${formatValue(row)}`,
    );
  return [row as TextOrWords, null];
}
