import { lowerCase, UNICODE_WHITESPACE } from './characters.ts';
import type { TextWithOffsets } from './offsets.ts';
import type { AddedToken } from './options.ts';

/** A part of a text: an added token, or what stands between two. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  /** `null`: no token. */
  readonly token: string | null;
}

/** A text, perhaps rewritten, and its parts; `null`: it has no token in it. */
export interface SegmentedText {
  readonly source: TextWithOffsets;
  readonly segments: readonly Segment[] | null;
}

/** Finds tokens that are kept whole wherever they stand in a text; the longest wins. */
export interface AddedTokens {
  split(text: string, withOffsets: boolean): SegmentedText;
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
    this.#shortestFirst = alternation(sorted);
    this.#longestFirst = alternation(sorted.reverse());
  }

  split(text: string, withOffsets: boolean): SegmentedText {
    const lowered = this.#lower
      ? this.#lowerCaseAround(text, withOffsets)
      : { text, offsets: null };
    const segments: Segment[] = [];
    if (!this.#longestFirst.test(lowered.text)) return { source: lowered, segments: null };
    let start = 0;
    lowered.text.split(this.#longestFirst).forEach((piece, index) => {
      const end = start + piece.length;
      if (end > start) segments.push({ start, end, token: index % 2 ? piece : null });
      start = end;
    });
    return {
      source: lowered,
      segments: this.#anySingleWord ? this.#rejoinSingleWords(lowered.text, segments) : segments,
    };
  }

  /** Lower-cases what lies between the tokens. Here, as in Hugging Face's pattern, the shortest token wins. */
  #lowerCaseAround(text: string, withOffsets: boolean): TextWithOffsets {
    const pieces = this.#shortestFirst.test(text) ? text.split(this.#shortestFirst) : [text];
    const lowered = pieces.map((part, index) => (index % 2 ? part : lowerCase(part))).join('');
    // Only İ changes its length.
    if (!withOffsets || lowered.length === text.length) return { text: lowered, offsets: null };
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
    return { text: lowered, offsets: { starts, ends } };
  }

  /**
   * What Python's loop over the parts does: a token that is no word of its own joins its neighbour. Blanks on its
   * sides would be dropped anyway, so the other two flags change nothing.
   */
  #rejoinSingleWords(text: string, found: readonly Segment[]): Segment[] {
    const segments = [...found];
    segments.forEach((part, i) => {
      const token = part.token === null ? undefined : this.#byContent.get(part.token);
      if (!token?.singleWord) return;
      const left = segments[i - 1];
      const right = segments[i + 1];
      const joined = { start: part.start, end: part.start, token: null };
      if (left && left.end > left.start && text[part.start - 1] !== ' ') {
        segments[i - 1] = { start: left.start, end: part.end, token: null };
        segments[i] = joined;
      } else if (right && text[part.end] !== ' ') {
        segments[i + 1] = { start: part.start, end: right.end, token: null };
        segments[i] = joined;
      }
    });
    return segments.filter(({ start, end }) => end > start);
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
    this.#pattern = new RegExp(alternation([...this.#byPattern.keys()].sort().reverse()), 'g');
  }

  /** Whether there are any tokens to look for. */
  get hasAny(): boolean {
    return this.#byPattern.size > 0;
  }

  /** Whether there may be one in a text. */
  test(text: string): boolean {
    this.#pattern.lastIndex = 0;
    return this.hasAny && this.#pattern.test(text);
  }

  split(text: string): SegmentedText {
    return {
      source: { text, offsets: null },
      segments: this.test(text) ? this.segments(text) : null,
    };
  }

  segments(text: string): Segment[] {
    const segments: Segment[] = [];
    let last = 0;
    this.#pattern.lastIndex = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#byPattern.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (
        token.singleWord &&
        (matchesAt(AFTER_WORD, text, start) || matchesAt(BEFORE_WORD, text, end))
      )
        continue;
      // The token before may have taken a blank along that this one begins with.
      if (token.lstrip) start = Math.max(start, last);
      while (token.lstrip && start > last && UNICODE_WHITESPACE[text.charCodeAt(start - 1)])
        start--;
      while (token.rstrip && end < text.length && UNICODE_WHITESPACE[text.charCodeAt(end)]) end++;
      if (start > last) segments.push({ start: last, end: start, token: null });
      segments.push({ start, end, token: token.content });
      last = end;
    }
    if (last < text.length) segments.push({ start: last, end: text.length, token: null });
    return segments;
  }
}

// Rust's \w.
const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d]';
const AFTER_WORD = new RegExp(`(?<=${WORD})`, 'uy');
const BEFORE_WORD = new RegExp(`(?=${WORD})`, 'uy');

function matchesAt(sticky: RegExp, text: string, at: number): boolean {
  sticky.lastIndex = at;
  return sticky.test(text);
}

/** Matches any of some sorted tokens: in ascending order a token's own prefixes come, and win, first. */
function alternation(tokens: readonly string[]): RegExp {
  return new RegExp(
    `(${tokens.map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`,
  );
}
