import { UsageError } from '../../platform/errors.ts';
import { checkKeys, checkOneOf, checkPositiveInteger } from './check.ts';
import type { ResolvedTokenizerOptions } from './options.ts';

/** Options of `encode`; names, values and defaults are Hugging Face's. */
export interface EncodeOptions {
  /** `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`. Default true. */
  addSpecialTokens?: boolean;
  /**
   * - `true` or `longest`: to the longest row of the batch;
   * - `max_length`: to `maxLength`;
   * - `false` or `do_not_pad` (default): no padding.
   */
  padding?: boolean | 'longest' | 'max_length' | 'do_not_pad';
  /**
   * - `true` or `longest_first`: removes tokens from the end of the longer text, one at a time
   * (from   the second if equal; with `BertTokenizerFast` the text that was longer keeps the odd
   * token);
   * - `only_first`, `only_second`: removes tokens of that text, which must keep at least one;
   * - `false` or `do_not_truncate`: no truncation.
   *
   * Default: `longest_first` if `maxLength` is given without padding, else no truncation.
   */
  truncation?: boolean | 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  /** In tokens, including special ones. Default: the tokenizer's `modelMaxLength`. */
  maxLength?: number;
  /** The length of padded rows is a multiple of this. */
  padToMultipleOf?: number;
  /** Default: the tokenizer's. */
  paddingSide?: 'left' | 'right';
  /** Return `offsetMapping` too. Default false. */
  returnOffsetsMapping?: boolean;
}

/** One encoded text or pair; all fields have the same length. */
export interface Encoding {
  inputIds: number[];
  /** 0 for padding, else 1. */
  attentionMask: number[];
  /** 1 for the second text and the separator after it, else 0. */
  tokenTypeIds: number[];
  /**
   * 1 for padding and for special tokens that were added, rather than found in the text; else 0.
   */
  specialTokensMask: number[];
  /**
   * The range `[start, end)` of each token in its text, for `text.slice(start, end)`; `[0, 0]` for
   * padding and for special tokens that were added. Counted in UTF-16 code units; Hugging Face
   * counts code points.
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

/** Options with all defaults filled in. */
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
  'addSpecialTokens',
  'padding',
  'truncation',
  'maxLength',
  'padToMultipleOf',
  'paddingSide',
  'returnOffsetsMapping',
];
const PADDING = [true, false, 'longest', 'max_length', 'do_not_pad'];
const TRUNCATION = [true, false, 'longest_first', 'only_first', 'only_second', 'do_not_truncate'];

/**
 * @throws UsageError on an unknown option, a value out of range, or two that contradict each other.
 */
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
  checkOneOf(addSpecialTokens, [true, false], '`addSpecialTokens`');
  checkOneOf(paddingSide, ['left', 'right'], '`paddingSide`');
  checkOneOf(returnOffsetsMapping, [true, false], '`returnOffsetsMapping`');
  checkOneOf(padding, PADDING, '`padding`');
  checkOneOf(truncation, TRUNCATION, '`truncation`');
  checkPositiveInteger(padToMultipleOf, '`padToMultipleOf`');
  if (options.maxLength !== undefined) checkPositiveInteger(maxLength, '`maxLength`');
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
    throw new UsageError("`padding: 'max_length'` needs a length: give `maxLength`");
  if (
    padded &&
    plan.truncation !== 'do_not_truncate' &&
    Number.isFinite(maxLength) &&
    maxLength % padToMultipleOf
  )
    throw new UsageError(
      `\`maxLength\`: expected a multiple of \`padToMultipleOf\` (${padToMultipleOf}), got ` +
        `${maxLength}: rows cut to the one cannot be padded to the other`,
    );
  return plan;
}

/**
 * Cuts the tokens of two texts, in place, so that they fit together with their special tokens.
 * @throws UsageError when the strategy cannot reach the length. (Hugging Face's Python class logs
 * that and returns a row that is too long.)
 */
export function truncate(
  first: Sequence,
  second: Sequence | null,
  plan: ResolvedEncodeOptions,
  fast: boolean,
): void {
  const special = plan.addSpecialTokens ? (second ? 3 : 2) : 0;
  const budget = plan.maxLength - special;
  const [a, b] = [first.ids.length, second?.ids.length ?? 0];
  if (plan.truncation === 'do_not_truncate' || a + b <= budget) return;
  // If nothing fits, Rust leaves nothing, whatever the strategy.
  const lengths =
    fast && budget === 0 ? ([0, 0] as const) : truncatedLengths(a, second && b, budget, plan, fast);
  if (!lengths) throw cannotTruncate(plan, first, second, special);
  truncateTo(first, lengths[0]);
  if (second) truncateTo(second, lengths[1]);
}

/**
 * Lengths of the two texts after truncation; undefined if the strategy cannot reach the budget.
 * @param b null without a second text
 */
function truncatedLengths(
  a: number,
  b: number | null,
  budget: number,
  { truncation, maxLength }: ResolvedEncodeOptions,
  fast: boolean,
): readonly [number, number] | undefined {
  if (truncation === 'only_second')
    return b !== null && budget - a >= 1 ? [a, budget - a] : undefined;
  if (truncation === 'longest_first' && b !== null) {
    const lengths = shareBudget(a, b, budget, maxLength, fast);
    return lengths[0] >= 0 && lengths[1] >= 0 ? lengths : undefined;
  }
  // Only one text is cut. It must not vanish, but for Rust's longest_first.
  const least = truncation === 'longest_first' && fast ? 0 : 1;
  const rest = budget - (b ?? 0);
  return rest >= least ? [rest, b ?? 0] : undefined;
}

/** `longest_first`: the shorter text stays if it takes half of the budget or less. */
function shareBudget(
  a: number,
  b: number,
  budget: number,
  maxLength: number,
  fast: boolean,
): readonly [number, number] {
  const half = Math.floor(budget / 2);
  if (Math.min(a, b) <= half) return a > b ? [budget - b, b] : [a, budget - a];
  // Rust cuts each text to maxLength first, so that two very long ones count as equal.
  const firstIsShorter = Math.min(a, maxLength) <= Math.min(b, maxLength);
  return fast && firstIsShorter ? [half, budget - half] : [budget - half, half];
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
    `\`truncation: '${truncation}'\` cannot reduce ${texts}, with ${special} special tokens, to ` +
      `\`maxLength\` ${maxLength}: raise it or choose another strategy`,
  );
}

/** Adds special tokens to truncated texts, and the other fields of an encoding. */
export function buildEncoding(
  first: Sequence,
  second: Sequence | null,
  plan: ResolvedEncodeOptions,
  { cls, sep, fast }: { cls: number; sep: number; fast: boolean },
): Encoding {
  const { addSpecialTokens } = plan;
  // `concat` takes two thirds of the time of spreading.
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

/** Pads rows in place, all to the same length. */
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
