import { UsageError } from '../../platform/errors.ts';
import { checkCount, checkKeys, checkOneOf } from './check.ts';
import type { ResolvedTokenizerOptions } from './options.ts';

/** How a text becomes ids; names, values and defaults are Hugging Face's. */
export interface EncodeOptions {
  /** `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`. Default true. */
  addSpecialTokens?: boolean;
  /**
   * `true` or `longest`: to the longest row of the batch; `max_length`: to `maxLength`; `false` or `do_not_pad`
   * (default): not at all.
   */
  padding?: boolean | 'longest' | 'max_length' | 'do_not_pad';
  /**
   * `true` or `longest_first`: off the end of the longer text, one token at a time (of the second when equal; with
   * `BertTokenizerFast` the one that was longer keeps the odd token); `only_first`, `only_second`: off that one, which
   * must keep at least one token; `false` or `do_not_truncate`.
   * Default: `longest_first` where a `maxLength` is given without padding, none otherwise.
   */
  truncation?: boolean | 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  /** In tokens, special ones included. Default: the tokenizer's `modelMaxLength`. */
  maxLength?: number;
  /** Padded rows get a length divisible by this. */
  padToMultipleOf?: number;
  /** Default: the tokenizer's. */
  paddingSide?: 'left' | 'right';
  /** Give `offsetMapping` too. Default false. */
  returnOffsetsMapping?: boolean;
}

/** One encoded text or pair, ready for the model; all fields of one length. */
export interface Encoding {
  inputIds: number[];
  /** 0 at padding. */
  attentionMask: number[];
  /** 1 from the second text on. */
  tokenTypeIds: number[];
  /** 1 at the special tokens that were added (those found in the text are 0) and at padding. */
  specialTokensMask: number[];
  /**
   * By token: `[start, end)` in its own text, in UTF-16 code units, so that `text.slice(start, end)` is what it was
   * made from; `[0, 0]` at special tokens that were added and at padding. (Hugging Face counts code points.)
   */
  offsetMapping?: [number, number][];
}

/** Encoded rows, field by field: `number[row][position]`. */
export type BatchEncoding = { [Field in keyof Encoding]: NonNullable<Encoding[Field]>[] };

/** The tokens of one text. */
export interface Sequence {
  ids: number[];
  offsets?: [number, number][];
}

/** Options with nothing left to decide. */
export interface ResolvedEncodeOptions {
  addSpecialTokens: boolean;
  padding: 'longest' | 'max_length' | 'do_not_pad';
  padToMultipleOf: number;
  paddingSide: 'left' | 'right';
  truncation: 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  maxLength: number;
  returnOffsetsMapping: boolean;
}

const OPTION_NAMES = [
  ...[
    'addSpecialTokens',
    'padding',
    'truncation',
    'maxLength',
    'padToMultipleOf',
    'paddingSide',
    'returnOffsetsMapping',
  ],
];
const PADDING = [true, false, 'longest', 'max_length', 'do_not_pad'];
const TRUNCATION = [true, false, 'longest_first', 'only_first', 'only_second', 'do_not_truncate'];

/** @throws UsageError on an unknown option, a value out of range, or two that contradict each other. */
export function resolveEncodeOptions(
  options: EncodeOptions,
  tokenizer: ResolvedTokenizerOptions,
): ResolvedEncodeOptions {
  checkKeys(options, OPTION_NAMES, 'encoding option');
  const {
    addSpecialTokens = true,
    paddingSide = tokenizer.paddingSide,
    returnOffsetsMapping = false,
  } = options;
  const { padding = false, padToMultipleOf = 1 } = options;
  const padded = padding !== false && padding !== 'do_not_pad';
  const { truncation = options.maxLength !== undefined && !padded } = options;
  const maxLength = options.maxLength ?? tokenizer.modelMaxLength;
  checkOneOf(addSpecialTokens, [true, false], 'addSpecialTokens');
  checkOneOf(paddingSide, ['left', 'right'], 'paddingSide');
  checkOneOf(returnOffsetsMapping, [true, false], 'returnOffsetsMapping');
  checkOneOf(padding, PADDING, 'padding');
  checkOneOf(truncation, TRUNCATION, 'truncation');
  checkCount(padToMultipleOf, 'padToMultipleOf');
  if (options.maxLength !== undefined) checkCount(maxLength, 'maxLength');
  const plan: ResolvedEncodeOptions = {
    addSpecialTokens,
    padding: padding === true ? 'longest' : padding || 'do_not_pad',
    padToMultipleOf,
    paddingSide,
    truncation: truncation === true ? 'longest_first' : truncation || 'do_not_truncate',
    maxLength,
    returnOffsetsMapping,
  };
  if (plan.padding === 'max_length' && maxLength === Number.POSITIVE_INFINITY)
    throw new UsageError("padding is 'max_length' but there is no maximum; give maxLength");
  if (
    padded &&
    plan.truncation !== 'do_not_truncate' &&
    Number.isFinite(maxLength) &&
    maxLength % padToMultipleOf
  )
    throw new UsageError(
      `maxLength ${maxLength} is not a multiple of padToMultipleOf ${padToMultipleOf}; rows cut to the one cannot be padded to the other`,
    );
  return plan;
}

/**
 * Cuts two texts' tokens, in place, so that they fit with their special tokens.
 * @throws UsageError where the strategy cannot reach the length. (Hugging Face's Python class logs that and returns
 * too long a row.)
 */
export function truncate(
  first: Sequence,
  second: Sequence | null,
  plan: ResolvedEncodeOptions,
  fast: boolean,
): void {
  const { truncation, maxLength } = plan;
  const special = plan.addSpecialTokens ? (second ? 3 : 2) : 0;
  const budget = maxLength - special;
  let [a, b] = [first.ids.length, second?.ids.length ?? 0];
  if (truncation === 'do_not_truncate' || a + b <= budget) return;
  // Where nothing fits, Rust leaves nothing, whatever the strategy.
  if (fast && budget === 0) a = b = 0;
  else if (truncation === 'only_second') b = second ? budget - a : -1;
  else if (truncation === 'only_first' || !second) a = budget - b;
  else if (Math.min(a, b) <= Math.floor(budget / 2))
    [a, b] = a > b ? [budget - b, b] : [a, budget - a];
  else {
    const half = Math.floor(budget / 2);
    // Rust brings each text to maxLength first, so that two very long ones count as equal.
    const firstIsShorter = Math.min(a, maxLength) <= Math.min(b, maxLength);
    [a, b] = fast && firstIsShorter ? [half, budget - half] : [budget - half, half];
  }
  // The one text that is cut must not vanish, but for Rust's longest_first.
  const least =
    (fast && budget === 0) || (truncation === 'longest_first' && (second || fast)) ? 0 : 1;
  if (truncation === 'only_second' ? b < least : a < least || b < 0)
    throw cannotTruncate(plan, first, second, special);
  truncateTo(first, a);
  if (second) truncateTo(second, b);
}

function truncateTo({ ids, offsets }: Sequence, length: number): void {
  ids.length = length;
  if (offsets) offsets.length = length;
}

function cannotTruncate(
  plan: ResolvedEncodeOptions,
  first: Sequence,
  second: Sequence | null,
  special: number,
): UsageError {
  const { truncation, maxLength } = plan;
  const [a, b] = [first.ids.length, second?.ids.length];
  const texts = second ? `texts of ${a} and ${b} tokens` : `a text of ${a} tokens`;
  return new UsageError(
    `truncation '${truncation}' cannot bring ${texts}, with ${special} special tokens, to maxLength ${maxLength}; raise it or choose another strategy`,
  );
}

/** Joins truncated tokens with their special tokens. */
export function buildEncoding(
  first: Sequence,
  second: Sequence | null,
  plan: ResolvedEncodeOptions,
  { cls, sep, fast }: { cls: number; sep: number; fast: boolean },
): Encoding {
  const { addSpecialTokens } = plan;
  // `concat`, as spreading takes half as long again.
  const after = addSpecialTokens ? [sep] : [];
  let inputIds = (addSpecialTokens ? [cls] : []).concat(first.ids, after);
  const ownedByFirst = inputIds.length;
  if (second) inputIds = inputIds.concat(second.ids, after);
  const length = inputIds.length;
  const tokenTypeIds = new Array<number>(length).fill(0);
  const specialTokensMask = new Array<number>(length).fill(0);
  if (addSpecialTokens) {
    specialTokensMask[0] = specialTokensMask[ownedByFirst - 1] = specialTokensMask[length - 1] = 1;
  }
  // Without special tokens the Python class gives both texts type 0.
  if (addSpecialTokens || fast) tokenTypeIds.fill(1, ownedByFirst);
  const encoding: Encoding = {
    inputIds,
    attentionMask: new Array<number>(length).fill(1),
    tokenTypeIds,
    specialTokensMask,
  };
  if (plan.returnOffsetsMapping) {
    const specialOffsets = (): [number, number][] => (addSpecialTokens ? [[0, 0]] : []);
    encoding.offsetMapping = specialOffsets().concat(first.offsets!, specialOffsets());
    if (second)
      encoding.offsetMapping = encoding.offsetMapping.concat(second.offsets!, specialOffsets());
  }
  return encoding;
}

/** Pads rows, in place, together. */
export function pad(rows: readonly Encoding[], plan: ResolvedEncodeOptions, padId: number): void {
  if (plan.padding === 'do_not_pad') return;
  const longest = rows.reduce((most, row) => Math.max(most, row.inputIds.length), 0);
  const wanted = plan.padding === 'longest' ? longest : plan.maxLength;
  const length = Math.ceil(wanted / plan.padToMultipleOf) * plan.padToMultipleOf;
  for (const row of rows) {
    const missing = length - row.inputIds.length;
    if (missing <= 0) continue;
    const padded = <T>(list: T[], value: () => T) => {
      const added = Array.from({ length: missing }, value);
      return plan.paddingSide === 'right' ? [...list, ...added] : [...added, ...list];
    };
    row.inputIds = padded(row.inputIds, () => padId);
    row.attentionMask = padded(row.attentionMask, () => 0);
    row.tokenTypeIds = padded(row.tokenTypeIds, () => 0);
    row.specialTokensMask = padded(row.specialTokensMask, () => 1);
    if (row.offsetMapping) row.offsetMapping = padded(row.offsetMapping, () => [0, 0]);
  }
}
