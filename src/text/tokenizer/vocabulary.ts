import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkArray, checkString } from './check.ts';
import type { ResolvedTokenizerOptions } from './options.ts';

/** Tokens and their ids: first the lines of `vocab.txt`, then added tokens. */
export class Vocabulary {
  /** The lines; of equal lines the last one gives the id. */
  readonly baseTokens: readonly string[];
  readonly #ids = new Map<string, number>();
  readonly #added = new Map<string, number>();
  readonly #addedTokens: string[] = [];

  /** @throws UsageError on a token that cannot be a line of `vocab.txt`. */
  constructor(lines: readonly string[]) {
    checkArray(lines, '`vocab`');
    this.baseTokens = [...lines];
    this.baseTokens.forEach((token, id) => {
      checkString(token, `token ${id} of the vocabulary`);
      if (/[\r\n]/.test(token))
        throw new UsageError(
          `token ${id} of the vocabulary: expected no line break, got ${formatValue(token)}`,
        );
      this.#ids.set(token, id);
    });
  }

  /** Number of ids, added tokens included. */
  get size(): number {
    return this.baseTokens.length + this.#addedTokens.length;
  }

  get addedTokensEncoder(): ReadonlyMap<string, number> {
    return this.#added;
  }

  /**
   * Adds the tokens of the options that it lacks.
   * @throws UsageError unless it has the unknown, class, separator and padding token.
   */
  addTokens(options: ResolvedTokenizerOptions): void {
    // Checked before tokens are added: the unknown token must be a line itself.
    this.#require(options.unkToken);
    for (const { content } of options.addedTokens) this.#add(content);
    for (const key of ['clsToken', 'sepToken', 'padToken'] as const) this.#require(options[key]);
    for (const { content } of options.noSplitTokens) this.#add(content);
  }

  #require(token: string): void {
    if (this.tokenToId(token) === undefined)
      throw new UsageError(
        `the vocabulary (${this.size} tokens) has no ${formatValue(token)}: ` +
          'add it, or name the token that has its role',
      );
  }

  /** Gives a token the next id, unless it has one already. */
  #add(token: string): void {
    if (this.tokenToId(token) !== undefined) return;
    this.#added.set(token, this.size);
    this.#addedTokens.push(token);
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token) ?? this.#added.get(token);
  }

  /** @throws UsageError on an id without a token. */
  idToToken(id: number): string {
    const token = this.baseTokens[id] ?? this.#addedTokens[id - this.baseTokens.length];
    if (token === undefined)
      throw new UsageError(
        `token id: expected an integer from 0 to ${this.size - 1}, got ${formatValue(id)}`,
      );
    return token;
  }
}
