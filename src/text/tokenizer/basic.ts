import {
  type Classify,
  CONTROL,
  IDEOGRAPH,
  lowerCase,
  MARK,
  MOVING,
  PUNCTUATION,
  pythonClass,
  rustClass,
  SPACE,
  uncleanRustClass,
} from './characters.ts';
import { reorder, rewrite, type Traced } from './offsets.ts';
import { wholeInRust, within } from './unicode.ts';

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
export interface Words extends Traced {
  readonly cuts: readonly number[];
}

// Engines put marks in order in quadratic time. A word with so many is unknown, in which order ever.
const MARK_FLOOD = 512;

/**
 * BERT's first stage: cleans a text and cuts it into words at blanks, punctuation and CJK ideographs
 * (Devlin et al. 2019), as Hugging Face's Python `BasicTokenizer` of transformers 4.29 does it, or as
 * `BertNormalizer` and `BertPreTokenizer` of its Rust library do.
 */
export class BasicTokenizer {
  readonly #fast: boolean;
  readonly #lower: boolean;
  readonly #strip: boolean;
  readonly #chinese: boolean;
  readonly #cleanText: boolean;
  readonly #neverSplit: ReadonlySet<string>;
  readonly #classOf: Classify;
  #anyMoving = false;
  // What characters become, kept as they are met.
  readonly #cleaned = new Replacements((codePoint) => this.#cleanOne(codePoint));
  readonly #folded = new Replacements((codePoint) => this.#foldOne(codePoint));

  constructor(options: BasicTokenizerOptions) {
    this.#fast = options.fast ?? false;
    this.#lower = options.doLowerCase;
    this.#strip = options.stripAccents ?? options.doLowerCase;
    this.#chinese = options.tokenizeChineseChars;
    this.#cleanText = options.cleanText ?? true;
    this.#neverSplit = new Set(options.neverSplit);
    this.#classOf = !this.#fast ? pythonClass : this.#cleanText ? rustClass : uncleanRustClass;
  }

  /** The words of a text, in order. */
  tokenize(text: string): string[] {
    const { text: normalized, cuts } = this.words(text, false);
    return Array.from({ length: cuts.length / 2 }, (_, i) =>
      normalized.slice(cuts[2 * i], cuts[2 * i + 1]),
    );
  }

  /** The words, and, if asked, where they come from. */
  words(text: string, asked: boolean): Words {
    return this.split(this.#fold(this.#clean(text, asked), asked, this.#neverSplit.size > 0));
  }

  /** The text as it is before it is cut into words. */
  normalize(text: string, asked: boolean): Traced {
    return this.#fold(this.#clean(text, asked), asked, false);
  }

  /** Cuts a normalised text, or the part `[from, to)` of one, at blanks and punctuation. */
  split(normalized: Traced, from = 0, to = normalized.text.length): Words {
    const { text, places } = normalized;
    const cuts: number[] = [];
    let wordStart = from;
    let firstCut = 0;
    let start = from;
    for (let at = from; at <= to; ) {
      const codePoint = at < to ? text.codePointAt(at)! : 0x20;
      const next = at + (codePoint > 0xffff ? 2 : 1);
      const kind = this.#classOf(codePoint);
      if (kind === SPACE || kind === PUNCTUATION) {
        if (at > start) cuts.push(start, at);
        if (kind === PUNCTUATION) cuts.push(at, next);
        else {
          // A word that is to stay whole has come apart only if there was punctuation in it.
          if (cuts.length > firstCut + 2 && this.#neverSplit.has(text.slice(wordStart, at)))
            cuts.splice(firstCut, cuts.length - firstCut, wordStart, at);
          wordStart = next;
          firstCut = cuts.length;
        }
        start = next;
      }
      at = next;
    }
    return { text, places, cuts };
  }

  /** Drops what is no text, makes blanks alike, and puts some around ideographs. */
  #clean(text: string, asked: boolean): Traced {
    const source = { text, places: null };
    return this.#cleaned.change(text)
      ? rewrite(source, asked, (codePoint) => this.#cleaned.of(codePoint))
      : source;
  }

  #cleanOne(codePoint: number): string {
    const kind = this.#classOf(codePoint);
    // A lone surrogate cannot be handed to Rust as it is.
    const char =
      codePoint >= 0xd800 && codePoint < 0xe000 ? '\ufffd' : String.fromCodePoint(codePoint);
    if (kind === CONTROL) return '';
    if (kind === SPACE) return this.#cleanText ? ' ' : char;
    return kind === IDEOGRAPH && this.#chinese ? ` ${char} ` : char;
  }

  /** Lower-cases and strips accents, where either is asked for, but may `keep` words that are never split. */
  #fold(source: Traced, asked: boolean, keep: boolean): Traced {
    let folded = source;
    if (this.#folded.change(source.text)) {
      const kept = keep ? this.#kept(source.text) : [];
      let range = 0;
      folded = rewrite(source, asked, (codePoint, at) => {
        while (at >= kept[range + 1]) range += 2;
        return at >= kept[range] ? null : this.#folded.of(codePoint);
      });
    }
    // Decomposed character by character: what follows each other may have to change places.
    return this.#anyMoving
      ? reorder(folded, asked, /\p{M}{2,}/gu, (run) => this.#inOrder(run))
      : folded;
  }

  #foldOne(codePoint: number): string {
    const char = String.fromCodePoint(codePoint);
    if (!this.#fast) return this.#stripped(this.#lower ? lowerCase(char) : char);
    return this.#lower ? this.#stripped(char).toLowerCase() : this.#stripped(char);
  }

  #stripped(text: string): string {
    if (!this.#strip) return text;
    const whole = this.#fast && within(wholeInRust, text.codePointAt(0)!);
    let bare = '';
    for (const char of whole ? text : text.normalize('NFD')) {
      const kind = this.#classOf(char.codePointAt(0)!);
      if (kind === MOVING) this.#anyMoving = true;
      if (kind !== MARK) bare += char;
    }
    return bare;
  }

  /** Marks that were not stripped, in canonical order. */
  #inOrder(run: string): string {
    let ordered = '';
    let moving = '';
    for (const char of `${run} `) {
      if (this.#classOf(char.codePointAt(0)!) === MOVING) moving += char;
      else {
        ordered += (moving.length > MARK_FLOOD ? moving : moving.normalize('NFD')) + char;
        moving = '';
      }
    }
    return ordered.slice(0, -1);
  }

  /** Where words stand that are to stay as they are: `[kept[2i], kept[2i + 1])`, ascending. */
  #kept(text: string): number[] {
    const kept: number[] = [];
    let start = 0;
    for (const word of text.split(' ')) {
      if (this.#neverSplit.has(word)) kept.push(start, start + word.length);
      start += word.length + 1;
    }
    return kept;
  }
}

/** What each character is replaced by. */
class Replacements {
  readonly #replace: (codePoint: number) => string;
  readonly #changed = new Map<number, string>();
  // By code point: 0 not met yet, 1 stays, 2 changes.
  #states = new Uint8Array(0x10000);

  constructor(replace: (codePoint: number) => string) {
    this.#replace = replace;
  }

  /** Whether some character of a text may not stay as it is. */
  change(text: string): boolean {
    const states = this.#states;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      // Half of a character tells nothing.
      if ((unit >= 0xd800 && unit < 0xe000) || (states[unit] || this.#meet(unit)) === 2)
        return true;
    }
    return false;
  }

  /** `null`: the character stays. */
  of(codePoint: number): string | null {
    const state = this.#states[codePoint] || this.#meet(codePoint);
    return state === 1 ? null : this.#changed.get(codePoint)!;
  }

  #meet(codePoint: number): number {
    if (codePoint >= this.#states.length) {
      const wider = new Uint8Array(0x110000);
      wider.set(this.#states);
      this.#states = wider;
    }
    const replacement = this.#replace(codePoint);
    const stays = replacement === String.fromCodePoint(codePoint);
    if (!stays) this.#changed.set(codePoint, replacement);
    return (this.#states[codePoint] = stays ? 1 : 2);
  }
}
