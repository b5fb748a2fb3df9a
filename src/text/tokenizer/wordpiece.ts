export interface WordPieceOptions {
  /** What marks a piece that is not the first of its word. Default `##`. */
  continuingSubwordPrefix?: string;
  /** A word of more code points than this is unknown as a whole. Default 100. */
  maxInputCharsPerWord?: number;
}

/** BERT's second stage: cuts a word into the longest known pieces from the left, later ones marked `##`. */
export class WordPiece {
  readonly #vocab: readonly string[];
  readonly #initialPieces = new PieceTable();
  readonly #continuationPieces = new PieceTable();
  readonly #unkId: number;
  readonly #maxCodePoints: number;

  /** @param vocab the tokens in the order of their ids, `unkToken` among them; of equal ones the last gives the id. */
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

  /** The pieces of one word (no blanks in it); the unknown token alone where some part has no piece. */
  tokenize(word: string): string[] {
    return this.ids(word).map((id) => this.#vocab[id]);
  }

  /** The ids of what `tokenize` gives. In `pieceEnds`, if given: where in the word each piece ends. */
  ids(word: string, pieceEnds?: number[]): number[] {
    const unknown = () => {
      pieceEnds?.splice(0, pieceEnds.length, word.length);
      return [this.#unkId];
    };
    const maxCodePoints = this.#maxCodePoints;
    // A code point is at most two units: very long words need not be counted.
    if (
      word.length > 2 * maxCodePoints ||
      (word.length > maxCodePoints && [...word].length > maxCodePoints)
    )
      return unknown();
    const ids: number[] = [];
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? this.#initialPieces : this.#continuationPieces;
      // UTF-16 units will do: a cut inside a surrogate pair is never in the vocabulary.
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

/** Written forms of tokens (without their `##`), and how long one may get that begins with a given unit. */
class PieceTable {
  readonly #ids = new Map<string, number>();
  // Most lengths need not be tried: few characters begin a long piece.
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
