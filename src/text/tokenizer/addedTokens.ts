import { lowerCase, WHITE_SPACE } from './characters.ts';
import type { Traced } from './offsets.ts';
import type { AddedToken } from './options.ts';

/** A part of a text: an added token, or what stands between two. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** `null`: no token. */
  readonly token: string | null;
}

/** A text, perhaps rewritten, and its parts; `null`: it has no token in it. */
export interface Parted {
  readonly from: Traced;
  readonly parts: readonly Part[] | null;
}

/** Finds tokens that are kept whole wherever they stand in a text; the longest wins. */
export interface AddedTokens {
  split(text: string, asked: boolean): Parted;
}

/** As the Python tokenizer finds them: all in one pass, in a text lower-cased around them. */
export class PythonAddedTokens implements AddedTokens {
  readonly #lower: boolean;
  readonly #byContent: ReadonlyMap<string, Required<AddedToken>>;
  readonly #anySingleWord: boolean;
  readonly #longestFirst: RegExp;
  readonly #shortestFirst: RegExp;

  constructor(tokens: readonly Required<AddedToken>[], lower: boolean) {
    this.#lower = lower;
    this.#byContent = new Map(tokens.map((token) => [token.content, token]));
    this.#anySingleWord = tokens.some(({ singleWord }) => singleWord);
    const sorted = [...this.#byContent.keys()].sort();
    this.#shortestFirst = anyOf(sorted);
    this.#longestFirst = anyOf(sorted.reverse());
  }

  split(text: string, asked: boolean): Parted {
    const whole = this.#lower ? this.#lowerCaseAround(text, asked) : { text, places: null };
    const parts: Part[] = [];
    if (!this.#longestFirst.test(whole.text)) return { from: whole, parts: null };
    let start = 0;
    whole.text.split(this.#longestFirst).forEach((piece, index) => {
      const end = start + piece.length;
      if (end > start) parts.push({ start, end, token: index % 2 ? piece : null });
      start = end;
    });
    return { from: whole, parts: this.#anySingleWord ? this.#joinParts(whole.text, parts) : parts };
  }

  /** Lower-cases what lies between the tokens. Here, as in Hugging Face's pattern, the shortest token wins. */
  #lowerCaseAround(text: string, asked: boolean): Traced {
    const pieces = this.#shortestFirst.test(text) ? text.split(this.#shortestFirst) : [text];
    const lowered = pieces.map((part, index) => (index % 2 ? part : lowerCase(part))).join('');
    // Only İ changes its length.
    if (!asked || lowered.length === text.length) return { text: lowered, places: null };
    const starts: number[] = [];
    const ends: number[] = [];
    let at = 0;
    pieces.forEach((piece, index) => {
      for (const char of piece) {
        const length = index % 2 ? char.length : lowerCase(char).length;
        for (let i = 0; i < length; i++) {
          starts.push(at);
          ends.push(at + char.length);
        }
        at += char.length;
      }
    });
    return { text: lowered, places: { starts, ends } };
  }

  /**
   * What Python's loop over the parts does: a token that is no word of its own joins its neighbour. Blanks on its
   * sides would be dropped anyway, so the other two flags change nothing.
   */
  #joinParts(text: string, found: readonly Part[]): Part[] {
    const parts = [...found];
    parts.forEach((part, i) => {
      const token = part.token === null ? undefined : this.#byContent.get(part.token);
      if (!token?.singleWord) return;
      const left = parts[i - 1];
      const right = parts[i + 1];
      const joined = { start: part.start, end: part.start, token: null };
      if (left && left.end > left.start && text[part.start - 1] !== ' ') {
        parts[i - 1] = { start: left.start, end: part.end, token: null };
        parts[i] = joined;
      } else if (right && text[part.end] !== ' ') {
        parts[i + 1] = { start: part.start, end: right.end, token: null };
        parts[i] = joined;
      }
    });
    return parts.filter(({ start, end }) => end > start);
  }
}

/** As the Rust tokenizer finds them: here those that are not normalised, in the text as it is. */
export class RustAddedTokens implements AddedTokens {
  readonly #byPattern = new Map<string, Required<AddedToken>>();
  readonly #pattern: RegExp;

  /** @param normalize what each token's content becomes before it is looked for. */
  constructor(tokens: readonly Required<AddedToken>[], normalize = (content: string) => content) {
    for (const token of tokens) {
      const pattern = normalize(token.content);
      if (pattern !== '') this.#byPattern.set(pattern, token);
    }
    this.#pattern = new RegExp(anyOf([...this.#byPattern.keys()].sort().reverse()), 'g');
  }

  /** Whether there are any tokens to look for. */
  get any(): boolean {
    return this.#byPattern.size > 0;
  }

  /** Whether there may be one in a text. */
  test(text: string): boolean {
    this.#pattern.lastIndex = 0;
    return this.any && this.#pattern.test(text);
  }

  split(text: string): Parted {
    return { from: { text, places: null }, parts: this.test(text) ? this.parts(text) : null };
  }

  parts(text: string): Part[] {
    const parts: Part[] = [];
    let last = 0;
    this.#pattern.lastIndex = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#byPattern.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (token.singleWord && (holds(AFTER_WORD, text, start) || holds(BEFORE_WORD, text, end)))
        continue;
      // The token before may have taken a blank along that this one begins with.
      if (token.lstrip) start = Math.max(start, last);
      while (token.lstrip && start > last && WHITE_SPACE[text.charCodeAt(start - 1)]) start--;
      while (token.rstrip && end < text.length && WHITE_SPACE[text.charCodeAt(end)]) end++;
      if (start > last) parts.push({ start: last, end: start, token: null });
      parts.push({ start, end, token: token.content });
      last = end;
    }
    if (last < text.length) parts.push({ start: last, end: text.length, token: null });
    return parts;
  }
}

// Rust's \w.
const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d]';
const AFTER_WORD = new RegExp(`(?<=${WORD})`, 'uy');
const BEFORE_WORD = new RegExp(`(?=${WORD})`, 'uy');

function holds(sticky: RegExp, text: string, at: number): boolean {
  sticky.lastIndex = at;
  return sticky.test(text);
}

/** Matches any of some sorted tokens: in ascending order a token's own prefixes come, and win, first. */
function anyOf(tokens: readonly string[]): RegExp {
  return new RegExp(
    `(${tokens.map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`,
  );
}
