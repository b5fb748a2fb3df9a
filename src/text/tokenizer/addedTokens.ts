import { lowerCase, UNICODE_WHITESPACE } from './characters.ts';
import type { TextWithOffsets } from './offsets.ts';
import type { AddedToken } from './options.ts';
import { TokenFinder } from './tokenFinder.ts';

/** A part of a text: an added token, or the text between two of them. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  /** The content of the added token; null for text between tokens. */
  readonly token: string | null;
}

/** A text, perhaps lower-cased, and its segments; null if it contains no added token. */
export interface SegmentedText {
  readonly source: TextWithOffsets;
  readonly segments: readonly Segment[] | null;
}

/** Finds the tokens in a text that must not be split; the longest match wins. */
export interface AddedTokens {
  split(text: string, withOffsets: boolean): SegmentedText;
}

/**
 * Added tokens as the Python tokenizer finds them: in one pass, in a text lower-cased around them.
 */
export class PythonAddedTokens implements AddedTokens {
  readonly #lower: boolean;
  readonly #byContent: ReadonlyMap<string, Required<AddedToken>>;
  readonly #anySingleWord: boolean;
  readonly #longestFirst: TokenFinder;
  readonly #shortestFirst: TokenFinder;

  constructor(tokens: readonly Required<AddedToken>[], lower: boolean) {
    this.#lower = lower;
    this.#byContent = new Map(tokens.map((token) => [token.content, token]));
    this.#anySingleWord = tokens.some(({ singleWord }) => singleWord);
    this.#longestFirst = new TokenFinder(this.#byContent.keys(), 'longest');
    this.#shortestFirst = new TokenFinder(this.#byContent.keys(), 'shortest');
  }

  split(text: string, withOffsets: boolean): SegmentedText {
    const lowered = this.#lower
      ? this.#lowerCaseAround(text, withOffsets)
      : { text, offsets: null };
    if (!this.#longestFirst.next(lowered.text, 0)) return { source: lowered, segments: null };
    const segments = segmentsOf(lowered.text, this.#longestFirst);
    return {
      source: lowered,
      segments: this.#anySingleWord ? this.#rejoinSingleWords(lowered.text, segments) : segments,
    };
  }

  /**
   * Lower-cases the text between tokens. Here the shortest token wins, as in Hugging Face's
   * pattern.
   */
  #lowerCaseAround(text: string, withOffsets: boolean): TextWithOffsets {
    const segments = segmentsOf(text, this.#shortestFirst);
    const lowered = segments
      .map(({ start, end, token }) => token ?? lowerCase(text.slice(start, end)))
      .join('');
    // Only İ changes its length in lower case.
    if (!withOffsets || lowered.length === text.length) return { text: lowered, offsets: null };
    const starts: number[] = [];
    const ends: number[] = [];
    for (const segment of segments) {
      let at = segment.start;
      for (const char of text.slice(segment.start, segment.end)) {
        const { length } = segment.token === null ? lowerCase(char) : char;
        for (let i = 0; i < length; i++) {
          starts.push(at);
          ends.push(at + char.length);
        }
        at += char.length;
      }
    }
    return { text: lowered, offsets: { starts, ends } };
  }

  /**
   * Follows Python's loop over the parts: a `singleWord` token that touches other characters is
   * merged into its neighbour. `lstrip` and `rstrip` have no effect: blanks are dropped anyway.
   */
  #rejoinSingleWords(text: string, found: readonly Segment[]): Segment[] {
    const segments = [...found];
    segments.forEach((part, i) => {
      const token = part.token === null ? undefined : this.#byContent.get(part.token);
      if (!token?.singleWord) return;
      const left = segments[i - 1];
      const right = segments[i + 1];
      const emptied = { start: part.start, end: part.start, token: null };
      if (left && left.end > left.start && text[part.start - 1] !== ' ') {
        segments[i - 1] = { start: left.start, end: part.end, token: null };
        segments[i] = emptied;
      } else if (right && text[part.end] !== ' ') {
        segments[i + 1] = { start: part.start, end: right.end, token: null };
        segments[i] = emptied;
      }
    });
    return segments.filter(({ start, end }) => end > start);
  }
}

/**
 * Added tokens as the Rust tokenizer finds them, one instance for raw and one for normalised text.
 */
export class RustAddedTokens implements AddedTokens {
  readonly #byPattern = new Map<string, Required<AddedToken>>();
  readonly #finder: TokenFinder;

  /** @param normalize applied to the content of each token before the search */
  constructor(tokens: readonly Required<AddedToken>[], normalize = (content: string) => content) {
    for (const token of tokens) {
      const pattern = normalize(token.content);
      if (pattern !== '') this.#byPattern.set(pattern, token);
    }
    this.#finder = new TokenFinder(this.#byPattern.keys(), 'longest');
  }

  /** Whether there is any token to find. */
  get hasAny(): boolean {
    return this.#finder.hasAny;
  }

  /** Whether a text may contain a token; flags are not checked. */
  test(text: string): boolean {
    return this.#finder.next(text, 0) !== null;
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
    for (const found of this.#finder.find(text)) {
      const token = this.#byPattern.get(found.token)!;
      let { start, end } = found;
      if (
        token.singleWord &&
        (matchesAt(AFTER_WORD, text, start) || matchesAt(BEFORE_WORD, text, end))
      )
        continue;
      // The token before may have included a blank that this one begins with.
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

// Matches Rust's \w.
const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d]';
const AFTER_WORD = new RegExp(`(?<=${WORD})`, 'uy');
const BEFORE_WORD = new RegExp(`(?=${WORD})`, 'uy');

function matchesAt(sticky: RegExp, text: string, at: number): boolean {
  sticky.lastIndex = at;
  return sticky.test(text);
}

/** The tokens of a text and the texts between them, in order. */
function segmentsOf(text: string, finder: TokenFinder): Segment[] {
  const segments: Segment[] = [];
  let last = 0;
  for (const found of finder.find(text)) {
    if (found.start > last) segments.push({ start: last, end: found.start, token: null });
    segments.push(found);
    last = found.end;
  }
  if (last < text.length) segments.push({ start: last, end: text.length, token: null });
  return segments;
}
