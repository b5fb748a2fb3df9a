import { addedAfter14, MARK_IN_14 } from './unicode.ts';

/** What BERT's basic tokenizer does with a character; each character is of exactly one class. */
export const PLAIN = 1;
/** Ends a word. Includes the line and paragraph separators, which Hugging Face keeps while cleaning but splits at. */
export const SPACE = 2;
/** Dropped: categories C* (unassigned ones too), NUL and U+FFFD. */
export const CONTROL = 3;
/** A word of its own: categories P* and every ASCII symbol. */
export const PUNCTUATION = 4;
/** A CJK ideograph in the blocks that BERT names: a word of its own. */
export const IDEOGRAPH = 5;
/** Category Mn: dropped where accents are stripped. */
export const MARK = 6;

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

const within = (ranges: readonly (readonly [number, number])[], codePoint: number) =>
  ranges.some(([first, last]) => codePoint >= first && codePoint <= last);

function classify(codePoint: number): number {
  const char = String.fromCodePoint(codePoint);
  if (/[\t\n\r\p{Z}]/u.test(char)) return SPACE;
  if (/[\p{C}\ufffd]/u.test(char) || within(addedAfter14, codePoint)) return CONTROL;
  if (/[!-/:-@[-`{-~\p{P}]/u.test(char)) return PUNCTUATION;
  if (within(IDEOGRAPHS, codePoint)) return IDEOGRAPH;
  return codePoint === MARK_IN_14 || /\p{Mn}/u.test(char) ? MARK : PLAIN;
}

// Filled as characters are met: classifying all of Unicode up front costs more than most runs ever use.
const known = new Uint8Array(0x110000);

/** The class of a code point (`PLAIN` … `MARK`); a lone surrogate is a `CONTROL`. */
export function classOf(codePoint: number): number {
  return known[codePoint] || (known[codePoint] = classify(codePoint));
}

/** Whether Python's `str.split()` and `str.strip()` take this UTF-16 unit as a blank (JavaScript's `\s` differs). */
export function isPythonSpace(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 9 && unit <= 13) || (unit >= 0x1c && unit <= 0x1f);
  return unit === 0x85 || (unit >= 0xa0 && classOf(unit) === SPACE);
}

// Σ depends on its place in the word when a whole text is lower-cased; the other four are newer than Unicode 14.0
// and would turn into letters that are not, instead of being dropped.
const NOT_BY_TEXT = /[\u03a3\ua7cb\ua7d2\ua7d4\ua7dc]/;

/** Lower-cases character by character: a final Σ becomes σ, not ς. */
export function lowerCase(text: string): string {
  if (!NOT_BY_TEXT.test(text)) return text.toLowerCase();
  return text
    .split(/([\u03a3\ua7cb\ua7d2\ua7d4\ua7dc])/)
    .map((part) => (part === '\u03a3' ? '\u03c3' : NOT_BY_TEXT.test(part) ? part : part.toLowerCase()))
    .join('');
}
