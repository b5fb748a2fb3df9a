import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BertTokenizer, type BertTokenizerOptions } from '../../../src/text/tokenizer/index.ts';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const LETTERS = [
  'a',
  'b',
  'c',
  'e',
  'i',
  'é',
  'ᄒ',
  'ᅡ',
  'ᆫ',
  '한',
  '字',
  '😀',
  '\u0307',
  '\u302e',
  '\u1b44',
  '.',
  '[',
];
const VOCAB = [...SPECIAL, ...LETTERS, ...LETTERS.map((letter) => `##${letter}`)];
const make = (options?: BertTokenizerOptions) => new BertTokenizer(VOCAB, options);
const slices = (tokenizer: BertTokenizer, text: string) => {
  const { inputIds, offsetMapping } = tokenizer.encode(text, null, {
    returnOffsetsMapping: true,
    addSpecialTokens: false,
  });
  return inputIds.map((id, i) => [
    tokenizer.convertIdsToTokens(id),
    text.slice(...offsetMapping![i]),
  ]);
};

describe('offsets of the Python class', () => {
  it('are where tokens come from, in UTF-16 units', () => {
    expect(slices(make(), ' Ab\0c É한[MASK]a😀b.')).toEqual([
      ...[
        ['a', 'A'],
        ['##b', 'b'],
        ['##c', 'c'],
      ],
      ...[
        ['e', 'É'],
        ['##ᄒ', '한'],
        ['##ᅡ', '한'],
        ['##ᆫ', '한'],
        ['[MASK]', '[MASK]'],
      ],
      ...[
        ['a', 'a'],
        ['##😀', '😀'],
        ['##b', 'b'],
        ['.', '.'],
      ],
    ]);
    expect(slices(make(), 'aİb 😀字x')).toEqual([
      ...[
        ['a', 'a'],
        ['##i', 'İ'],
        ['##b', 'b'],
        ['😀', '😀'],
        ['字', '字'],
        ['[UNK]', 'x'],
      ],
    ]);
    expect(slices(make({ stripAccents: false }), 'İ[MASK]İb')).toEqual([
      ...[
        ['i', 'İ'],
        ['##\u0307', 'İ'],
        ['[MASK]', '[MASK]'],
        ['i', 'İ'],
        ['##\u0307', 'İ'],
        ['##b', 'b'],
      ],
    ]);
  });

  it('cover all the marks among which one changed its place', () => {
    expect(slices(make(), 'a\u302e\u1b44b')).toEqual([
      ['a', 'a'],
      ['##\u1b44', '\u302e\u1b44'],
      ['##\u302e', '\u302e\u1b44'],
      ['##b', 'b'],
    ]);
  });

  it('are [0, 0] at special tokens and padding', () => {
    const options = {
      returnOffsetsMapping: true,
      padding: 'max_length',
      maxLength: 9,
      truncation: true,
    } as const;
    const pair = make().encode('ab c', ' a', options).offsetMapping;
    expect(pair?.join(' ')).toBe('0,0 0,1 1,2 3,4 0,0 1,2 0,0 0,0 0,0');
    const bare = { returnOffsetsMapping: true, addSpecialTokens: false };
    expect(make().encode('ab c', ' a', bare).offsetMapping?.join(' ')).toBe('0,1 1,2 3,4 1,2');
    expect(make().encode('a')).not.toHaveProperty('offsetMapping');
    const batch = make().encodeBatch(['a', 'ab'], {
      returnOffsetsMapping: true,
      padding: true,
      paddingSide: 'left',
    });
    expect(batch.offsetMapping?.map((row) => row.join(' '))).toEqual([
      '0,0 0,0 0,1 0,0',
      '0,0 0,1 1,2 0,0',
    ]);
  });

  const text = fc.array(
    fc.constantFrom(...LETTERS, ...SPECIAL, 'İ', 'É', ' ', '\t', '\0', '\u0301', 'A', '\ud800'),
    {
      maxLength: 30,
    },
  );
  it.each([
    {},
    { doLowerCase: false },
    { stripAccents: false },
    { doBasicTokenize: false },
    { neverSplit: ['a.b'] },
  ])('rise through any text and leave its ids as they are: %j', (options) => {
    const tokenizer = make(options);
    fc.assert(
      fc.property(text, (parts) => {
        const joined = parts.join('');
        const { inputIds, offsetMapping } = make(options).encode(joined, null, {
          returnOffsetsMapping: true,
        });
        expect(inputIds).toEqual(tokenizer.encode(joined).inputIds);
        let last = 0;
        for (const [start, end] of offsetMapping!.slice(1, -1)) {
          // What several tokens were made from, each of them has.
          expect(start).toBeGreaterThanOrEqual(last - (last > start ? end - start : 0));
          expect(end).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(joined.length);
          last = end;
        }
      }),
    );
  });
});

describe('added tokens of the Python class', () => {
  const tokens = (text: string, addedTokens: BertTokenizerOptions['addedTokens']) =>
    make({ addedTokens }).tokenize(text);

  it('are lower-cased unless special or not normalised', () => {
    expect(tokens('ABC', ['AbC'])).toEqual(['abc']);
    expect(tokens('ABC AbC', [{ content: 'AbC', normalized: false }])).toEqual([
      'a',
      '##b',
      '##c',
      'AbC',
    ]);
    expect(tokens('ABC AbC', [{ content: 'AbC', special: true }])).toEqual([
      'a',
      '##b',
      '##c',
      'AbC',
    ]);
  });

  it('stay part of a word that they are in, if single words', () => {
    const single = [{ content: 'ab', singleWord: true }];
    expect(tokens('ab cab abc ab', single)).toEqual([
      'ab',
      'c',
      '##a',
      '##b',
      'a',
      '##b',
      '##c',
      'ab',
    ]);
    expect(tokens('c.ab ab.', single)).toEqual(['c', '.', 'a', '##b', 'a', '##b', '.']);
  });

  it.each([
    [[{ content: 'a', strip: true }], /unknown flag of an added token "strip"/],
    [[{ content: 'a', lstrip: 1 }], /`lstrip` of added token "a": expected .*, got 1/],
    [[{ content: '' }], /content of an added token: expected at least one character/],
    [[null], /added token/],
  ])('are checked: %j', (addedTokens, message) => {
    expect(() => make({ addedTokens: addedTokens as never })).toThrow(message);
  });
});
