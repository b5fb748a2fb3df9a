import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import {
  type ResolvedTrainerOptions,
  resolveTrainerOptions,
  type WordPieceTrainerOptions,
} from './options.ts';
import { CorpusPieces, type Pair } from './pieces.ts';
import { PairQueue } from './queue.ts';
import {
  byCodePoint,
  chooseAlphabet,
  coveredWords,
  totalCount,
  WordCounter,
  type WordCounts,
} from './words.ts';

/** Result of `trainWordPiece`. */
export interface WordPieceVocabulary {
  /**
   * The entries in the order of their ids: special tokens, characters that begin words, characters
   * that continue words, and merged pieces in the order of merging. Input of `BertTokenizer`.
   */
  vocab: string[];
  /**
   * Share of the words of the corpus, counting each occurrence, that are split without the unknown
   * token. The others have characters outside the alphabet, or more than 100 characters.
   */
  coverage: number;
}

/**
 * Learns a WordPiece vocabulary as Hugging Face's `WordPieceTrainer` does: starts from single
 * characters and repeatedly merges the pair of neighbouring pieces with the highest score (Schuster
 * and Nakajima 2012; Sennrich et al. 2016).
 *
 * The result depends only on the counts of words, not on the order of texts or on chance. Of
 * equally frequent characters those with the lower code point are kept. Of pairs with equal scores
 * the one whose left piece, then whose right piece, has the lower id is merged first.
 *
 * @param texts read once; only their distinct words stay in memory
 * @throws UsageError on a bad option, one text instead of a list, a corpus without words, or a size
 * below that of the alphabet.
 * @example
 * const { vocab } = await trainWordPiece(['one text', 'another text'], { vocabSize: 100 });
 * const tokenizer = new BertTokenizer(vocab);
 */
export function trainWordPiece(
  texts: Iterable<string>,
  options: WordPieceTrainerOptions = {},
): WordPieceVocabulary {
  const trainer = new WordPieceTrainer(options);
  trainer.feed(texts);
  return trainer.train();
}

/**
 * `trainWordPiece` for texts that come in parts, such as lines of files larger than memory: only
 * their distinct words are kept.
 * @example
 * const trainer = new WordPieceTrainer({ vocabSize: 8000 });
 * for await (const texts of parts) trainer.feed(texts);
 * const { vocab } = trainer.train();
 */
export class WordPieceTrainer {
  readonly #options: ResolvedTrainerOptions;
  readonly #counter: WordCounter;

  /** @throws UsageError on a bad option. */
  constructor(options: WordPieceTrainerOptions = {}) {
    this.#options = resolveTrainerOptions(options);
    this.#counter = new WordCounter(this.#options);
  }

  /** Counts the words of some texts. @throws UsageError for one text instead. */
  feed(texts: Iterable<string>): void {
    if (typeof texts === 'string')
      throw new UsageError(`\`texts\`: expected a list of texts, got ${formatValue(texts, 40)}`);
    for (const text of texts) this.#counter.add(text);
  }

  /** @throws UsageError when there were no words, or the size is below that of the alphabet. */
  train(): WordPieceVocabulary {
    return vocabularyOf(this.#counter.words(), this.#options);
  }
}

function vocabularyOf(words: WordCounts, options: ResolvedTrainerOptions): WordPieceVocabulary {
  const alphabet = chooseAlphabet(words, options);
  const covered = coveredWords(words, alphabet);
  const coverage = totalCount(covered) / totalCount(words);

  const entries = new VocabularyBuilder();
  for (const token of options.specialTokens) entries.add(token);
  for (const char of alphabet) entries.add(char);
  for (const char of continuationCharacters(covered, options))
    entries.add(options.wordpiecesPrefix + char);
  if (entries.size > options.vocabSize)
    throw new UsageError(
      `\`vocabSize\`: expected at least ${entries.size}, got ${options.vocabSize}: there are ` +
        `${new Set(options.specialTokens).size} special tokens and ` +
        `${alphabet.length} characters, ` +
        'which begin and continue words; raise it or lower `limitAlphabet`',
    );
  mergePairs(covered, entries, options);
  return { vocab: entries.vocab, coverage };
}

/** The characters that need an entry to continue words, sorted by code point. */
function continuationCharacters(
  words: WordCounts,
  { initialAlphabet }: ResolvedTrainerOptions,
): string[] {
  const within = new Set(initialAlphabet);
  for (const [word] of words) for (const char of [...word].slice(1)) within.add(char);
  return [...within].sort(byCodePoint);
}

function mergePairs(
  words: WordCounts,
  entries: VocabularyBuilder,
  { vocabSize, minFrequency, wordpiecesPrefix, score }: ResolvedTrainerOptions,
) {
  const pieces = new CorpusPieces(words, (char, isFirst) =>
    entries.add(isFirst ? char : wordpiecesPrefix + char),
  );
  const byLikelihood = score === 'likelihood';
  const likelihoodGain = ({ left, right, count }: Pair) =>
    count * Math.log((count * pieces.totalPieces) / (pieces.count(left) * pieces.count(right)));
  const queue = new PairQueue((pair) => {
    if (pair.count < minFrequency) return Number.NEGATIVE_INFINITY;
    return byLikelihood ? likelihoodGain(pair) : pair.count;
  });
  for (const pair of pieces.pairs()) queue.update(pair);

  while (entries.size < vocabSize) {
    const pair = queue.best();
    if (!pair) return;
    const { left, right } = pair;
    const id = entries.add(
      entries.vocab[left] + entries.vocab[right].slice(wordpiecesPrefix.length),
    );
    for (const changed of pieces.merge(pair, id)) queue.update(changed);
    // The two pieces are rarer now, which raises the scores of their other pairs. The lower number
    // of pieces in total only lowers scores, which the queue corrects by itself.
    if (byLikelihood)
      for (const piece of [left, right])
        for (const other of pieces.pairsWith(piece)) queue.update(other);
  }
}

/** The vocabulary so far. */
class VocabularyBuilder {
  readonly vocab: string[] = [];
  readonly #ids = new Map<string, number>();

  get size(): number {
    return this.vocab.length;
  }

  /** The id of a token; a new token gets the next one. */
  add(token: string): number {
    const known = this.#ids.get(token);
    if (known !== undefined) return known;
    this.#ids.set(token, this.vocab.length);
    this.vocab.push(token);
    return this.vocab.length - 1;
  }
}
