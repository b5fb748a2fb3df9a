import {
  addedAfterUnicode14,
  MARK_IN_UNICODE_14,
  plainInRust,
  unorderedInRust,
  within,
} from './unicode.ts';

/**
 * Classes of characters, by what BERT's basic tokenizer does with them. Each character has one
 * class.
 */
export const PLAIN = 1;
/**
 * Ends a word. Includes the line and paragraph separators, which Hugging Face keeps in cleaning but
 * splits at.
 */
export const SPACE = 2;
/** Dropped: categories C*, NUL and U+FFFD. */
export const CONTROL = 3;
/** A word of its own: categories P* and every ASCII symbol. */
export const PUNCTUATION = 4;
/** A CJK ideograph in the blocks that BERT names: a word of its own. */
export const IDEOGRAPH = 5;
/** Category Mn: dropped when accents are stripped. */
export const MARK = 6;
/** Plain, but with a combining class: canonical ordering may move it among its neighbours. */
export const REORDERED = 7;

/** The class of a code point, lone surrogates included. */
export type Classify = (codePoint: number) => number;

const IDEOGRAPHS = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
] as const;

// The Rust tokenizer has a typo: its block begins at 2B920.
const NO_IDEOGRAPHS_IN_RUST = [[0x2b820, 0x2b91f]] as const;

/** Classes of Python 3.11, which has Unicode 14.0. Unassigned characters are dropped. */
export const pythonClass = memoize((codePoint) => {
  const char = String.fromCodePoint(codePoint);
  if (/[\t\n\r\p{Z}]/u.test(char)) return SPACE;
  if (/[\p{C}\ufffd]/u.test(char) || within(addedAfterUnicode14, codePoint)) return CONTROL;
  if (/[!-/:-@[-`{-~\p{P}]/u.test(char)) return PUNCTUATION;
  if (within(IDEOGRAPHS, codePoint)) return IDEOGRAPH;
  if (codePoint === MARK_IN_UNICODE_14 || /\p{Mn}/u.test(char)) return MARK;
  return isReordered(char) ? REORDERED : PLAIN;
});

/** Classes of the Rust tokenizer. Unassigned characters are plain. */
export const rustClass = memoize((codePoint) => {
  const char = String.fromCodePoint(codePoint);
  if (/[\t\n\r\p{Z}]/u.test(char)) return SPACE;
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\ufffd]/u.test(char) && !within(plainInRust, codePoint))
    return CONTROL;
  return printableRustClass(char, codePoint);
});

/** Classes of the Rust tokenizer when it does not clean the text: nothing is dropped. */
export const uncleanRustClass = memoize((codePoint) => {
  const char = String.fromCodePoint(codePoint);
  return /[\t-\r\x85\p{Z}]/u.test(char) ? SPACE : printableRustClass(char, codePoint);
});

function printableRustClass(char: string, codePoint: number): number {
  // Unicode has changed the classes of these two lines since the version of Rust's tables.
  if (codePoint === 0x166d || codePoint === 0x111c9) return PUNCTUATION;
  if (codePoint === 0x1734 || codePoint === MARK_IN_UNICODE_14) return MARK;
  if (/[!-/:-@[-`{-~\p{P}]/u.test(char))
    return within(plainInRust, codePoint) ? PLAIN : PUNCTUATION;
  if (within(IDEOGRAPHS, codePoint) && !within(NO_IDEOGRAPHS_IN_RUST, codePoint)) return IDEOGRAPH;
  if (/\p{Mn}/u.test(char) && !within(plainInRust, codePoint)) return MARK;
  return isReordered(char) && !within(unorderedInRust, codePoint) ? REORDERED : PLAIN;
}

/**
 * Whether canonical ordering moves a mark behind the lowest combining class or before the highest.
 */
function isReordered(char: string): boolean {
  if (!/\p{M}/u.test(char)) return false;
  const alone = char.normalize('NFD');
  return (
    `${char}\u0334`.normalize('NFD') !== `${alone}\u0334` ||
    `\u0345${char}`.normalize('NFD') !== `\u0345${alone}`
  );
}

/** Classes are computed on first use: classifying all of Unicode takes longer than most runs. */
function memoize(classify: Classify): Classify {
  let cache: Uint8Array | undefined;
  return (codePoint) => {
    cache ??= new Uint8Array(0x110000);
    return cache[codePoint] || (cache[codePoint] = classify(codePoint));
  };
}

const SEPARATORS = [
  0x20, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
  0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
];
const codeUnitTable = (...units: number[]): Uint8Array => {
  const marked = new Uint8Array(0x10000);
  for (const unit of units) marked[unit] = 1;
  return marked;
};

/** 1 for each UTF-16 unit that ends a word when the text is cleaned. */
export const CLEANED_WHITESPACE = codeUnitTable(9, 10, 13, ...SEPARATORS);
/** 1 for each UTF-16 unit with Unicode's property White_Space (JavaScript's `\s` differs). */
export const UNICODE_WHITESPACE = codeUnitTable(9, 10, 11, 12, 13, 0x85, ...SEPARATORS);
/** 1 for each UTF-16 unit that is a blank for Python's `str.split()` and `str.strip()`. */
export const PYTHON_WHITESPACE = codeUnitTable(
  9,
  10,
  11,
  12,
  13,
  0x1c,
  0x1d,
  0x1e,
  0x1f,
  0x85,
  ...SEPARATORS,
);

// JavaScript lower-cases Σ by its position in the word. The other four are newer than Unicode 14.0:
// they must stay and be dropped later, rather than become older letters.
const LOWERED_BY_CHARACTER = /[\u03a3\ua7cb\ua7d2\ua7d4\ua7dc]/;

/** Lower-cases character by character: a final Σ becomes σ, not ς. */
export function lowerCase(text: string): string {
  if (!LOWERED_BY_CHARACTER.test(text)) return text.toLowerCase();
  return text
    .split(/([\u03a3\ua7cb\ua7d2\ua7d4\ua7dc])/)
    .map((part) =>
      part === '\u03a3' ? '\u03c3' : LOWERED_BY_CHARACTER.test(part) ? part : part.toLowerCase(),
    )
    .join('');
}
