/** A token in a text. */
export interface FoundToken {
  readonly start: number;
  readonly end: number;
  readonly token: string;
}

/**
 * Finds any of many tokens in a text, from left to right and without overlap. At each place the
 * longest token wins, or the shortest. The time is linear in the text; a regular expression would
 * break on long or many tokens.
 */
export class TokenFinder {
  /** In ascending order, so that a token follows its own prefixes. */
  readonly #tokens: readonly string[];
  /** For each token the index of the longest other one that it begins with; -1 without one. */
  readonly #prefixes: Int32Array;
  /** For each UTF-16 unit: 1 if some token begins with it, 2 if some token is no longer. */
  readonly #initials = new Uint8Array(0x10000);
  /** The first two units of each longer token: these tell most places where there is none. */
  readonly #pairs = new Set<number>();
  readonly #longestFirst: boolean;

  constructor(tokens: Iterable<string>, wins: 'longest' | 'shortest') {
    this.#tokens = [...new Set(tokens)].filter((token) => token !== '').sort();
    this.#longestFirst = wins === 'longest';
    this.#prefixes = new Int32Array(this.#tokens.length);
    this.#tokens.forEach((token, index) => {
      const first = token.charCodeAt(0);
      this.#initials[first] = Math.max(this.#initials[first], token.length === 1 ? 2 : 1);
      if (token.length > 1) this.#pairs.add(pairOf(token, 0));
      let prefix = index - 1;
      while (prefix >= 0 && !token.startsWith(this.#tokens[prefix]))
        prefix = this.#prefixes[prefix];
      this.#prefixes[index] = prefix;
    });
  }

  /** Whether there is any token to find. */
  get hasAny(): boolean {
    return this.#tokens.length > 0;
  }

  /** The first token at or after a place in a text; null without one. */
  next(text: string, from: number): FoundToken | null {
    for (let start = from; start < text.length; start++) {
      const initial = this.#initials[text.charCodeAt(start)];
      if (initial === 0 || (initial === 1 && !this.#pairs.has(pairOf(text, start)))) continue;
      const token = this.#tokenAt(text, start);
      if (token !== null) return { start, end: start + token.length, token };
    }
    return null;
  }

  /** All tokens of a text, in order. */
  *find(text: string): Generator<FoundToken> {
    for (let found = this.next(text, 0); found; found = this.next(text, found.end)) yield found;
  }

  #tokenAt(text: string, start: number): string | null {
    // Tokens that the rest of the text begins with are prefixes of the last token not after it.
    const last = this.#lastNotAfter(text, start);
    if (last < 0) return null;
    const shared = sharedLength(this.#tokens[last], text, start);
    let found: string | null = null;
    for (let index = last; index >= 0; index = this.#prefixes[index]) {
      const token = this.#tokens[index];
      if (token.length > shared) continue;
      found = token;
      if (this.#longestFirst) break;
    }
    return found;
  }

  /** Index of the last token that does not sort after the rest of the text; -1 without one. */
  #lastNotAfter(text: string, start: number): number {
    let [low, high] = [-1, this.#tokens.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const token = this.#tokens[middle];
      const shared = sharedLength(token, text, start);
      const isNotAfter =
        shared === token.length ||
        (start + shared < text.length &&
          token.charCodeAt(shared) < text.charCodeAt(start + shared));
      if (isNotAfter) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Two units of a text as one number. */
const pairOf = (text: string, at: number): number =>
  text.charCodeAt(at) * 0x10000 + text.charCodeAt(at + 1);

/** Number of units that a token shares with the text from `start` on. */
function sharedLength(token: string, text: string, start: number): number {
  const longest = Math.min(token.length, text.length - start);
  let length = 0;
  while (length < longest && token.charCodeAt(length) === text.charCodeAt(start + length)) length++;
  return length;
}
