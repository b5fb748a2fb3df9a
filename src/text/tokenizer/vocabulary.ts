import { UsageError } from '../../platform/errors.ts';
import { checkArray, checkString, formatValue } from './check.ts';

/** Tokens and their ids: the lines of `vocab.txt`, then tokens added after them. */
export class Vocabulary {
  /** The lines; of equal ones the last gives the id. */
  readonly baseTokens: readonly string[];
  readonly #ids = new Map<string, number>();
  readonly #added = new Map<string, number>();
  readonly #addedTokens: string[] = [];

  /** @throws UsageError on a token that could not be a line of `vocab.txt`. */
  constructor(lines: readonly string[]) {
    checkArray(lines, 'vocab');
    this.baseTokens = [...lines];
    this.baseTokens.forEach((token, id) => {
      checkString(token, `token ${id} of the vocabulary`);
      if (/[\r\n]/.test(token))
        throw new UsageError(
          `token ${id} of the vocabulary, ${formatValue(token)}, has a line break in it`,
        );
      this.#ids.set(token, id);
    });
  }

  /** How many ids there are, added tokens included. */
  get size(): number {
    return this.baseTokens.length + this.#addedTokens.length;
  }

  get addedTokensEncoder(): ReadonlyMap<string, number> {
    return this.#added;
  }

  /** @throws UsageError unless the token has an id. */
  require(token: string): void {
    if (this.id(token) === undefined)
      throw new UsageError(
        `the vocabulary (${this.size} tokens) has no ${formatValue(token)}; add it, or name the token that stands for it`,
      );
  }

  /** Gives a token the next id, unless it has one. */
  add(token: string): void {
    if (this.id(token) !== undefined) return;
    this.#added.set(token, this.size);
    this.#addedTokens.push(token);
  }

  id(token: string): number | undefined {
    return this.#ids.get(token) ?? this.#added.get(token);
  }

  /** @throws UsageError on an id that no token has. */
  token(id: number): string {
    const token = this.baseTokens[id] ?? this.#addedTokens[id - this.baseTokens.length];
    if (token === undefined)
      throw new UsageError(
        `id ${formatValue(id)} is not in the vocabulary; expected 0 to ${this.size - 1}`,
      );
    return token;
  }
}
