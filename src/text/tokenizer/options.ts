import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkKeys, checkOneOf } from '../../platform/usage.ts';
import { checkArray, checkPositiveInteger, checkString } from './check.ts';

/**
 * A token that is found before a text is split into words. Names and defaults are Hugging Face's.
 */
export interface AddedToken {
  content: string;
  /**
   * Matches only if no letter or digit is next to it (Python class: only between blanks).
   * Default false.
   */
  singleWord?: boolean;
  /** Includes the blanks on its left. Default false. */
  lstrip?: boolean;
  /** Includes the blanks on its right. Default false. */
  rstrip?: boolean;
  /**
   * Both the token and the text are normalised before the search. Default: true unless `special`.
   */
  normalized?: boolean;
  /** Omitted by `decode` with `skipSpecialTokens`. Default false. */
  special?: boolean;
}

/** Options of `BertTokenizer`; names and defaults are Hugging Face's. */
export interface BertTokenizerOptions {
  /**
   * Which of Hugging Face's two tokenizers to match: `BertTokenizer`, the Python class of
   * transformers 4.29 (default), or `BertTokenizerFast`, the Rust one. They differ in unassigned
   * and new characters, control characters in special tokens, the flags of added tokens, and the
   * truncation of pairs.
   */
  tokenizerClass?: 'BertTokenizer' | 'BertTokenizerFast';
  /** Default true. */
  doLowerCase?: boolean;
  /**
   * Clean the text and split it at punctuation before WordPiece; otherwise it is split at blanks
   * only. Default true.
   */
  doBasicTokenize?: boolean;
  /** Words between blanks that are not split. */
  neverSplit?: readonly string[];
  /** Default `null`: the value of `doLowerCase`. */
  stripAccents?: boolean | null;
  /** Each CJK ideograph is a word. Default true. */
  tokenizeChineseChars?: boolean;
  /** Drop control characters; only `BertTokenizerFast` can keep them. Default true. */
  cleanText?: boolean;
  unkToken?: string;
  sepToken?: string;
  padToken?: string;
  clsToken?: string;
  maskToken?: string;
  /**
   * More special tokens. They are found anywhere in a text and omitted by `skipSpecialTokens`;
   * those not in the vocabulary are added to it.
   */
  additionalSpecialTokens?: readonly string[];
  /**
   * Tokens found anywhere in a text; those not in the vocabulary get the ids after its last. The
   * flags also apply to special tokens of the same content.
   */
  addedTokens?: readonly (string | AddedToken)[];
  /** Prefix of pieces that continue a word. Default `##`; `BertTokenizer` has no other. */
  continuingSubwordPrefix?: string;
  /** Longer words, in code points, are unknown. Default 100; `BertTokenizer` has no other. */
  maxInputCharsPerWord?: number;
  /**
   * Longest input of the model in tokens; the default of `maxLength` in `encode`. Default: no
   * limit.
   */
  modelMaxLength?: number;
  /** Default `right`. */
  paddingSide?: 'left' | 'right';
  /** Default of the option of `decode`. Default true. */
  cleanUpTokenizationSpaces?: boolean;
}

export interface ResolvedTokenizerOptions extends Required<BertTokenizerOptions> {
  addedTokens: readonly Required<AddedToken>[];
  /**
   * All tokens found before a text is split into words: added ones, then the other special ones.
   */
  noSplitTokens: readonly Required<AddedToken>[];
}

const DEFAULTS: Required<BertTokenizerOptions> = {
  tokenizerClass: 'BertTokenizer',
  doLowerCase: true,
  doBasicTokenize: true,
  neverSplit: [],
  stripAccents: null,
  tokenizeChineseChars: true,
  cleanText: true,
  unkToken: '[UNK]',
  sepToken: '[SEP]',
  padToken: '[PAD]',
  clsToken: '[CLS]',
  maskToken: '[MASK]',
  additionalSpecialTokens: [],
  addedTokens: [],
  continuingSubwordPrefix: '##',
  maxInputCharsPerWord: 100,
  modelMaxLength: Number.POSITIVE_INFINITY,
  paddingSide: 'right',
  cleanUpTokenizationSpaces: true,
};
const ONLY_PYTHON = ['doBasicTokenize', 'neverSplit'] as const;
const ONLY_FAST = ['cleanText', 'continuingSubwordPrefix', 'maxInputCharsPerWord'] as const;
const FLAGS = ['singleWord', 'lstrip', 'rstrip', 'normalized', 'special'] as const;

/** `base` with the defined options of `given`. */
export function withOverrides<T extends BertTokenizerOptions>(
  base: T,
  given: BertTokenizerOptions,
): T {
  return {
    ...base,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}

/**
 * Fills in the defaults.
 * @param stored the vocabulary of a folder, whose added tokens have ids: those that would lose them
 * in lower case keep their case, as in transformers from 4.34 on
 * @throws UsageError on an unknown option, an invalid value, or an option the class does not have.
 */
export function resolveOptions(
  given: BertTokenizerOptions,
  stored?: ReadonlySet<string>,
): ResolvedTokenizerOptions {
  checkKeys(given, Object.keys(DEFAULTS), 'tokenizer option');
  const options: Required<BertTokenizerOptions> = withOverrides(DEFAULTS, given);

  checkValues(options);
  const other = options.tokenizerClass === 'BertTokenizer' ? ONLY_FAST : ONLY_PYTHON;
  for (const key of other)
    if (String(options[key]) !== String(DEFAULTS[key]))
      throw new UsageError(
        `${options.tokenizerClass} has no \`${key}\`: omit it, ` +
          'or choose the other `tokenizerClass`',
      );
  return { ...options, ...collectTokens(options, stored) };
}

const BOOLEANS = [
  'doLowerCase',
  'doBasicTokenize',
  'tokenizeChineseChars',
  'cleanText',
  'cleanUpTokenizationSpaces',
] as const;
const NAMED_TOKENS = ['unkToken', 'sepToken', 'padToken', 'clsToken', 'maskToken'] as const;

function checkValues(options: Required<BertTokenizerOptions>): void {
  checkOneOf(options.tokenizerClass, ['BertTokenizer', 'BertTokenizerFast'], '`tokenizerClass`');
  checkOneOf(options.paddingSide, ['left', 'right'], '`paddingSide`');
  for (const key of BOOLEANS) checkOneOf(options[key], [true, false], `\`${key}\``);
  checkOneOf(options.stripAccents, [true, false, null], '`stripAccents`');
  for (const key of NAMED_TOKENS) checkToken(options[key], `\`${key}\``);
  for (const key of ['neverSplit', 'additionalSpecialTokens'] as const) {
    checkArray(options[key], `\`${key}\``);
    options[key].forEach((token, i) => {
      checkToken(token, `\`${key}[${i}]\``);
    });
  }
  checkArray(options.addedTokens, '`addedTokens`');
  checkString(options.continuingSubwordPrefix, '`continuingSubwordPrefix`');
  checkPositiveInteger(options.maxInputCharsPerWord, '`maxInputCharsPerWord`');
  if (options.modelMaxLength !== Number.POSITIVE_INFINITY)
    checkPositiveInteger(options.modelMaxLength, '`modelMaxLength`');
}

/** Bounds the time of the search: no real token comes near. */
const MAX_TOKEN_LENGTH = 1000;

function checkToken(token: unknown, name: string): void {
  checkString(token, name);
  if (token === '') throw new UsageError(`${name}: expected at least one character, got ""`);
  if (token.length > MAX_TOKEN_LENGTH)
    throw new UsageError(
      `${name}: expected at most ${MAX_TOKEN_LENGTH} characters, got ${token.length}: ` +
        formatValue(token, 40),
    );
}

/** All tokens that are not split, added ones first, each once and with all its flags. */
function collectTokens(options: Required<BertTokenizerOptions>, stored?: ReadonlySet<string>) {
  const named = NAMED_TOKENS.map((key) => options[key]);
  const special = new Set([...named, ...options.additionalSpecialTokens]);
  const noSplitTokens = new Map<string, Required<AddedToken>>();
  const lowercasesAdded =
    options.tokenizerClass === 'BertTokenizer' && options.doLowerCase && options.doBasicTokenize;
  const lowerCase = lowerCaseOf(options.addedTokens, stored);
  for (const token of options.addedTokens) {
    const added: AddedToken = typeof token === 'string' ? { content: token } : token;
    checkAddedToken(added);
    const { singleWord = false, lstrip = false, rstrip = false } = added;
    const isSpecial = added.special || special.has(added.content);
    const normalized = added.normalized ?? !isSpecial;
    const content =
      lowercasesAdded && normalized && !isSpecial ? lowerCase(added.content) : added.content;
    noSplitTokens.set(content, {
      content,
      singleWord,
      lstrip,
      rstrip,
      normalized,
      special: isSpecial,
    });
  }
  const addedTokens = [...noSplitTokens.values()];
  for (const content of special)
    if (!noSplitTokens.has(content))
      noSplitTokens.set(content, {
        content,
        singleWord: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      });
  const all = [...noSplitTokens.values()];
  const additional = all.filter((token) => token.special && !named.includes(token.content));
  return {
    addedTokens,
    noSplitTokens: all,
    additionalSpecialTokens: additional.map(({ content }) => content),
  };
}

/** Lower-cases an added token; with the vocabulary of a folder only if that leaves its id. */
function lowerCaseOf(
  added: BertTokenizerOptions['addedTokens'] & object,
  stored?: ReadonlySet<string>,
): (content: string) => string {
  const lower = (content: string) => content.toLowerCase();
  if (!stored) return lower;
  const counts = new Map<string, number>();
  for (const token of added) {
    const key = lower(String(typeof token === 'string' ? token : token?.content));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const loses = (content: string) =>
    stored.has(content) || stored.has(lower(content)) || counts.get(lower(content))! > 1;
  return (content) => (loses(content) ? content : lower(content));
}

function checkAddedToken(added: AddedToken): void {
  checkToken(added?.content, 'content of an added token');
  checkKeys(added, ['content', ...FLAGS], 'flag of an added token');
  for (const flag of FLAGS)
    checkOneOf(
      added[flag],
      [true, false, undefined],
      `\`${flag}\` of added token ${formatValue(added.content)}`,
    );
}
