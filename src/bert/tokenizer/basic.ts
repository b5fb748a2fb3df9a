import { CONTROL, classOf, IDEOGRAPH, lowerCase, MARK, PUNCTUATION, SPACE } from './characters.ts';

// Engines put marks in canonical order in quadratic time; a flood of them is dropped before, as each would be after.
const MARK_FLOOD = /\p{Mn}{64,}/gu;

export interface BasicTokenizerOptions {
  doLowerCase: boolean;
  /** `null`: as `doLowerCase` says. */
  stripAccents: boolean | null;
  tokenizeChineseChars: boolean;
  /** Words left as they are: not lower-cased, not split at punctuation. */
  neverSplit: Iterable<string>;
}

/**
 * BERT's first stage: cleans a text and cuts it into words at blanks, punctuation and CJK ideographs
 * (Devlin et al. 2019, as Hugging Face's Python `BasicTokenizer` of transformers 4.29 does it, without NFC).
 */
export class BasicTokenizer {
  readonly #lower: boolean;
  readonly #strip: boolean;
  readonly #chinese: boolean;
  readonly #neverSplit: ReadonlySet<string>;

  constructor(options: BasicTokenizerOptions) {
    this.#lower = options.doLowerCase;
    this.#strip = options.stripAccents ?? options.doLowerCase;
    this.#chinese = options.tokenizeChineseChars;
    this.#neverSplit = new Set(options.neverSplit);
  }

  /** The words of a text, in order. */
  tokenize(text: string): string[] {
    const words: string[] = [];
    for (const raw of this.#clean(text)) {
      const word = this.#neverSplit.has(raw) ? raw : this.#normalize(raw);
      if (this.#neverSplit.has(word)) words.push(word);
      else splitAtPunctuation(word, words);
    }
    return words;
  }

  /** Drops what is no text, and cuts at blanks and around ideographs. */
  #clean(text: string): string[] {
    const words: string[] = [];
    let word = '';
    const end = () => {
      if (word) words.push(word);
      word = '';
    };
    for (const char of text) {
      const kind = classOf(char.codePointAt(0)!);
      if (kind === CONTROL) continue;
      if (kind === SPACE) end();
      else if (kind === IDEOGRAPH && this.#chinese) {
        end();
        words.push(char);
      } else word += char;
    }
    end();
    return words;
  }

  #normalize(word: string): string {
    const cased = this.#lower ? lowerCase(word) : word;
    if (!this.#strip) return cased;
    let bare = '';
    for (const char of cased.replace(MARK_FLOOD, '').normalize('NFD')) if (classOf(char.codePointAt(0)!) !== MARK) bare += char;
    return bare;
  }
}

function splitAtPunctuation(word: string, words: string[]): void {
  let start = 0;
  for (let at = 0; at < word.length; ) {
    const codePoint = word.codePointAt(at)!;
    const next = at + (codePoint > 0xffff ? 2 : 1);
    if (classOf(codePoint) === PUNCTUATION) {
      if (at > start) words.push(word.slice(start, at));
      words.push(word.slice(at, next));
      start = next;
    }
    at = next;
  }
  if (start < word.length) words.push(word.slice(start));
}
