import { UsageError } from '../../platform/errors.ts';
import {
  checkArray,
  checkCount,
  checkKeys,
  checkOneOf,
  checkString,
  formatValue,
} from './check.ts';

/** A token found in a text before it is cut into words; names and defaults are Hugging Face's. */
export interface AddedToken {
  content: string;
  /** Found only where no letter or digit touches it (with the Python class: where blanks are around). Default false. */
  singleWord?: boolean;
  /** Takes the blanks on its left along. Default false. */
  lstrip?: boolean;
  /** Takes the blanks on its right along. Default false. */
  rstrip?: boolean;
  /** Looked for in the normalised text, itself normalised; otherwise in the text as it is. Default: unless special. */
  normalized?: boolean;
  /** Left out by `skipSpecialTokens`. Default false. */
  special?: boolean;
}

/** Options of `BertTokenizer`; names and defaults are Hugging Face's. */
export interface BertTokenizerOptions {
  /**
   * Which of Hugging Face's two is followed where they differ (unassigned and new characters, control characters in
   * special tokens, the flags of added tokens, truncation of pairs): `BertTokenizer`, the Python one of
   * transformers 4.29 (default), or `BertTokenizerFast`, the Rust one.
   */
  tokenizerClass?: 'BertTokenizer' | 'BertTokenizerFast';
  /** Default true. */
  doLowerCase?: boolean;
  /** Clean the text and cut it at punctuation before WordPiece; without it only blanks end words. Default true. */
  doBasicTokenize?: boolean;
  /** Words (between blanks) to leave whole. */
  neverSplit?: readonly string[];
  /** Default `null`: as `doLowerCase` says. */
  stripAccents?: boolean | null;
  /** Make each CJK ideograph a word. Default true. */
  tokenizeChineseChars?: boolean;
  /** Drop control characters; only `BertTokenizerFast` can leave them. Default true. */
  cleanText?: boolean;
  unkToken?: string;
  sepToken?: string;
  padToken?: string;
  clsToken?: string;
  maskToken?: string;
  /** Further tokens found anywhere in a text and left out by `skipSpecialTokens`. Those not in the vocabulary are added. */
  additionalSpecialTokens?: readonly string[];
  /**
   * Tokens found anywhere in a text; those not in the vocabulary get the ids after its last. One that is named
   * elsewhere too gives that one its flags.
   */
  addedTokens?: readonly (string | AddedToken)[];
  /** What marks pieces that continue a word. Default `##`, the only one `BertTokenizer` has. */
  continuingSubwordPrefix?: string;
  /** A word of more code points than this is unknown. Default 100, the only one `BertTokenizer` has. */
  maxInputCharsPerWord?: number;
  /** Longest input of the model in tokens: where `encode` gets no `maxLength`. Default: no limit. */
  modelMaxLength?: number;
  /** Default `right`. */
  paddingSide?: 'left' | 'right';
  /** What `decode` does unless told otherwise. Default true. */
  cleanUpTokenizationSpaces?: boolean;
}

export interface ResolvedTokenizerOptions extends Required<BertTokenizerOptions> {
  addedTokens: readonly Required<AddedToken>[];
  /** Every token found in a text before it is cut into words: the added ones, then the special ones that are left. */
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

/** `base` with what `given` says; what is undefined says nothing. */
export function withOverrides<T extends BertTokenizerOptions>(
  base: T,
  given: BertTokenizerOptions,
): T {
  return {
    ...base,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}

/** Fills in the defaults. @throws UsageError on an unknown option, a value that is none, or one that the class lacks. */
export function resolveOptions(given: BertTokenizerOptions): ResolvedTokenizerOptions {
  checkKeys(given, Object.keys(DEFAULTS), 'tokenizer option');
  const options: Required<BertTokenizerOptions> = withOverrides(DEFAULTS, given);

  checkOneOf(options.tokenizerClass, ['BertTokenizer', 'BertTokenizerFast'], 'tokenizerClass');
  checkOneOf(options.paddingSide, ['left', 'right'], 'paddingSide');
  for (const key of [
    'doLowerCase',
    'doBasicTokenize',
    'tokenizeChineseChars',
    'cleanText',
  ] as const)
    checkOneOf(options[key], [true, false], key);
  checkOneOf(options.cleanUpTokenizationSpaces, [true, false], 'cleanUpTokenizationSpaces');
  checkOneOf(options.stripAccents, [true, false, null], 'stripAccents');
  for (const key of ['unkToken', 'sepToken', 'padToken', 'clsToken', 'maskToken'] as const)
    checkToken(options[key], key);
  for (const key of ['neverSplit', 'additionalSpecialTokens'] as const) {
    checkArray(options[key], key);
    for (const token of options[key]) checkToken(token, `a token of ${key}`);
  }
  checkArray(options.addedTokens, 'addedTokens');
  checkString(options.continuingSubwordPrefix, 'continuingSubwordPrefix');
  checkCount(options.maxInputCharsPerWord, 'maxInputCharsPerWord');
  if (!(options.modelMaxLength >= 1))
    throw new UsageError(
      `modelMaxLength is ${formatValue(options.modelMaxLength)}; expected a number of at least 1`,
    );

  const other = options.tokenizerClass === 'BertTokenizer' ? ONLY_FAST : ONLY_PYTHON;
  for (const key of other)
    if (String(options[key]) !== String(DEFAULTS[key]))
      throw new UsageError(
        `${options.tokenizerClass} has no ${key}; leave it out, or choose the other tokenizerClass`,
      );
  return { ...options, ...collectTokens(options) };
}

function checkToken(token: unknown, name: string): void {
  checkString(token, name);
  if (token === '') throw new UsageError(`${name} is empty; expected at least one character`);
}

/** All tokens that are kept whole, added ones first, each once and with all its flags. */
function collectTokens(options: Required<BertTokenizerOptions>) {
  const { unkToken, sepToken, padToken, clsToken, maskToken } = options;
  const named = [unkToken, sepToken, padToken, clsToken, maskToken];
  const special = new Set([...named, ...options.additionalSpecialTokens]);
  const noSplitTokens = new Map<string, Required<AddedToken>>();
  const lowercasesAdded =
    options.tokenizerClass === 'BertTokenizer' && options.doLowerCase && options.doBasicTokenize;
  for (const token of options.addedTokens) {
    const added: AddedToken = typeof token === 'string' ? { content: token } : token;
    checkToken(added?.content, 'the content of an added token');
    checkKeys(added, ['content', ...FLAGS], 'flag of an added token');
    for (const flag of FLAGS)
      checkOneOf(
        added[flag],
        [true, false, undefined],
        `${flag} of added token ${formatValue(added.content)}`,
      );
    const { singleWord = false, lstrip = false, rstrip = false } = added;
    const isSpecial = added.special || special.has(added.content);
    const normalized = added.normalized ?? !isSpecial;
    const content =
      lowercasesAdded && normalized && !isSpecial ? added.content.toLowerCase() : added.content;
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
        ...{ content, singleWord: false, lstrip: false, rstrip: false },
        ...{ normalized: false, special: true },
      });
  const all = [...noSplitTokens.values()];
  const additional = all.filter((token) => token.special && !named.includes(token.content));
  return {
    addedTokens,
    noSplitTokens: all,
    additionalSpecialTokens: additional.map(({ content }) => content),
  };
}
