import { bertNormalizer, bertPreTokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { BasicTokenizer } from '../../../src/text/tokenizer/index.ts';
import {
  addedAfterUnicode14,
  plainInRust,
  undecomposedInRust,
  within,
} from '../../../src/text/tokenizer/unicode.ts';
import { compareWithRust as compare, SPECIAL, switches } from '../../support/rustTokenizer.ts';

// The Rust tokenizer is the oracle of `BertTokenizerFast` on each character there is.

const CODE_POINTS = 0x110000;
const SURROGATES = 0x800;
const CHUNK = 0x800;

/** Planes 4 to 13 hold no character yet, planes 15 and 16 only private ones. */
const isEmptyPlane = (codePoint: number) => codePoint >= 0x40000 && codePoint >> 16 !== 14;

/**
 * Code points in chunks, surrogates left out: they are none of a text. Without `all`, one chunk
 * stands for each empty plane.
 */
function* chunks(all = true): Generator<string[]> {
  for (let first = 0; first < CODE_POINTS; first += CHUNK) {
    if (first >= 0xd800 && first < 0xe000) continue;
    if (!all && isEmptyPlane(first) && (first & 0xffff) !== 0) continue;
    yield Array.from({ length: CHUNK }, (_, i) => String.fromCodePoint(first + i));
  }
}

const name = (char: string) => `U+${char.codePointAt(0)!.toString(16).padStart(4, '0')}`;

describe('each of the 1,112,064 code points', () => {
  it.each(switches)('is normalised alike between letters: %j', (options) => {
    const ours = new BasicTokenizer({ ...options, fast: true, neverSplit: [] });
    const theirs = bertNormalizer({
      cleanText: options.cleanText,
      handleChineseChars: options.tokenizeChineseChars,
      stripAccents: options.stripAccents,
      lowercase: options.doLowerCase,
    });
    const all = options === switches[0];
    let met = 0;
    const wrong: string[] = [];
    for (const chars of chunks(all)) {
      met += chars.length;
      const text = `a${chars.join('a')}a`;
      if (ours.normalize(text, false).text === theirs.normalizeString(text)) continue;
      for (const char of chars) {
        const [a, b] = [
          ours.normalize(`a${char}a`, false).text,
          theirs.normalizeString(`a${char}a`),
        ];
        if (a !== b) wrong.push(`${name(char)}: ${JSON.stringify(a)}, not ${JSON.stringify(b)}`);
      }
    }
    expect(wrong).toEqual([]);
    if (all) expect(met).toBe(CODE_POINTS - SURROGATES);
    else expect(met).toBeGreaterThan(0x40000);
  });

  it('parts words alike, alone and inside a word', () => {
    const ours = new BasicTokenizer({ ...switches.at(-1)!, fast: true, neverSplit: [] });
    const theirs = bertPreTokenizer();
    for (const chars of chunks(false)) {
      const normalized = ours.normalize(chars.map((char) => `${char} a${char}b`).join(' '), false);
      const { boundaries } = ours.split(normalized);
      const words = theirs.preTokenizeString(normalized.text).map(([word]) => word);
      const ourWords = Array.from({ length: boundaries.length / 2 }, (_, i) =>
        normalized.text.slice(boundaries[2 * i], boundaries[2 * i + 1]),
      );
      if (ourWords.join('\n') !== words.join('\n'))
        expect(ourWords, `from ${name(chars[0])}`).toEqual(words);
    }
  });

  // Where Python's answers are others, and why.
  const otherwise: [string, (char: string, codePoint: number) => boolean][] = [
    [
      'Python drops what Unicode 14 has not',
      (char, codePoint) => /\p{Cn}/u.test(char) || within(addedAfterUnicode14, codePoint),
    ],
    [
      "Rust's categories are those of Unicode 8",
      (char, c) => /[\p{M}\p{P}\p{Cf}]/u.test(char) && within(plainInRust, c),
    ],
    ['Rust does not decompose them', (_, codePoint) => within(undecomposedInRust, codePoint)],
    [
      'Rust begins a block of ideographs a page late',
      (_, codePoint) => codePoint >= 0x2b820 && codePoint < 0x2b920,
    ],
    [
      'a mark there before Unicode 14, a punctuation mark before 12',
      (_, c) => c === 0x1734 || c === 0x166d,
    ],
  ];

  it.each(switches.filter((options) => options.cleanText && options.tokenizeChineseChars))(
    'is the same word to the Python class but for these: %j',
    (options) => {
      const [fast, python] = [true, false].map(
        (fast) => new BasicTokenizer({ ...options, fast, neverSplit: [] }),
      );
      let told = 0;
      for (const chars of chunks(false)) {
        const same = chars.filter(
          (char) => !otherwise.some(([, holds]) => holds(char, char.codePointAt(0)!)),
        );
        told += same.length;
        const text = same.map((char) => `${char} a${char}b`).join(' ');
        const [ours, theirs] = [python.tokenize(text), fast.tokenize(text)];
        if (ours.join('\n') !== theirs.join('\n'))
          expect(ours, `from ${name(chars[0])}`).toEqual(theirs);
      }
      expect(told).toBeGreaterThan(140_000);
    },
  );

  // What is not simply left as it is, and a sample of the rest. All that any of it becomes is in
  // the vocabulary, and every 64th character as it is: so some words are known by parts, and some
  // not at all.
  const forms = new Set<string>();
  const telling: string[] = [];
  for (const chars of chunks(false))
    chars.forEach((char, i) => {
      const became = [
        char.toLowerCase(),
        char.normalize('NFD'),
        char.toLowerCase().normalize('NFD'),
      ];
      for (const form of became) if (form !== char) for (const part of form) forms.add(part);
      if (i % 64 === 0) forms.add(char);
      const special =
        /[\s\p{M}\p{P}\p{Cf}\p{Cc}\p{Z}]/u.test(char) || became.some((form) => form !== char);
      if (i % 32 === 0 || special) telling.push(char);
    });
  const pieces = [...forms]
    .filter((form) => !/[\r\n]/.test(form))
    .flatMap((form) => [form, `##${form}`]);
  const vocab = [...new Set([...SPECIAL, 'a', 'b', '##b', ...pieces])];
  const rows = Array.from({ length: Math.ceil(telling.length / 256) }, (_, i) =>
    telling.slice(256 * i, 256 * (i + 1)).map((char) => `${char} a${char}b`),
  ).map((words) => words.join(' '));

  it.each([
    { doLowerCase: true },
    { doLowerCase: false },
    { doLowerCase: false, stripAccents: true, tokenizeChineseChars: false },
    { doLowerCase: true, stripAccents: false, cleanText: false },
  ])('becomes the same tokens of the same places, alone and inside a word: %j', async (options) => {
    expect(telling.length).toBeGreaterThan(28_000);
    expect(await compare(vocab, options, rows)).toEqual([]);
  });
});
