export interface WordPieceOptions {
  /** Prefix of pieces that continue a word. Default `##`. */
  continuingSubwordPrefix?: string;
  /** Longer words, in code points, are unknown. Default 100. */
  maxInputCharsPerWord?: number;
}

/**
 * BERT's second stage: splits a word greedily into the longest known pieces, from left to right.
 */
export class WordPiece {
  readonly #vocab: readonly string[];
  readonly #initialPieces = new PieceTable();
  readonly #continuationPieces = new PieceTable();
  readonly #unkId: number;
  readonly #maxCodePoints: number;

  /**
   * @param vocab the tokens in the order of their ids, with `unkToken`; of equal ones the last
   * wins.
   */
  constructor(vocab: readonly string[], unkToken: string, options: WordPieceOptions = {}) {
    const { continuingSubwordPrefix: prefix = '##', maxInputCharsPerWord = 100 } = options;
    this.#vocab = vocab;
    this.#unkId = vocab.lastIndexOf(unkToken);
    this.#maxCodePoints = maxInputCharsPerWord;
    vocab.forEach((token, id) => {
      this.#initialPieces.add(token, id);
      if (token.startsWith(prefix)) this.#continuationPieces.add(token.slice(prefix.length), id);
    });
  }

  /** The pieces of a word without blanks; only the unknown token if some part has no piece. */
  tokenize(word: string): string[] {
    return this.ids(word).map((id) => this.#vocab[id]);
  }

  /**
   * The ids of the pieces of a word, as `tokenize`.
   * @param pieceEnds receives the index in the word at which each piece ends
   */
  ids(word: string, pieceEnds?: number[]): number[] {
    const unknown = () => {
      pieceEnds?.splice(0, pieceEnds.length, word.length);
      return [this.#unkId];
    };
    const maxCodePoints = this.#maxCodePoints;
    // A code point is at most two units, so very long words need no count.
    if (
      word.length > 2 * maxCodePoints ||
      (word.length > maxCodePoints && [...word].length > maxCodePoints)
    )
      return unknown();
    const ids: number[] = [];
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? this.#initialPieces : this.#continuationPieces;
      // UTF-16 units are enough: no token ends inside a surrogate pair.
      let length = Math.min(pieces.longest(word.charCodeAt(start)), word.length - start);
      let id: number | undefined;
      for (; length > 0; length--) {
        id = pieces.get(word.slice(start, start + length));
        if (id !== undefined) break;
      }
      if (id === undefined) return unknown();
      ids.push(id);
      start += length;
      pieceEnds?.push(start);
    }
    return ids;
  }
}

/** Ids by token (without its `##`), and the length of the longest token by first UTF-16 unit. */
class PieceTable {
  readonly #ids = new Map<string, number>();
  // Saves most look-ups: few characters begin a long token.
  readonly #longest = new Uint32Array(0x10000);

  add(form: string, id: number): void {
    this.#ids.set(form, id);
    const unit = form.charCodeAt(0);
    this.#longest[unit] = Math.max(this.#longest[unit], form.length);
  }

  longest(unit: number): number {
    return this.#longest[unit];
  }

  get(form: string): number | undefined {
    return this.#ids.get(form);
  }
}
