import { UsageError } from '../../platform/errors.ts';
import { checkCount, checkKeys, checkOneOf } from './check.ts';

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
   * `true` or `longest_first`: off the end of the longer text, one token at a time, of the second when equal;
   * `only_first`, `only_second`: off that one, which must keep at least one token; `false` or `do_not_truncate`.
   * Default: `longest_first` where a `maxLength` is given without padding, none otherwise.
   */
  truncation?: boolean | 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  /** In tokens, special ones included. Default: the tokenizer's `modelMaxLength`. */
  maxLength?: number;
  /** Padded rows get a length divisible by this. */
  padToMultipleOf?: number;
}

/** One encoded text or pair, ready for the model; all four of one length. */
export interface Encoding {
  inputIds: number[];
  /** 0 at padding. */
  attentionMask: number[];
  /** 1 from the second text on. */
  tokenTypeIds: number[];
  /** 1 at the special tokens that were added (those found in the text are 0) and at padding. */
  specialTokensMask: number[];
}

/** Encoded rows, field by field: `number[row][position]`. */
export interface BatchEncoding {
  inputIds: number[][];
  attentionMask: number[][];
  tokenTypeIds: number[][];
  specialTokensMask: number[][];
}

/** Options with nothing left to decide. */
export interface EncodePlan {
  addSpecialTokens: boolean;
  padding: 'longest' | 'max_length' | 'do_not_pad';
  truncation: 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  maxLength: number;
  padToMultipleOf: number;
}

const KEYS = ['addSpecialTokens', 'padding', 'truncation', 'maxLength', 'padToMultipleOf'];
const PADDING = [true, false, 'longest', 'max_length', 'do_not_pad'];
const TRUNCATION = [true, false, 'longest_first', 'only_first', 'only_second', 'do_not_truncate'];

/** @throws UsageError on an unknown option, a value out of range, or two that contradict each other. */
export function planEncoding(options: EncodeOptions, modelMaxLength: number): EncodePlan {
  checkKeys(options, KEYS, 'encoding option');
  const { addSpecialTokens = true, padding = false, padToMultipleOf = 1 } = options;
  const padded = padding !== false && padding !== 'do_not_pad';
  const { truncation = options.maxLength !== undefined && !padded } = options;
  const maxLength = options.maxLength ?? modelMaxLength;
  checkOneOf(addSpecialTokens, [true, false], 'addSpecialTokens');
  checkOneOf(padding, PADDING, 'padding');
  checkOneOf(truncation, TRUNCATION, 'truncation');
  checkCount(padToMultipleOf, 'padToMultipleOf');
  if (options.maxLength !== undefined) checkCount(maxLength, 'maxLength');
  const plan: EncodePlan = {
    addSpecialTokens,
    padding: padding === true ? 'longest' : padding || 'do_not_pad',
    truncation: truncation === true ? 'longest_first' : truncation || 'do_not_truncate',
    maxLength,
    padToMultipleOf,
  };
  if (plan.padding === 'max_length' && maxLength === Number.POSITIVE_INFINITY)
    throw new UsageError("padding is 'max_length' but there is no maximum; give maxLength");
  if (padded && plan.truncation !== 'do_not_truncate' && Number.isFinite(maxLength) && maxLength % padToMultipleOf)
    throw new UsageError(
      `maxLength ${maxLength} is not a multiple of padToMultipleOf ${padToMultipleOf}; rows cut to the one cannot be padded to the other`,
    );
  return plan;
}

/**
 * Cuts two lists of ids, in place, so that they fit with their special tokens.
 * @throws UsageError where the strategy cannot reach the length. (Hugging Face logs that and returns too long a row.)
 */
export function truncate(first: number[], second: number[] | null, plan: EncodePlan): void {
  const { truncation, maxLength } = plan;
  const special = plan.addSpecialTokens ? (second ? 3 : 2) : 0;
  const over = first.length + (second?.length ?? 0) + special - maxLength;
  if (truncation === 'do_not_truncate' || over <= 0) return;
  if (truncation === 'longest_first' && second) {
    if (maxLength < special) throw unreachable(plan, first, second, special);
    const untilEqual = Math.min(over, Math.abs(first.length - second.length));
    (first.length > second.length ? first : second).length -= untilEqual;
    // Then turn by turn, the second first.
    first.length -= Math.floor((over - untilEqual) / 2);
    second.length -= Math.ceil((over - untilEqual) / 2);
    return;
  }
  const cut = truncation === 'only_second' ? second : first;
  if (!cut || cut.length <= over) throw unreachable(plan, first, second, special);
  cut.length -= over;
}

function unreachable(plan: EncodePlan, first: number[], second: number[] | null, special: number): UsageError {
  const texts = second ? `texts of ${first.length} and ${second.length} tokens` : `a text of ${first.length} tokens`;
  return new UsageError(
    `truncation '${plan.truncation}' cannot bring ${texts}, with ${special} special tokens, to maxLength ${plan.maxLength}; raise it or choose another strategy`,
  );
}

/** Joins truncated ids with their special tokens. */
export function assemble(first: number[], second: number[] | null, plan: EncodePlan, cls: number, sep: number): Encoding {
  const { addSpecialTokens } = plan;
  const inputIds = addSpecialTokens ? [cls, ...first, sep] : [...first];
  const ownedByFirst = inputIds.length;
  if (second) {
    for (const id of second) inputIds.push(id);
    if (addSpecialTokens) inputIds.push(sep);
  }
  const length = inputIds.length;
  const tokenTypeIds = new Array<number>(length).fill(0);
  const specialTokensMask = new Array<number>(length).fill(0);
  if (addSpecialTokens) {
    specialTokensMask[0] = specialTokensMask[ownedByFirst - 1] = specialTokensMask[length - 1] = 1;
    // Without special tokens Hugging Face gives both texts type 0.
    tokenTypeIds.fill(1, ownedByFirst);
  }
  return { inputIds, attentionMask: new Array<number>(length).fill(1), tokenTypeIds, specialTokensMask };
}

/** Pads rows on the right, in place, together. */
export function pad(rows: readonly Encoding[], plan: EncodePlan, padId: number): void {
  if (plan.padding === 'do_not_pad') return;
  const longest = rows.reduce((most, row) => Math.max(most, row.inputIds.length), 0);
  const wanted = plan.padding === 'longest' ? longest : plan.maxLength;
  const length = Math.ceil(wanted / plan.padToMultipleOf) * plan.padToMultipleOf;
  for (const row of rows) {
    for (let missing = length - row.inputIds.length; missing > 0; missing--) {
      row.inputIds.push(padId);
      row.attentionMask.push(0);
      row.tokenTypeIds.push(0);
      row.specialTokensMask.push(1);
    }
  }
}
