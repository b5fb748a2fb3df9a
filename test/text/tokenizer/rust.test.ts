import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { JsEncoding } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { BertTokenizer, type Encoding } from '../../../src/text/tokenizer/index.ts';
import { dataPath, goldenText, hasData, hasGolden } from '../../support/golden.ts';
import { compareWithRust, rustTokenizer, SPECIAL } from '../../support/rustTokenizer.ts';

// For the Python class, Hugging Face's Rust tokenizer is a second, independent answer. It equals
// the Python one on text of long-assigned characters. It differs on those its tables lack, which
// are older than Python's: it keeps unassigned characters (Python drops them), knows no marks and
// punctuation newer than about Unicode 8, and splits special tokens that only appear once control
// characters are cleaned away. So texts here are drawn from old blocks.

const BLOCKS: [number, number][] = [
  [0x01, 0x24f], // Latin, its controls included
  [0x300, 0x34e], // combining marks
  [0x391, 0x3a1], // Greek
  [0x3a3, 0x3ce],
  [0x410, 0x44f], // Cyrillic
  [0x5d0, 0x5ea], // Hebrew
  [0x621, 0x652], // Arabic
  [0x905, 0x94d], // Devanagari
  [0xe01, 0xe3a], // Thai
  [0x1100, 0x1112], // Hangul jamo
  [0x1e00, 0x1eff], // Latin with marks
  [0x2000, 0x2064], // blanks, dashes, format characters
  [0x20a0, 0x20b9], // currency
  [0x2190, 0x23f3], // arrows, mathematics
  [0x3000, 0x303f], // CJK punctuation
  [0x3041, 0x3096], // kana
  [0x4e00, 0x4eff], // ideographs
  [0xac00, 0xad00], // Hangul
  [0xe000, 0xe010], // private use
  [0xf900, 0xfa2d], // compatibility ideographs
  [0xff01, 0xff5e], // full-width forms
  [0xfffd, 0xfffd],
  [0x1f600, 0x1f640], // emoji
  [0x20000, 0x20010], // ideographs, extension B
  [0x2f800, 0x2fa1d], // compatibility ideographs
];
const ALL = BLOCKS.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i)),
);

/** Compares two tokenizers of one vocabulary; gives the texts they disagree on. */
function compare(vocab: string[], lower: boolean, strip: boolean | null = null) {
  const ours = new BertTokenizer(vocab, { doLowerCase: lower, stripAccents: strip });
  const theirs = rustTokenizer(vocab, { doLowerCase: lower, stripAccents: strip });
  return async (texts: string[]) => {
    const encodings = await theirs.encodeBatch(texts);
    return texts.filter((text, row) => differ(ours.encode(text), encodings[row]));
  };
}

function differ(ours: Encoding, theirs: JsEncoding): boolean {
  const ids = theirs.getIds();
  // Theirs also marks special tokens that stood in the text: compare with the ends, which ours
  // marks.
  const ends = ids.map((_, i) => (i === 0 || i === ids.length - 1 ? 1 : 0));
  return (
    ours.inputIds.join() !== ids.join() ||
    ours.tokenTypeIds.join() !== theirs.getTypeIds().join() ||
    ours.specialTokensMask.join() !== ends.join()
  );
}

// Pieces for half of the characters, so that some words have them all and some do not.
const forms = [
  ...new Set(
    ALL.filter((char) => !'\r\n'.includes(char)).flatMap((char) => [
      char,
      ...char.toLowerCase().normalize('NFD'),
    ]),
  ),
].filter((char, index) => index % 2 === 0 || /[a-z]/.test(char));
const VOCAB = [
  ...new Set([...SPECIAL, 'the', '##ing', 'ab', ...forms, ...forms.map((char) => `##${char}`)]),
];
const modes = [
  [true, null],
  [true, false],
  [false, null],
  [false, true],
] as const;

describe.each(modes)(
  'against the Rust tokenizer, lower case %s, strip accents %s',
  (lower, strip) => {
    const differences = compare(VOCAB, lower, strip);

    it('agrees on each character of many blocks inside a word', async () => {
      const texts = ALL.map((char) => `a${char}b`);
      expect(await differences(texts)).toEqual([]);
    });

    it('agrees on texts drawn from them', async () => {
      const part = fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...ALL) },
        {
          weight: 4,
          arbitrary: fc.constantFrom(
            ...'abcxyzABC',
            'the',
            'ing',
            ' ',
            '  ',
            '\n',
            '.',
            "'",
            'Σ',
            'İ',
            'é',
          ),
        },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            ...SPECIAL,
            '[mask]',
            'a'.repeat(100),
            'ab'.repeat(50),
            '字'.repeat(99),
          ),
        },
      );
      const text = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 20, maxLength: 40 }), async (texts) => {
          expect(await differences(texts)).toEqual([]);
        }),
        { numRuns: 20 },
      );
    });
  },
);

describe.skipIf(!hasGolden || !hasData).each([
  ['bert-base-multilingual-cased', false],
  ['bert-base-uncased', true],
  ['kcbert-base', false],
] as const)('reviews with %s', (name, doLowerCase) => {
  /** So many reviews, from the whole file. */
  const reviews = (file: string, count: number) => {
    const rows = readFileSync(dataPath(`nsmc/${file}`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1);
    const stride = Math.floor(rows.length / count);
    return Array.from({ length: count }, (_, i) => rows[i * stride].split('\t')[1]);
  };
  const vocab = () => goldenText(`tokenizer/vocab/${name}.txt`).trimEnd().split('\n');

  it('become the same ids in the Python class: 2,000', async () => {
    expect(await compare(vocab(), doLowerCase)(reviews('ratings_test.txt', 2_000))).toEqual([]);
  });

  it('become the same encodings, offsets included, in the fast one: 4,000', async () => {
    const texts = reviews('ratings_train.txt', 4_000);
    expect(texts.length).toBe(4_000);
    expect(await compareWithRust(vocab(), { doLowerCase }, texts)).toEqual([]);
  });
});

if (!hasData)
  console.warn(
    'the reviews (../shared/data/nsmc) are not here: the tests that need them are skipped',
  );
