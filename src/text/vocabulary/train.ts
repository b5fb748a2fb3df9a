import { UsageError } from '../../platform/errors.ts';
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
  countWords,
  coveredWords,
  totalCount,
  type WordCounts,
} from './words.ts';

/** A vocabulary that was learnt. */
export interface WordPieceVocabulary {
  /**
   * The entries in the order of their ids: special tokens, characters that begin words, characters within words, and what
   * was merged, in the order of merging. `BertTokenizer` takes it as it is.
   */
  vocab: string[];
  /**
   * The share of the corpus's words (each counted as often as it occurs) that are cut without the unknown token. It is
   * below 1 only for words with characters beyond the alphabet's limit, or of more than 100 characters.
   */
  coverage: number;
}

/**
 * Learns a WordPiece vocabulary: beginning with single characters, joins the pair of neighbouring pieces that scores
 * highest, again and again (Schuster and Nakajima 2012; Sennrich et al. 2016), as Hugging Face's `WordPieceTrainer` does.
 *
 * The result depends on the counts of the words alone: not on the order of the texts, nor on chance. Of equally frequent
 * characters the one of the lower code point is kept; of pairs with equal scores, the one whose left piece, then whose
 * right piece has the lower id is merged first.
 *
 * @param texts any number of texts; they are read once, and only their different words are kept
 * @throws UsageError on a bad option, a corpus without words, or a size that the alphabet alone exceeds.
 */
export function trainWordPiece(
  texts: Iterable<string>,
  options: WordPieceTrainerOptions = {},
): WordPieceVocabulary {
  const resolved = resolveTrainerOptions(options);
  const words = countWords(texts, resolved);
  const alphabet = chooseAlphabet(words, resolved);
  const covered = coveredWords(words, alphabet);
  const coverage = totalCount(covered) / totalCount(words);

  const entries = new VocabularyBuilder();
  for (const token of resolved.specialTokens) entries.add(token);
  for (const char of alphabet) entries.add(char);
  for (const char of continuationCharacters(covered, resolved))
    entries.add(resolved.wordpiecesPrefix + char);
  if (entries.size > resolved.vocabSize)
    throw new UsageError(
      `a vocabulary of ${resolved.vocabSize} entries has no room for ${new Set(resolved.specialTokens).size} special tokens and ${alphabet.length} characters, at the beginning of words and within: ask for ${entries.size} or more, or limit the alphabet to fewer characters`,
    );
  mergePairs(covered, entries, resolved);
  return { vocab: entries.vocab, coverage };
}

/** The characters that need an entry as parts of words, sorted by code point. */
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
    // The two pieces are rarer now, so that their other pairs gain more. That there are fewer pieces in all only lowers
    // scores, which the queue finds out by itself.
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

  /** The id of a token, which it gets now unless it has one. */
  add(token: string): number {
    const known = this.#ids.get(token);
    if (known !== undefined) return known;
    this.#ids.set(token, this.vocab.length);
    this.vocab.push(token);
    return this.vocab.length - 1;
  }
}
