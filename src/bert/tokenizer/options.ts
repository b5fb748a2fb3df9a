import { UsageError } from '../../platform/errors.ts';
import { checkArray, checkKeys, checkOneOf, checkString, show } from './check.ts';

/** Options of `BertTokenizer`; names and defaults are Hugging Face's. */
export interface BertTokenizerOptions {
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
  unkToken?: string;
  sepToken?: string;
  padToken?: string;
  clsToken?: string;
  maskToken?: string;
  /** Further tokens found anywhere in a text and left out by `skipSpecialTokens`. Those not in the vocabulary are added. */
  additionalSpecialTokens?: readonly string[];
  /** Tokens found anywhere in a text, with the ids after the vocabulary's. */
  addedTokens?: readonly string[];
  /** Longest input of the model in tokens: where `encode` gets no `maxLength`. Default: no limit. */
  modelMaxLength?: number;
}

export type ResolvedOptions = Required<BertTokenizerOptions>;

const DEFAULTS: ResolvedOptions = {
  doLowerCase: true,
  doBasicTokenize: true,
  neverSplit: [],
  stripAccents: null,
  tokenizeChineseChars: true,
  unkToken: '[UNK]',
  sepToken: '[SEP]',
  padToken: '[PAD]',
  clsToken: '[CLS]',
  maskToken: '[MASK]',
  additionalSpecialTokens: [],
  addedTokens: [],
  modelMaxLength: Number.POSITIVE_INFINITY,
};

/** `base` with what `given` says; what is undefined says nothing. */
export function override<T extends BertTokenizerOptions>(base: T, given: BertTokenizerOptions): T {
  return { ...base, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/** Fills in the defaults. @throws UsageError on an unknown option or a value that is none. */
export function resolveOptions(given: BertTokenizerOptions): ResolvedOptions {
  checkKeys(given, Object.keys(DEFAULTS), 'tokenizer option');
  const options: ResolvedOptions = override(DEFAULTS, given);

  for (const key of ['doLowerCase', 'doBasicTokenize', 'tokenizeChineseChars'] as const)
    checkOneOf(options[key], [true, false], key);
  checkOneOf(options.stripAccents, [true, false, null], 'stripAccents');
  for (const key of ['unkToken', 'sepToken', 'padToken', 'clsToken', 'maskToken'] as const) checkToken(options[key], key);
  for (const key of ['neverSplit', 'additionalSpecialTokens', 'addedTokens'] as const) {
    checkArray(options[key], key);
    for (const token of options[key]) checkToken(token, `a token of ${key}`);
  }
  if (!(options.modelMaxLength >= 1))
    throw new UsageError(`modelMaxLength is ${show(options.modelMaxLength)}; expected a number of at least 1`);
  return options;
}

function checkToken(token: unknown, name: string): void {
  checkString(token, name);
  if (token === '') throw new UsageError(`${name} is empty; expected at least one character`);
}
