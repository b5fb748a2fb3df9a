import { UsageError } from '../../platform/errors.ts';
import {
  checkArray,
  checkCount,
  checkKeys,
  checkOneOf,
  checkString,
  formatValue,
} from '../tokenizer/check.ts';

/** Options of `trainWordPiece`; but for `score`, names are those of Hugging Face's `BertWordPieceTokenizer`. */
export interface WordPieceTrainerOptions {
  /** Entries, special tokens included. There are fewer where no pair is left to merge. Default 30000. */
  vocabSize?: number;
  /** How often a pair must occur to be merged. Default 2. */
  minFrequency?: number;
  /**
   * How many different characters to keep, the most frequent first. Default 2000: Hugging Face's 1000 leaves 1.8 % of
   * the words of held-out Korean reviews (NSMC) unknown, 2000 leaves 0.1 %.
   */
  limitAlphabet?: number;
  /** Characters to have whether the corpus has them or not, at the beginning of words and within. Default none. */
  initialAlphabet?: readonly string[];
  /** The first entries, in this order. Default `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. */
  specialTokens?: readonly string[];
  /** What marks a piece that does not begin a word; ASCII punctuation. `BertTokenizer` expects the default, `##`. */
  wordpiecesPrefix?: string;
  /**
   * Which pair is merged first. `count` (default), as Hugging Face does: the most frequent. `likelihood`: the one whose
   * merging makes the corpus most likely (Schuster and Nakajima 2012, section 2): n · ln(n · N / (f · g)) for n
   * occurrences of two pieces that occur f and g times among N. It costs about 1 % more tokens a word than `count`
   * (0.7 to 3.3 % on the corpora measured) and up to four times the work. (The score n / (f · g), which is often quoted,
   * is what each occurrence gains; it prefers rare pairs, and costs a third more tokens or twice as many.)
   */
  score?: 'count' | 'likelihood';
  /** Default true. */
  lowercase?: boolean;
  /** Default `null`: as `lowercase` says. Stripping takes Hangul syllables apart. */
  stripAccents?: boolean | null;
  /** Make each CJK ideograph a word. Default true. */
  handleChineseChars?: boolean;
}

export type ResolvedTrainerOptions = Required<WordPieceTrainerOptions>;

export const trainerDefaults: Readonly<ResolvedTrainerOptions> = {
  vocabSize: 30000,
  minFrequency: 2,
  limitAlphabet: 2000,
  initialAlphabet: [],
  specialTokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  wordpiecesPrefix: '##',
  score: 'count',
  lowercase: true,
  stripAccents: null,
  handleChineseChars: true,
};

/** Fills in the defaults; what is undefined says nothing. @throws UsageError on an unknown option or a value that is none. */
export function resolveTrainerOptions(given: WordPieceTrainerOptions): ResolvedTrainerOptions {
  checkKeys(given, Object.keys(trainerDefaults), 'option of the vocabulary');
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: ResolvedTrainerOptions = { ...trainerDefaults, ...Object.fromEntries(defined) };
  for (const key of ['vocabSize', 'minFrequency', 'limitAlphabet'] as const)
    checkCount(options[key], key);
  for (const key of ['lowercase', 'handleChineseChars'] as const)
    checkOneOf(options[key], [true, false], key);
  checkOneOf(options.stripAccents, [true, false, null], 'stripAccents');
  checkOneOf(options.score, ['count', 'likelihood'], 'score');
  for (const key of ['initialAlphabet', 'specialTokens'] as const) {
    checkArray(options[key], key);
    for (const text of options[key]) checkString(text, `an entry of ${key}`);
  }
  for (const char of options.initialAlphabet)
    if ([...char].length !== 1)
      throw new UsageError(`initialAlphabet has ${formatValue(char)}; expected single characters`);
  for (const token of options.specialTokens)
    if (!/^[^\r\n]+$/.test(token))
      throw new UsageError(`specialTokens has ${formatValue(token)}; expected a text on one line`);
  checkString(options.wordpiecesPrefix, 'wordpiecesPrefix');
  // Punctuation is always a word of its own, so no piece of a word can look like a marked one.
  if (!/^[!-/:-@[-`{-~]+$/.test(options.wordpiecesPrefix))
    throw new UsageError(
      `wordpiecesPrefix is ${formatValue(options.wordpiecesPrefix)}; expected ASCII punctuation`,
    );
  return options;
}
