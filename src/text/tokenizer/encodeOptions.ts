import { UsageError } from '../../platform/errors.ts';
import { formatValue, isObject } from '../../platform/format.ts';
import { checkKeys, checkOneOf } from '../../platform/usage.ts';
import { checkPositiveInteger } from './check.ts';
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
   * (from the second if equal; with `BertTokenizerFast` the text that was longer keeps the odd
   * token);
   * - `only_first`, `only_second`: removes tokens of that text, which must keep at least one;
   * - `false` or `do_not_truncate`: no truncation.
   *
   * Default: `longest_first` if `maxLength` is given without padding, else no truncation.
   */
  truncation?: boolean | 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  /** In tokens, including special ones. Default: the tokenizer's `modelMaxLength`. */
  maxLength?: number;
  /**
   * With `returnOverflowingTokens`: number of tokens that a window repeats from the one before.
   * Default 0.
   */
  stride?: number;
  /** Return what truncation removes; see `encode`. Default false. */
  returnOverflowingTokens?: boolean;
  /**
   * Each text is a list of its words: text that is tokenized word by word. `BertTokenizerFast`
   * returns `wordIds` too. Default false.
   */
  isSplitIntoWords?: boolean;
  /** The length of padded rows is a multiple of this. */
  padToMultipleOf?: number;
  /** Default: the tokenizer's. */
  paddingSide?: 'left' | 'right';
  /** Return `offsetMapping` too. Default false. */
  returnOffsetsMapping?: boolean;
  /** Return `specialTokensMask`. Default true; Hugging Face's default is false. */
  returnSpecialTokensMask?: boolean;
}

/** Options with all defaults filled in. */
export interface ResolvedEncodeOptions {
  addSpecialTokens: boolean;
  padding: 'longest' | 'max_length' | 'do_not_pad';
  padToMultipleOf: number;
  paddingSide: 'left' | 'right';
  truncation: 'longest_first' | 'only_first' | 'only_second' | 'do_not_truncate';
  maxLength: number;
  stride: number;
  returnOverflowingTokens: boolean;
  isSplitIntoWords: boolean;
  returnOffsetsMapping: boolean;
  returnSpecialTokensMask: boolean;
  /** Match `BertTokenizerFast` rather than `BertTokenizer`. */
  fast: boolean;
}

const OPTION_NAMES = [
  'addSpecialTokens',
  'padding',
  'truncation',
  'maxLength',
  'stride',
  'returnOverflowingTokens',
  'isSplitIntoWords',
  'padToMultipleOf',
  'paddingSide',
  'returnOffsetsMapping',
  'returnSpecialTokensMask',
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
  if (!isObject(options as unknown))
    throw new UsageError(`encoding options: expected an object, got ${formatValue(options)}`);
  checkKeys(options, OPTION_NAMES, 'encoding option');
  checkValues(options);
  const { padding = false } = options;
  const padded = padding !== false && padding !== 'do_not_pad';
  const { truncation = options.maxLength !== undefined && !padded } = options;
  const plan: ResolvedEncodeOptions = {
    addSpecialTokens: options.addSpecialTokens ?? true,
    padding: padding === true ? 'longest' : padding || 'do_not_pad',
    padToMultipleOf: options.padToMultipleOf ?? 1,
    paddingSide: options.paddingSide ?? tokenizer.paddingSide,
    truncation: truncation === true ? 'longest_first' : truncation || 'do_not_truncate',
    maxLength: options.maxLength ?? tokenizer.modelMaxLength,
    stride: options.stride ?? 0,
    returnOverflowingTokens: options.returnOverflowingTokens ?? false,
    isSplitIntoWords: options.isSplitIntoWords ?? false,
    returnOffsetsMapping: options.returnOffsetsMapping ?? false,
    returnSpecialTokensMask: options.returnSpecialTokensMask ?? true,
    fast: tokenizer.tokenizerClass === 'BertTokenizerFast',
  };
  checkLengths(plan);
  return plan;
}

const SWITCHES = [
  'addSpecialTokens',
  'returnOverflowingTokens',
  'isSplitIntoWords',
  'returnOffsetsMapping',
  'returnSpecialTokensMask',
] as const;

function checkValues(options: EncodeOptions): void {
  const { padding, truncation, paddingSide, maxLength, padToMultipleOf, stride } = options;
  for (const key of SWITCHES)
    if (options[key] !== undefined) checkOneOf(options[key], [true, false], `\`${key}\``);
  if (paddingSide !== undefined) checkOneOf(paddingSide, ['left', 'right'], '`paddingSide`');
  if (padding !== undefined) checkOneOf(padding, PADDING, '`padding`');
  if (truncation !== undefined) checkOneOf(truncation, TRUNCATION, '`truncation`');
  if (padToMultipleOf !== undefined) checkPositiveInteger(padToMultipleOf, '`padToMultipleOf`');
  if (maxLength !== undefined) checkPositiveInteger(maxLength, '`maxLength`');
  if (stride !== undefined && !(Number.isSafeInteger(stride) && stride >= 0))
    throw new UsageError(`\`stride\`: expected an integer ≥ 0, got ${formatValue(stride)}`);
}

function checkLengths(plan: ResolvedEncodeOptions): void {
  const { padding, truncation, maxLength, padToMultipleOf, stride } = plan;
  if (padding === 'max_length' && maxLength === Number.POSITIVE_INFINITY)
    throw new UsageError("`padding: 'max_length'` needs a length: give `maxLength`");
  const cuts = truncation !== 'do_not_truncate' && Number.isFinite(maxLength);
  if (padding !== 'do_not_pad' && cuts && maxLength % padToMultipleOf)
    throw new UsageError(
      `\`maxLength\`: expected a multiple of \`padToMultipleOf\` (${padToMultipleOf}), got ` +
        `${maxLength}: rows cut to the one cannot be padded to the other`,
    );
  // As the Rust tokenizer, whatever the number of special tokens of the call.
  if (plan.fast && cuts && stride > 0 && stride > maxLength - 2)
    throw strideTooLong(stride, maxLength - 2);
  if (plan.returnOverflowingTokens && !plan.fast && !Number.isFinite(maxLength))
    throw new UsageError('`returnOverflowingTokens` needs a length: give `maxLength`');
}

/** The error of windows that would not advance. */
export const strideTooLong = (stride: number, window: number): UsageError =>
  new UsageError(
    `\`stride\`: expected less than the ${Math.max(0, window)} tokens of a window ` +
      `(\`maxLength\` without special tokens and the text that is not cut), got ${stride}`,
  );
