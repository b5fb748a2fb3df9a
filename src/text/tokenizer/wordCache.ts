import type { BasicTokenizer, SplitWords } from './basic.ts';
import { type Offsets, originalSpan } from './offsets.ts';
import type { WordPiece } from './wordpiece.ts';

/** What a stretch of text becomes. */
export interface Pieces {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  /** Where in the stretch each token comes from; `null` until asked for. */
  offsets: Offsets | null;
}

// Words repeat, so most stretches are found in the cache; long ones are rarely words and would cost memory.
const MAX_CACHED_WORDS = 1 << 15;
const MAX_CACHED_LENGTH = 48;
const COPIED_SLICE_LENGTH = 12;

/** Cuts stretches of text (between two blanks) into pieces, and remembers them. */
export class WordCache {
  readonly #basic: BasicTokenizer | null;
  readonly #wordPiece: WordPiece;
  readonly #neverSplit: ReadonlyMap<string, number>;
  readonly #tokenOf: (id: number) => string;
  #cache = new Map<string, Pieces>();
  #olderCache = new Map<string, Pieces>();

  /**
   * @param basic `null`: each stretch is one word.
   * @param neverSplit words that are tokens as they are, with their ids.
   */
  constructor(
    basic: BasicTokenizer | null,
    wordPiece: WordPiece,
    neverSplit: ReadonlyMap<string, number>,
    tokenOf: (id: number) => string,
  ) {
    this.#basic = basic;
    this.#wordPiece = wordPiece;
    this.#neverSplit = neverSplit;
    this.#tokenOf = tokenOf;
  }

  /** What a stretch becomes, with places if `withOffsets`. */
  pieces(word: string, withOffsets: boolean): Pieces {
    const pieces = this.#cache.get(word) ?? this.#computeAndCache(word, withOffsets);
    if (withOffsets) pieces.offsets ??= this.#compute(word, true).offsets;
    return pieces;
  }

  /** Words to pieces. */
  tokenizeWords({ text, offsets, boundaries }: SplitWords, withOffsets: boolean): Pieces {
    const tokens: string[] = [];
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const pieceEnds: number[] | undefined = withOffsets ? [] : undefined;
    for (let i = 0; i < boundaries.length; i += 2) {
      const [first, last] = [boundaries[i], boundaries[i + 1]];
      const word = first === 0 && last === text.length ? text : text.slice(first, last);
      const kept = this.#neverSplit.size > 0 ? this.#neverSplit.get(word) : undefined;
      if (pieceEnds) pieceEnds.length = 0;
      if (kept !== undefined) {
        tokens.push(word);
        ids.push(kept);
        pieceEnds?.push(word.length);
      } else {
        for (const id of this.#wordPiece.ids(word, pieceEnds)) {
          tokens.push(this.#tokenOf(id));
          ids.push(id);
        }
      }
      if (!pieceEnds) continue;
      let from = first;
      for (const pieceEnd of pieceEnds) {
        const [start, end] = originalSpan(offsets, from, first + pieceEnd);
        starts.push(start);
        ends.push(end);
        from = first + pieceEnd;
      }
    }
    return { tokens, ids, offsets: withOffsets ? { starts, ends } : null };
  }

  #compute(word: string, withOffsets: boolean): Pieces {
    const words = this.#basic?.words(word, withOffsets) ?? {
      text: word,
      offsets: null,
      boundaries: [0, word.length],
    };
    return this.tokenizeWords(words, withOffsets);
  }

  /** Two generations bound the cache and keep what is used: the older one goes when the newer one is full. */
  #computeAndCache(word: string, withOffsets: boolean): Pieces {
    const pieces = this.#olderCache.get(word) ?? this.#compute(word, withOffsets);
    if (word.length > MAX_CACHED_LENGTH) return pieces;
    if (this.#cache.size === MAX_CACHED_WORDS) {
      this.#olderCache = this.#cache;
      this.#cache = new Map();
    }
    // Engines copy short slices; a long one would keep the whole text it was cut from.
    const key = word.length < COPIED_SLICE_LENGTH ? word : Array.from(word).join('');
    this.#cache.set(key, pieces);
    return pieces;
  }
}
