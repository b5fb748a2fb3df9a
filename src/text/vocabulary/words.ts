import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { BasicTokenizer } from '../tokenizer/index.ts';
import type { ResolvedTrainerOptions } from './options.ts';

/** `BertTokenizer` maps longer words to the unknown token. */
const MAX_CODE_POINTS = 100;

/** Distinct words and the number of their occurrences. */
export type WordCounts = readonly (readonly [word: string, count: number])[];

/** Counts words as BERT's basic tokenizer splits them; special tokens are not counted. */
export class WordCounter {
  readonly #basic: BasicTokenizer;
  readonly #specialTokens: readonly string[];
  readonly #counts = new Map<string, number>();
  #texts = 0;

  constructor(options: ResolvedTrainerOptions) {
    this.#specialTokens = options.specialTokens;
    this.#basic = new BasicTokenizer({
      doLowerCase: options.lowercase,
      stripAccents: options.stripAccents,
      tokenizeChineseChars: options.handleChineseChars,
      neverSplit: options.specialTokens,
    });
  }

  add(text: string): void {
    if (typeof text !== 'string')
      throw new UsageError(
        `text ${this.#texts} of the corpus: expected a string, got ${formatValue(text)}`,
      );
    const counts = this.#counts;
    for (const word of this.#basic.tokenize(text)) {
      const count = counts.get(word);
      counts.set(count === undefined ? copyOf(word) : word, (count ?? 0) + 1);
    }
    this.#texts++;
  }

  /** @throws UsageError when there are none. */
  words(): WordCounts {
    for (const token of this.#specialTokens) this.#counts.delete(token);
    if (this.#counts.size === 0)
      throw new UsageError(
        `the corpus has no words in its ${this.#texts} texts: give texts to learn from`,
      );
    return [...this.#counts];
  }
}

/** A long part of a string keeps all of it in memory: here, the text that a word is from. */
const copyOf = (word: string): string => (word.length < 13 ? word : word.split('').join(''));

/**
 * The characters to keep, sorted by code point: the initial ones and the most frequent. Of equally
 * frequent ones those with the lower code point are kept.
 */
export function chooseAlphabet(
  words: WordCounts,
  { initialAlphabet, limitAlphabet }: ResolvedTrainerOptions,
): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words)
    for (const char of word) counts.set(char, (counts.get(char) ?? 0) + count);
  for (const char of initialAlphabet) counts.set(char, Number.POSITIVE_INFINITY);
  const initial = new Set(initialAlphabet).size;
  if (initial > limitAlphabet)
    throw new UsageError(
      `\`initialAlphabet\`: expected at most \`limitAlphabet\` (${limitAlphabet}) characters, ` +
        `got ${initial}`,
    );
  const byCount = [...counts].sort(([a, m], [b, n]) => (m === n ? byCodePoint(a, b) : n - m));
  return byCount
    .slice(0, limitAlphabet)
    .map(([char]) => char)
    .sort(byCodePoint);
}

/** The words that can be split into pieces: short enough, with all characters in the alphabet. */
export function coveredWords(words: WordCounts, alphabet: readonly string[]): WordCounts {
  const kept = new Set(alphabet);
  return words.filter(([word]) => {
    const chars = [...word];
    return chars.length <= MAX_CODE_POINTS && chars.every((char) => kept.has(char));
  });
}

/** Number of words, counting each occurrence. */
export function totalCount(words: WordCounts): number {
  return words.reduce((sum, [, count]) => sum + count, 0);
}

/** JavaScript's own order, by UTF-16 unit, puts the planes beyond the first before U+E000. */
export function byCodePoint(a: string, b: string): number {
  return a.codePointAt(0)! - b.codePointAt(0)!;
}
