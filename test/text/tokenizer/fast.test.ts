import fc from 'fast-check';
import { Tokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import {
  compareWithRust as compare,
  fromRust,
  rustTokenizer,
  SPECIAL,
  switches,
  tokenizerJson,
} from '../../support/rustTokenizer.ts';

// The Rust tokenizer itself is the oracle of `BertTokenizerFast`: here ours must give what it
// gives, offsets included.

const bits = [true, false];
const WORDS = [
  ...'abcxyzABCé',
  'the',
  'ing',
  'Σ',
  'İ',
  'ß',
  '한',
  '글',
  '字',
  '𠀀',
  '😀',
  '\u0301',
  '\u200b',
  '\u302e',
  '\u1b44',
];
const BLANKS = [' ', '  ', '\n', '\t', '\u00a0', '\u3000', '\u2028', '\u0085', '\u001c'];
const MARKS = ['.', ',', "'", '_', '-', '「', '…', '$', '＄'];
const PIECES = [
  'a',
  'b',
  'c',
  'x',
  'e',
  'i',
  'ᄒ',
  'ᅡ',
  'ᆫ',
  '한',
  '字',
  '😀',
  'the',
  'ss',
  's',
  'σ',
  '\u0307',
  '\u302e',
  '\u1b44',
];
const VOCAB = [...SPECIAL, ...MARKS, ...PIECES, ...PIECES.map((piece) => `##${piece}`)];
const text = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
      fc.constantFrom(...BLANKS, ...MARKS, ...SPECIAL),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));

describe('texts', () => {
  it.each(switches)('become the same encodings: %j', async (options) => {
    const texts = fc.array(fc.oneof(text, fc.tuple(text, text)), {
      minLength: 100,
      maxLength: 100,
    });
    await fc.assert(
      fc.asyncProperty(texts, async (rows) => {
        expect(await compare(VOCAB, options, rows)).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });

  it('heed prefix and longest word alike', async () => {
    const vocab = [...SPECIAL, 'a', '@@b', '@@c', 'x'];
    const options = { continuingSubwordPrefix: '@@', maxInputCharsPerWord: 5 };
    expect(
      await compare(vocab, options, ['abcbc', 'abcbcb', 'xb', 'a@@b', 'ab x', 'a\u0301bcbc']),
    ).toEqual([]);
  });
});

describe('added tokens', () => {
  const contents = [
    '<x>',
    '<X>',
    'ab',
    'aB',
    'the',
    'New York',
    '字a',
    'É',
    'e\u0301',
    ' c',
    '[MASK]',
    'İ',
    '.',
    '<x',
  ];
  const flag = fc.boolean();
  const token = fc.record({
    content: fc.constantFrom(...contents),
    ...{ singleWord: flag, lstrip: flag, rstrip: flag, normalized: flag, special: flag },
  });
  // Which of two is found that are alike once normalised, Rust leaves to chance: there are no such
  // two.
  const folded = (content: string) => content.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
  const tokens = fc.uniqueArray(token, {
    selector: ({ content }) => folded(content),
    minLength: 1,
    maxLength: 5,
  });
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...contents, 'new york', 'NEW YORK', 'ABAB', 'e') },
    { weight: 3, arbitrary: fc.constantFrom(...BLANKS, ...MARKS) },
    fc.constantFrom(...WORDS, ...SPECIAL),
  );
  const texts = fc.array(
    fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
    { minLength: 30, maxLength: 30 },
  );

  it.each(bits)('are found alike, whatever their flags; lower case %s', async (doLowerCase) => {
    await fc.assert(
      fc.asyncProperty(tokens, texts, async (addedTokens, rows) => {
        expect(await compare(VOCAB, { doLowerCase, addedTokens }, rows)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('lengths', () => {
  const options = { doLowerCase: false, tokenizerClass: 'BertTokenizerFast' } as const;
  const ours = new BertTokenizer(VOCAB, options);
  const words = (n: number, word: string) => Array(n).fill(word).join(' ');
  const length = fc.integer({ min: 0, max: 12 });

  it('are cut alike, and refused alike', async () => {
    const theirs = rustTokenizer(VOCAB, options);
    const strategies = {
      longest_first: 'LongestFirst',
      only_first: 'OnlyFirst',
      only_second: 'OnlySecond',
    } as const;
    const strategy = fc.constantFrom(...(Object.keys(strategies) as (keyof typeof strategies)[]));
    await fc.assert(
      fc.asyncProperty(
        length,
        fc.option(length),
        strategy,
        fc.integer({ min: 3, max: 24 }),
        async (a, b, truncation, maxLength) => {
          const [text, pair] = [words(a, 'a'), b === null ? undefined : words(b, 'b')];
          // The strategy is an enum there: its names as the types have them are not among its
          // values.
          theirs.setTruncation(maxLength, { strategy: strategies[truncation] as never });
          const answer = await theirs.encode(text, pair).catch(() => null);
          const run = () =>
            ours.encode(text, pair, { truncation, maxLength, returnOffsetsMapping: true });
          if (answer) expect(run()).toEqual(fromRust(answer, text, pair));
          else expect(run).toThrow(/cannot reduce/);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are padded alike', async () => {
    const theirs = rustTokenizer(VOCAB, options);
    const side = fc.constantFrom('left' as const, 'right' as const);
    const wanted = fc.option(fc.integer({ min: 1, max: 20 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(length, { minLength: 1 }),
        wanted,
        fc.integer({ min: 1, max: 8 }),
        side,
        async (lengths, fixed, padToMultipleOf, paddingSide) => {
          const texts = lengths.map((n) => words(n, 'a'));
          theirs.setPadding({
            maxLength: fixed ?? undefined,
            padToMultipleOf,
            direction: paddingSide,
            padId: 0,
            padToken: '[PAD]',
          });
          const rows = (await theirs.encodeBatch(texts)).map((row, i) => fromRust(row, texts[i]));
          const padding = fixed === null ? 'longest' : 'max_length';
          const batch = ours.encodeBatch(texts, {
            ...{
              padding,
              maxLength: fixed ?? undefined,
              truncation: false,
              padToMultipleOf,
              paddingSide,
            },
            returnOffsetsMapping: true,
          });
          for (const field of Object.keys(batch) as (keyof (typeof rows)[number])[])
            expect(batch[field]).toEqual(rows.map((row) => row[field]));
        },
      ),
    );
  });

  it('without special tokens give the second text type 1', async () => {
    const answer = await rustTokenizer(VOCAB, options).encode('a b', 'c', {
      addSpecialTokens: false,
    });
    expect(
      ours.encode('a b', 'c', { addSpecialTokens: false, returnOffsetsMapping: true }),
    ).toEqual(fromRust(answer, 'a b', 'c'));
  });
});

describe('decoding', () => {
  it('gives the same text', () => {
    const addedTokens = [
      '<x>',
      { content: '##y', special: true },
      { content: ' z ', normalized: false },
    ];
    const vocab = [...VOCAB, "##'", 'n', '##t'];
    const ours = new BertTokenizer(vocab, { tokenizerClass: 'BertTokenizerFast', addedTokens });
    const decoder = { type: 'WordPiece', prefix: '##', cleanup: false };
    const theirs = Tokenizer.fromString(
      JSON.stringify({ ...tokenizerJson(vocab, { addedTokens }), decoder }),
    );
    const ids = fc.array(fc.nat({ max: ours.length - 1 }), { minLength: 1, maxLength: 20 });
    return fc.assert(
      fc.asyncProperty(ids, fc.boolean(), async (row, skipSpecialTokens) => {
        const expected = await theirs.decode(row, skipSpecialTokens);
        expect(ours.decode(row, { skipSpecialTokens, cleanUpTokenizationSpaces: false })).toBe(
          expected,
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('long texts', () => {
  const addedTokens = [
    { content: 'ab', singleWord: true },
    { content: '[X]', lstrip: true, rstrip: true },
  ];
  const parts = [
    'ab a ',
    'aab',
    '  [X]  ',
    '[',
    'İ',
    'a\u0301\u0323',
    '\u302e\u1b44',
    '字',
    '😀',
    'a'.repeat(10_000),
  ];

  // What takes quadratic time in any of them takes minutes.
  it.each(['BertTokenizer', 'BertTokenizerFast'] as const)(
    'take time in proportion to their length: %s',
    (tokenizerClass) => {
      for (const part of parts) {
        const text = `${part.repeat(200_000 / part.length)} a`;
        const tokenizer = new BertTokenizer(VOCAB, { tokenizerClass, addedTokens });
        const { inputIds, offsetMapping } = tokenizer.encode(text, null, {
          returnOffsetsMapping: true,
        });
        expect(inputIds.join() === tokenizer.encode(text).inputIds.join(), part).toBe(true);
        expect(offsetMapping!.at(-2)).toEqual([text.length - 1, text.length]);
      }
    },
    60_000,
  );

  it('may have lone surrogates in them, which count as U+FFFD', () => {
    for (const cleanText of bits) {
      const tokenizer = new BertTokenizer(VOCAB, {
        tokenizerClass: 'BertTokenizerFast',
        cleanText,
      });
      const options = { returnOffsetsMapping: true };
      for (const text of ['a\ud800b', '\udc00', 'a \ud83d', '\ude00\ud83d'])
        expect(tokenizer.encode(text, null, options)).toEqual(
          tokenizer.encode(text.replace(/\p{Cs}/gu, '\ufffd'), null, options),
        );
    }
  });
});
