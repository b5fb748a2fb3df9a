import type { BasicTokenizer, Words } from './basic.ts';
import { type Places, placeOf } from './offsets.ts';
import type { WordPiece } from './wordpiece.ts';

/** What a stretch of text becomes. */
export interface Pieces {
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  /** Where in the stretch each token comes from; `null` until asked for. */
  places: Places | null;
}

// Words repeat, so most stretches are found in the cache; long ones are rarely words and would cost memory.
const CACHED_STRETCHES = 1 << 15;
const LONGEST_CACHED = 48;
const SHORT_SLICE = 12;

/** Cuts stretches of text (between two blanks) into pieces, and remembers them. */
export class Stretches {
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

  /** What a stretch becomes, with places if `asked`. */
  pieces(stretch: string, asked: boolean): Pieces {
    const pieces = this.#cache.get(stretch) ?? this.#uncached(stretch, asked);
    if (asked) pieces.places ??= this.#compute(stretch, true).places;
    return pieces;
  }

  /** Words to pieces. */
  cut({ text, places, cuts }: Words, asked: boolean): Pieces {
    const tokens: string[] = [];
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const pieceEnds: number[] | undefined = asked ? [] : undefined;
    for (let i = 0; i < cuts.length; i += 2) {
      const [first, last] = [cuts[i], cuts[i + 1]];
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
        const [start, end] = placeOf(places, from, first + pieceEnd);
        starts.push(start);
        ends.push(end);
        from = first + pieceEnd;
      }
    }
    return { tokens, ids, places: asked ? { starts, ends } : null };
  }

  #compute(stretch: string, asked: boolean): Pieces {
    const words = this.#basic?.words(stretch, asked) ?? {
      text: stretch,
      places: null,
      cuts: [0, stretch.length],
    };
    return this.cut(words, asked);
  }

  /** Two generations bound the cache and keep what is used: the older one goes when the newer one is full. */
  #uncached(stretch: string, asked: boolean): Pieces {
    const pieces = this.#olderCache.get(stretch) ?? this.#compute(stretch, asked);
    if (stretch.length > LONGEST_CACHED) return pieces;
    if (this.#cache.size === CACHED_STRETCHES) {
      this.#olderCache = this.#cache;
      this.#cache = new Map();
    }
    // Engines copy short slices; a long one would keep the whole text it was cut from.
    const key = stretch.length < SHORT_SLICE ? stretch : Array.from(stretch).join('');
    this.#cache.set(key, pieces);
    return pieces;
  }
}
