import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkKeys, checkOneOf } from '../../platform/usage.ts';
import { checkArray, checkPositiveInteger, checkString } from '../tokenizer/check.ts';

/**
 * Options of `trainWordPiece`, named as in Hugging Face's `BertWordPieceTokenizer`, except `score`.
 */
export interface WordPieceTrainerOptions {
  /**
   * Number of entries, special tokens included; fewer if no pair is left to merge. Default 30000.
   */
  vocabSize?: number;
  /** Occurrences that a pair needs to be merged. Default 2. */
  minFrequency?: number;
  /**
   * Number of distinct characters to keep, the most frequent first. Default 2000: Hugging Face's
   * 1000 leaves 1.8 % of the words of held-out Korean reviews (NSMC) unknown, 2000 leaves 0.1 %.
   */
  limitAlphabet?: number;
  /**
   * Characters to keep even if the corpus lacks them, to begin and continue words. Default: none.
   */
  initialAlphabet?: readonly string[];
  /** The first entries, in this order. Default `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. */
  specialTokens?: readonly string[];
  /**
   * Prefix of pieces that continue a word: ASCII punctuation. `BertTokenizer` requires the default,
   * `##`.
   */
  wordpiecesPrefix?: string;
  /**
   * Which pair is merged first.
   * - `count` (default): the most frequent, as Hugging Face does.
   * - `likelihood`: the pair that raises the likelihood of the corpus most (Schuster and Nakajima
   *   2012, section 2): n · ln(n · N / (f · g)) for n occurrences of two pieces that occur f and g
   *   times among N. It needs about 1 % more tokens a word than `count` (0.7 to 3.3 % on the
   * corpora   measured) and up to four times the work.
   *
   * The often quoted score n / (f · g) is the gain of each occurrence. It prefers rare pairs and
   * needs a third more tokens or twice as many.
   */
  score?: 'count' | 'likelihood';
  /** Default true. */
  lowercase?: boolean;
  /** Default `null`: the value of `lowercase`. Stripping decomposes Hangul syllables. */
  stripAccents?: boolean | null;
  /** Each CJK ideograph is a word. Default true. */
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

/** Fills in the defaults. @throws UsageError on an unknown option or an invalid value. */
export function resolveTrainerOptions(given: WordPieceTrainerOptions): ResolvedTrainerOptions {
  checkKeys(given, Object.keys(trainerDefaults), 'option of trainWordPiece');
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: ResolvedTrainerOptions = { ...trainerDefaults, ...Object.fromEntries(defined) };
  for (const key of ['vocabSize', 'minFrequency', 'limitAlphabet'] as const)
    checkPositiveInteger(options[key], `\`${key}\``);
  for (const key of ['lowercase', 'handleChineseChars'] as const)
    checkOneOf(options[key], [true, false], `\`${key}\``);
  checkOneOf(options.stripAccents, [true, false, null], '`stripAccents`');
  checkOneOf(options.score, ['count', 'likelihood'], '`score`');
  for (const key of ['initialAlphabet', 'specialTokens'] as const) {
    checkArray(options[key], `\`${key}\``);
    options[key].forEach((text, i) => {
      checkString(text, `\`${key}[${i}]\``);
    });
  }
  for (const char of options.initialAlphabet)
    if ([...char].length !== 1)
      throw new UsageError(
        `\`initialAlphabet\`: expected single characters, got ${formatValue(char)}`,
      );
  for (const token of options.specialTokens)
    if (!/^[^\r\n]+$/.test(token))
      throw new UsageError(
        `\`specialTokens\`: expected texts of one line, got ${formatValue(token)}`,
      );
  checkString(options.wordpiecesPrefix, '`wordpiecesPrefix`');
  // Punctuation is always a word of its own, so no piece can look as if it had the prefix.
  if (!/^[!-/:-@[-`{-~]+$/.test(options.wordpiecesPrefix))
    throw new UsageError(
      `\`wordpiecesPrefix\`: expected ASCII punctuation, got ` +
        formatValue(options.wordpiecesPrefix),
    );
  return options;
}
