import {
  type Classify,
  CONTROL,
  IDEOGRAPH,
  lowerCase,
  MARK,
  PUNCTUATION,
  pythonClass,
  REORDERED,
  rustClass,
  SPACE,
  uncleanRustClass,
} from './characters.ts';
import { reorderRuns, replaceCharacters, type TextWithOffsets } from './offsets.ts';
import { undecomposedInRust, within } from './unicode.ts';

export interface BasicTokenizerOptions {
  doLowerCase: boolean;
  /** `null`: the value of `doLowerCase`. */
  stripAccents: boolean | null;
  tokenizeChineseChars: boolean;
  /** Words that are neither lower-cased nor split at punctuation. */
  neverSplit: Iterable<string>;
  /** Match Hugging Face's Rust tokenizer rather than its Python one. Default false. */
  fast?: boolean;
  /** Drop control characters; only the Rust tokenizer can keep them. Default true. */
  cleanText?: boolean;
}

/** A normalised text and its words: word i is `[boundaries[2i], boundaries[2i + 1])`. */
export interface SplitWords extends TextWithOffsets {
  readonly boundaries: readonly number[];
}

// Engines order marks in quadratic time. Words with more marks map to [UNK] in any order.
const MAX_ORDERED_MARKS = 512;

/**
 * BERT's first stage (Devlin et al. 2019): cleans a text and splits it into words at blanks,
 * punctuation and CJK ideographs. Matches Hugging Face's Python `BasicTokenizer` (transformers
 * 4.29), or `BertNormalizer` and `BertPreTokenizer` of its Rust library.
 */
export class BasicTokenizer {
  readonly #fast: boolean;
  readonly #lowerCase: boolean;
  readonly #stripAccents: boolean;
  readonly #splitChineseChars: boolean;
  readonly #cleanText: boolean;
  readonly #neverSplit: ReadonlySet<string>;
  readonly #classOf: Classify;
  #mustReorder = false;
  // Replacements of characters, computed on first use.
  readonly #cleanedCache = new ReplacementCache((codePoint) => this.#cleanCharacter(codePoint));
  readonly #foldedCache = new ReplacementCache((codePoint) => this.#foldCharacter(codePoint));

  constructor(options: BasicTokenizerOptions) {
    this.#fast = options.fast ?? false;
    this.#lowerCase = options.doLowerCase;
    this.#stripAccents = options.stripAccents ?? options.doLowerCase;
    this.#splitChineseChars = options.tokenizeChineseChars;
    this.#cleanText = options.cleanText ?? true;
    this.#neverSplit = new Set(options.neverSplit);
    this.#classOf = !this.#fast ? pythonClass : this.#cleanText ? rustClass : uncleanRustClass;
  }

  /** The words of a text, in order. */
  tokenize(text: string): string[] {
    const { text: normalized, boundaries } = this.words(text, false);
    return Array.from({ length: boundaries.length / 2 }, (_, i) =>
      normalized.slice(boundaries[2 * i], boundaries[2 * i + 1]),
    );
  }

  /** The words of a text, with their offsets in it if requested. */
  words(text: string, withOffsets: boolean): SplitWords {
    return this.split(
      this.#foldText(
        this.#cleanCharacters(text, withOffsets),
        withOffsets,
        this.#neverSplit.size > 0,
      ),
    );
  }

  /** Cleans, lower-cases and strips a text without splitting it into words. */
  normalize(text: string, withOffsets: boolean): TextWithOffsets {
    return this.#foldText(this.#cleanCharacters(text, withOffsets), withOffsets, false);
  }

  /** Splits a normalised text, or its range `[from, to)`, at blanks and punctuation. */
  split(normalized: TextWithOffsets, from = 0, to = normalized.text.length): SplitWords {
    const { text, offsets } = normalized;
    const boundaries: number[] = [];
    let wordStart = from;
    let firstBoundary = 0;
    let start = from;
    for (let at = from; at <= to; ) {
      const codePoint = at < to ? text.codePointAt(at)! : 0x20;
      const next = at + (codePoint > 0xffff ? 2 : 1);
      const kind = this.#classOf(codePoint);
      if (kind === SPACE || kind === PUNCTUATION) {
        if (at > start) boundaries.push(start, at);
        if (kind === PUNCTUATION) boundaries.push(at, next);
        else {
          // A word of `neverSplit` was split only if it contains punctuation: undo that.
          if (
            boundaries.length > firstBoundary + 2 &&
            this.#neverSplit.has(text.slice(wordStart, at))
          )
            boundaries.splice(firstBoundary, boundaries.length - firstBoundary, wordStart, at);
          wordStart = next;
          firstBoundary = boundaries.length;
        }
        start = next;
      }
      at = next;
    }
    return { text, offsets, boundaries };
  }

  /** Drops control characters, unifies blanks, and adds blanks around ideographs. */
  #cleanCharacters(text: string, withOffsets: boolean): TextWithOffsets {
    const source = { text, offsets: null };
    return this.#cleanedCache.changes(text)
      ? replaceCharacters(source, withOffsets, (codePoint) => this.#cleanedCache.get(codePoint))
      : source;
  }

  #cleanCharacter(codePoint: number): string {
    const kind = this.#classOf(codePoint);
    // Rust strings cannot hold a lone surrogate, so its tokenizer gets U+FFFD.
    const char =
      codePoint >= 0xd800 && codePoint < 0xe000 ? '\ufffd' : String.fromCodePoint(codePoint);
    if (kind === CONTROL) return '';
    if (kind === SPACE) return this.#cleanText ? ' ' : char;
    return kind === IDEOGRAPH && this.#splitChineseChars ? ` ${char} ` : char;
  }

  /**
   * Lower-cases and strips accents, as the options say.
   * @param keep leave the words of `neverSplit` unchanged
   */
  #foldText(source: TextWithOffsets, withOffsets: boolean, keep: boolean): TextWithOffsets {
    let folded = source;
    if (this.#foldedCache.changes(source.text)) {
      const kept = keep ? this.#neverSplitRanges(source.text) : [];
      let range = 0;
      folded = replaceCharacters(source, withOffsets, (codePoint, at) => {
        while (at >= kept[range + 1]) range += 2;
        return at >= kept[range] ? null : this.#foldedCache.get(codePoint);
      });
    }
    // Characters were decomposed one by one, so neighbouring marks may be out of order.
    return this.#mustReorder
      ? reorderRuns(folded, withOffsets, /\p{M}{2,}/gu, (run) => this.#canonicalOrder(run))
      : folded;
  }

  #foldCharacter(codePoint: number): string {
    const char = String.fromCodePoint(codePoint);
    if (!this.#fast) return this.#withoutAccents(this.#lowerCase ? lowerCase(char) : char);
    return this.#lowerCase ? this.#withoutAccents(char).toLowerCase() : this.#withoutAccents(char);
  }

  #withoutAccents(text: string): string {
    if (!this.#stripAccents) return text;
    const whole = this.#fast && within(undecomposedInRust, text.codePointAt(0)!);
    let bare = '';
    for (const char of whole ? text : text.normalize('NFD')) {
      const kind = this.#classOf(char.codePointAt(0)!);
      if (kind === REORDERED) this.#mustReorder = true;
      if (kind !== MARK) bare += char;
    }
    return bare;
  }

  /** Marks that were not stripped, in Unicode's canonical order. */
  #canonicalOrder(run: string): string {
    let ordered = '';
    let moving = '';
    for (const char of `${run} `) {
      if (this.#classOf(char.codePointAt(0)!) === REORDERED) moving += char;
      else {
        ordered += (moving.length > MAX_ORDERED_MARKS ? moving : moving.normalize('NFD')) + char;
        moving = '';
      }
    }
    return ordered.slice(0, -1);
  }

  /** The ranges of the words of `neverSplit`: `[result[2i], result[2i + 1])`, ascending. */
  #neverSplitRanges(text: string): number[] {
    const ranges: number[] = [];
    let start = 0;
    for (const word of text.split(' ')) {
      if (this.#neverSplit.has(word)) ranges.push(start, start + word.length);
      start += word.length + 1;
    }
    return ranges;
  }
}

/** The replacement of each character, computed once. */
class ReplacementCache {
  readonly #replace: (codePoint: number) => string;
  readonly #replacements = new Map<number, string>();
  // By code point: 0 unknown, 1 unchanged, 2 replaced. Widened beyond the first plane on demand.
  #states = new Uint8Array(0x10000);

  constructor(replace: (codePoint: number) => string) {
    this.#replace = replace;
  }

  /** Whether some character of a text may be replaced. */
  changes(text: string): boolean {
    const states = this.#states;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      // A surrogate alone does not tell, so the text counts as changed.
      if ((unit >= 0xd800 && unit < 0xe000) || (states[unit] || this.#compute(unit)) === 2)
        return true;
    }
    return false;
  }

  /** The replacement of a character; null if it is unchanged. */
  get(codePoint: number): string | null {
    const state = this.#states[codePoint] || this.#compute(codePoint);
    return state === 1 ? null : this.#replacements.get(codePoint)!;
  }

  #compute(codePoint: number): number {
    if (codePoint >= this.#states.length) {
      const wider = new Uint8Array(0x110000);
      wider.set(this.#states);
      this.#states = wider;
    }
    const replacement = this.#replace(codePoint);
    const stays = replacement === String.fromCodePoint(codePoint);
    if (!stays) this.#replacements.set(codePoint, replacement);
    return (this.#states[codePoint] = stays ? 1 : 2);
  }
}
