/** A word of more code points than this is unknown as a whole. */
const MAX_CODE_POINTS = 100;

/** BERT's second stage: cuts a word into the longest known pieces from the left, later ones marked `##`. */
export class WordPiece {
  readonly #vocab: readonly string[];
  readonly #first = new Pieces();
  readonly #later = new Pieces();
  readonly #unkId: number;

  /** @param vocab the tokens in the order of their ids, `unkToken` among them; of equal ones the last gives the id. */
  constructor(vocab: readonly string[], unkToken: string) {
    this.#vocab = vocab;
    this.#unkId = vocab.lastIndexOf(unkToken);
    vocab.forEach((token, id) => {
      this.#first.add(token, id);
      if (token.startsWith('##')) this.#later.add(token.slice(2), id);
    });
  }

  /** The pieces of one word (no blanks in it); the unknown token alone where some part has no piece. */
  tokenize(word: string): string[] {
    return this.ids(word).map((id) => this.#vocab[id]);
  }

  /** The ids of what `tokenize` gives. */
  ids(word: string): number[] {
    if (word.length > MAX_CODE_POINTS && [...word].length > MAX_CODE_POINTS) return [this.#unkId];
    const ids: number[] = [];
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? this.#first : this.#later;
      // UTF-16 units will do: a cut inside a surrogate pair is never in the vocabulary.
      let length = Math.min(pieces.longest(word.charCodeAt(start)), word.length - start);
      let id: number | undefined;
      for (; length > 0; length--) {
        id = pieces.get(word.slice(start, start + length));
        if (id !== undefined) break;
      }
      if (id === undefined) return [this.#unkId];
      ids.push(id);
      start += length;
    }
    return ids;
  }
}

/** Written forms of tokens (without their `##`), and how long one may get that begins with a given unit. */
class Pieces {
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
