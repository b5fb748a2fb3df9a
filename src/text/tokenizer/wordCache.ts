import type { BasicTokenizer, SplitWords } from './basic.ts';
import { type Offsets, originalSpan } from './offsets.ts';
import type { WordPiece } from './wordpiece.ts';

/** The tokens of a chunk: a part of a text between two blanks. */
export interface Pieces {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  /** The range of each token in the chunk; null until requested. */
  offsets: Offsets | null;
}

// Words repeat, so most chunks are in the cache. Long chunks are rarely words and would cost
// memory.
const MAX_CACHED_CHUNKS = 1 << 15;
const MAX_CACHED_LENGTH = 48;
/** Engines copy shorter slices; a longer one keeps the whole text that it was sliced from alive. */
const COPIED_SLICE_LENGTH = 12;

/** Splits chunks of text into tokens and caches the results. */
export class WordCache {
  readonly #basic: BasicTokenizer | null;
  readonly #wordPiece: WordPiece;
  readonly #neverSplit: ReadonlyMap<string, number>;
  readonly #tokenOf: (id: number) => string;
  #cache = new Map<string, Pieces>();
  #olderCache = new Map<string, Pieces>();

  /**
   * @param basic null: each chunk is one word
   * @param neverSplit ids of words that are not split
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

  /** The tokens of a chunk, with offsets if `withOffsets`. */
  pieces(chunk: string, withOffsets: boolean): Pieces {
    const pieces = this.#cache.get(chunk) ?? this.#computeAndCache(chunk, withOffsets);
    if (withOffsets) pieces.offsets ??= this.#compute(chunk, true).offsets;
    return pieces;
  }

  /** The tokens of words, with offsets if `withOffsets`. */
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

  #compute(chunk: string, withOffsets: boolean): Pieces {
    const words = this.#basic?.words(chunk, withOffsets) ?? {
      text: chunk,
      offsets: null,
      boundaries: [0, chunk.length],
    };
    return this.tokenizeWords(words, withOffsets);
  }

  /** Two generations bound the cache: when the newer is full, the older is dropped. */
  #computeAndCache(chunk: string, withOffsets: boolean): Pieces {
    const pieces = this.#olderCache.get(chunk) ?? this.#compute(chunk, withOffsets);
    if (chunk.length > MAX_CACHED_LENGTH) return pieces;
    if (this.#cache.size === MAX_CACHED_CHUNKS) {
      this.#olderCache = this.#cache;
      this.#cache = new Map();
    }
    const key = chunk.length < COPIED_SLICE_LENGTH ? chunk : Array.from(chunk).join('');
    this.#cache.set(key, pieces);
    return pieces;
  }
}
