/** A word of more code points than this is unknown as a whole. */
const MAX_CODE_POINTS = 100;

/** BERT's second stage: cuts a word into the longest known pieces from the left, later ones marked `##`. */
export class WordPiece {
  readonly #first = new Pieces();
  readonly #later = new Pieces();
  readonly #unkToken: string;

  constructor(vocab: Iterable<string>, unkToken: string) {
    this.#unkToken = unkToken;
    for (const token of vocab) {
      this.#first.add(token, token);
      if (token.startsWith('##')) this.#later.add(token.slice(2), token);
    }
  }

  /** The pieces of one word (no blanks in it); the unknown token alone where some part has no piece. */
  tokenize(word: string): string[] {
    if (word.length > MAX_CODE_POINTS && [...word].length > MAX_CODE_POINTS) return [this.#unkToken];
    const tokens: string[] = [];
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? this.#first : this.#later;
      // UTF-16 units will do: a cut inside a surrogate pair is never in the vocabulary.
      let length = Math.min(pieces.longest(word.charCodeAt(start)), word.length - start);
      let token: string | undefined;
      for (; length > 0; length--) {
        token = pieces.get(word.slice(start, start + length));
        if (token !== undefined) break;
      }
      if (token === undefined) return [this.#unkToken];
      tokens.push(token);
      start += length;
    }
    return tokens;
  }
}

/** Written forms of tokens (without their `##`), and how long one may get that begins with a given unit. */
class Pieces {
  readonly #tokens = new Map<string, string>();
  // Most lengths need not be tried: few characters begin a long piece.
  readonly #longest = new Uint32Array(0x10000);

  add(form: string, token: string): void {
    this.#tokens.set(form, token);
    const unit = form.charCodeAt(0);
    this.#longest[unit] = Math.max(this.#longest[unit], form.length);
  }

  longest(unit: number): number {
    return this.#longest[unit];
  }

  get(form: string): string | undefined {
    return this.#tokens.get(form);
  }
}
