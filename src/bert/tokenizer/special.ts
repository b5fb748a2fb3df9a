import { lowerCase } from './characters.ts';

/**
 * Finds tokens that are kept whole wherever they stand in a text, in exact case and with no regard to word ends.
 * Blanks around them count for nothing.
 */
export class WholeTokens {
  readonly #longestFirst: RegExp;
  readonly #shortestFirst: RegExp;

  constructor(tokens: Iterable<string>) {
    const sorted = [...new Set(tokens)].sort();
    this.#shortestFirst = anyOf(sorted);
    this.#longestFirst = anyOf(sorted.reverse());
  }

  /** Text and tokens in turn: even indices are text (perhaps empty), odd ones tokens; the longest token wins. */
  split(text: string): string[] {
    return text.split(this.#longestFirst);
  }

  /** Lower-cases what lies between the tokens. Here, as in Hugging Face's pattern, the shortest token wins. */
  lowerCaseAround(text: string): string {
    const parts = text.split(this.#shortestFirst);
    return parts.map((part, index) => (index % 2 ? part : lowerCase(part))).join('');
  }
}

/** Matches any of some sorted tokens: in ascending order a token's own prefixes come, and win, first. */
function anyOf(tokens: readonly string[]): RegExp {
  return new RegExp(`(${tokens.map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`);
}
