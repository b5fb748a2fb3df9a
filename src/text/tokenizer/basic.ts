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
  /** `null`: as `doLowerCase` says. */
  stripAccents: boolean | null;
  tokenizeChineseChars: boolean;
  /** Words left as they are: not lower-cased, not split at punctuation. */
  neverSplit: Iterable<string>;
  /** As Hugging Face's Rust tokenizer does it. Default false: as its Python one. */
  fast?: boolean;
  /** Drop control characters; only the Rust tokenizer can leave them. Default true. */
  cleanText?: boolean;
}

/** A normalised text and its words: `[cuts[2i], cuts[2i + 1])` is word i. */
export interface SplitWords extends TextWithOffsets {
  readonly boundaries: readonly number[];
}

// Engines put marks in order in quadratic time. A word with so many is unknown, in which order ever.
const MAX_ORDERED_MARKS = 512;

/**
 * BERT's first stage: cleans a text and cuts it into words at blanks, punctuation and CJK ideographs
 * (Devlin et al. 2019), as Hugging Face's Python `BasicTokenizer` of transformers 4.29 does it, or as
 * `BertNormalizer` and `BertPreTokenizer` of its Rust library do.
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
  // What characters become, kept as they are met.
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

  /** The words, and, if asked, where they come from. */
  words(text: string, withOffsets: boolean): SplitWords {
    return this.split(
      this.#foldText(
        this.#cleanCharacters(text, withOffsets),
        withOffsets,
        this.#neverSplit.size > 0,
      ),
    );
  }

  /** The text as it is before it is cut into words. */
  normalize(text: string, withOffsets: boolean): TextWithOffsets {
    return this.#foldText(this.#cleanCharacters(text, withOffsets), withOffsets, false);
  }

  /** Cuts a normalised text, or the part `[from, to)` of one, at blanks and punctuation. */
  split(normalized: TextWithOffsets, from = 0, to = normalized.text.length): SplitWords {
    const { text, offsets } = normalized;
    const boundaries: number[] = [];
    let wordStart = from;
    let firstCut = 0;
    let start = from;
    for (let at = from; at <= to; ) {
      const codePoint = at < to ? text.codePointAt(at)! : 0x20;
      const next = at + (codePoint > 0xffff ? 2 : 1);
      const kind = this.#classOf(codePoint);
      if (kind === SPACE || kind === PUNCTUATION) {
        if (at > start) boundaries.push(start, at);
        if (kind === PUNCTUATION) boundaries.push(at, next);
        else {
          // A word that is to stay whole has come apart only if there was punctuation in it.
          if (boundaries.length > firstCut + 2 && this.#neverSplit.has(text.slice(wordStart, at)))
            boundaries.splice(firstCut, boundaries.length - firstCut, wordStart, at);
          wordStart = next;
          firstCut = boundaries.length;
        }
        start = next;
      }
      at = next;
    }
    return { text, offsets, boundaries };
  }

  /** Drops what is no text, makes blanks alike, and puts some around ideographs. */
  #cleanCharacters(text: string, withOffsets: boolean): TextWithOffsets {
    const source = { text, offsets: null };
    return this.#cleanedCache.changes(text)
      ? replaceCharacters(source, withOffsets, (codePoint) => this.#cleanedCache.get(codePoint))
      : source;
  }

  #cleanCharacter(codePoint: number): string {
    const kind = this.#classOf(codePoint);
    // A lone surrogate cannot be handed to Rust as it is.
    const char =
      codePoint >= 0xd800 && codePoint < 0xe000 ? '\ufffd' : String.fromCodePoint(codePoint);
    if (kind === CONTROL) return '';
    if (kind === SPACE) return this.#cleanText ? ' ' : char;
    return kind === IDEOGRAPH && this.#splitChineseChars ? ` ${char} ` : char;
  }

  /** Lower-cases and strips accents, where either is asked for, but may `keep` words that are never split. */
  #foldText(source: TextWithOffsets, withOffsets: boolean, keep: boolean): TextWithOffsets {
    let folded = source;
    if (this.#foldedCache.changes(source.text)) {
      const neverSplitRanges = keep ? this.#kept(source.text) : [];
      let range = 0;
      folded = replaceCharacters(source, withOffsets, (codePoint, at) => {
        while (at >= neverSplitRanges[range + 1]) range += 2;
        return at >= neverSplitRanges[range] ? null : this.#foldedCache.get(codePoint);
      });
    }
    // Decomposed character by character: what follows each other may have to change places.
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

  /** Marks that were not stripped, in canonical order. */
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

  /** Where words stand that are to stay as they are: `[kept[2i], kept[2i + 1])`, ascending. */
  #kept(text: string): number[] {
    const neverSplitRanges: number[] = [];
    let start = 0;
    for (const word of text.split(' ')) {
      if (this.#neverSplit.has(word)) neverSplitRanges.push(start, start + word.length);
      start += word.length + 1;
    }
    return neverSplitRanges;
  }
}

/** What each character is replaced by. */
class ReplacementCache {
  readonly #replace: (codePoint: number) => string;
  readonly #replacements = new Map<number, string>();
  // By code point: 0 not met yet, 1 stays, 2 changes.
  #states = new Uint8Array(0x10000);

  constructor(replace: (codePoint: number) => string) {
    this.#replace = replace;
  }

  /** Whether some character of a text may not stay as it is. */
  changes(text: string): boolean {
    const states = this.#states;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      // Half of a character tells nothing.
      if ((unit >= 0xd800 && unit < 0xe000) || (states[unit] || this.#compute(unit)) === 2)
        return true;
    }
    return false;
  }

  /** `null`: the character stays. */
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
