import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { BertTokenizer, type EncodeOptions } from '../../../src/text/tokenizer/index.ts';

const LETTERS = [...'abcdefghij'];
const VOCAB = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  ...LETTERS,
  '##a',
  '.',
  ',',
  "'",
  '?',
  '!',
  'n',
  '##t',
  'don',
  't',
];
const tokenizer = new BertTokenizer(VOCAB);
const [PAD, CLS, SEP] = [0, 2, 3];
const id = (letter: string) => VOCAB.indexOf(letter);
const ids = (text: string) => [...text].map(id);
const words = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => LETTERS[(from + i) % LETTERS.length]).join(' ');
const { encode, encodeBatch } = {
  encode: tokenizer.encode.bind(tokenizer),
  encodeBatch: tokenizer.encodeBatch.bind(tokenizer),
};

describe('encode', () => {
  it('puts special tokens around a text and a pair', () => {
    expect(encode('a b')).toEqual({
      inputIds: [CLS, ...ids('ab'), SEP],
      attentionMask: [1, 1, 1, 1],
      tokenTypeIds: [0, 0, 0, 0],
      specialTokensMask: [1, 0, 0, 1],
    });
    expect(encode('a b', 'c')).toEqual({
      inputIds: [CLS, ...ids('ab'), SEP, ...ids('c'), SEP],
      attentionMask: [1, 1, 1, 1, 1, 1],
      tokenTypeIds: [0, 0, 0, 0, 1, 1],
      specialTokensMask: [1, 0, 0, 1, 0, 1],
    });
  });

  it('takes an empty text as one, and an empty pair as a pair', () => {
    expect(encode('').inputIds).toEqual([CLS, SEP]);
    expect(encode('', '').inputIds).toEqual([CLS, SEP, SEP]);
    expect(encode('', '').tokenTypeIds).toEqual([0, 0, 1]);
    expect(encode('a', null).inputIds).toEqual([CLS, id('a'), SEP]);
    expect(encode('', null, { addSpecialTokens: false }).inputIds).toEqual([]);
  });

  it('without special tokens gives both texts type 0', () => {
    expect(encode('a', 'b', { addSpecialTokens: false })).toEqual({
      inputIds: ids('ab'),
      attentionMask: [1, 1],
      tokenTypeIds: [0, 0],
      specialTokensMask: [0, 0],
    });
  });

  it('does not mark special tokens that stood in the text', () => {
    expect(encode('a [SEP] b').specialTokensMask).toEqual([1, 0, 0, 0, 1]);
  });

  it('pads on the right: id of [PAD], mask 0, type 0, special 1', () => {
    expect(encode('a', 'b', { padding: 'max_length', maxLength: 7 })).toEqual({
      inputIds: [CLS, id('a'), SEP, id('b'), SEP, PAD, PAD],
      attentionMask: [1, 1, 1, 1, 1, 0, 0],
      tokenTypeIds: [0, 0, 0, 1, 1, 0, 0],
      specialTokensMask: [1, 0, 1, 0, 1, 1, 1],
    });
  });

  it.each([
    [{ padding: true }, 4],
    [{ padding: 'longest', padToMultipleOf: 8 }, 8],
    [{ padding: 'max_length', maxLength: 9, padToMultipleOf: 4 }, 12],
    [{ padToMultipleOf: 8 }, 4],
    [{ padding: 'do_not_pad', padToMultipleOf: 8 }, 4],
    [{ padding: 'max_length', maxLength: 3 }, 4],
    [{ padding: 'max_length', maxLength: 3, truncation: true }, 3],
    // Hugging Face's defaults: a maxLength alone truncates, with padding it does not.
    [{ maxLength: 3 }, 3],
    [{ maxLength: 3, truncation: false }, 4],
    [{ maxLength: 3, padding: true }, 4],
    [{ truncation: true }, 4],
  ] as [EncodeOptions, number][])('%j: a row of 4 becomes one of %i', (options, length) => {
    const encoding = encode('a b', null, options);
    for (const field of Object.values(encoding)) expect(field.length).toBe(length);
  });

  it("takes the model's longest input where no maxLength is given", () => {
    const short = new BertTokenizer(VOCAB, { modelMaxLength: 5 });
    expect(short.encode('a b c d e', null, { truncation: true }).inputIds.length).toBe(5);
    expect(short.encode('a', null, { padding: 'max_length' }).inputIds.length).toBe(5);
    expect(short.encode('a b c d e').inputIds.length).toBe(7);
  });
});

describe('truncation', () => {
  it.each([
    ['longest_first', 9, 3, 10, 4, 3],
    ['longest_first', 3, 9, 10, 3, 4],
    ['longest_first', 4, 4, 10, 4, 3],
    ['longest_first', 4, 4, 9, 3, 3],
    ['longest_first', 4, 4, 3, 0, 0],
    ['longest_first', 1, 9, 4, 1, 0],
    ['only_first', 9, 3, 10, 4, 3],
    ['only_second', 3, 9, 10, 3, 4],
    ['only_first', 2, 2, 6, 1, 2],
  ] as const)(
    '%s: %i and %i tokens to %i are %i and %i',
    (truncation, a, b, maxLength, first, second) => {
      const { inputIds } = encode(words(a), words(b, 5), { truncation, maxLength });
      const expected = [CLS, ...ids(words(a).replaceAll(' ', '')).slice(0, first), SEP];
      expect(inputIds).toEqual([
        ...expected,
        ...ids(words(b, 5).replaceAll(' ', '')).slice(0, second),
        SEP,
      ]);
    },
  );

  it('longest_first is the same as taking tokens off one at a time', () => {
    const length = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(length, length, fc.integer({ min: 3, max: 70 }), (a, b, maxLength) => {
        let [first, second] = [a, b];
        while (first + second + 3 > maxLength) first > second ? first-- : second--;
        const { tokenTypeIds } = encode(words(a), words(b), { truncation: true, maxLength });
        expect(tokenTypeIds).toEqual([...Array(first + 2).fill(0), ...Array(second + 1).fill(1)]);
      }),
    );
  });

  it.each([
    ['only_second', 'a b c', null, 4],
    ['only_first', 'a', 'b c d e', 5],
    ['only_second', 'a b c d', 'e', 5],
    ['longest_first', 'a b', 'c', 2],
    ['longest_first', 'a b', null, 2],
  ] as const)('%s of %j and %j to %i is refused', (truncation, text, pair, maxLength) => {
    const run = () => encode(text, pair, { truncation, maxLength });
    expect(run).toThrow(UsageError);
    expect(run).toThrow(
      new RegExp(`'${truncation}'. cannot reduce .* to .maxLength. ${maxLength}`),
    );
  });
});

describe('encodeBatch', () => {
  it('pads rows together; each is what encode gives', () => {
    const texts: (string | [string, string])[] = ['a', ['b c', 'd'], '', 'a b c d e f g'];
    const options: EncodeOptions = { truncation: true, maxLength: 8 };
    const batch = encodeBatch(texts, { ...options, padding: true });
    texts.forEach((row, index) => {
      const [text, pair] = typeof row === 'string' ? [row, null] : row;
      const alone = encode(text, pair, { ...options, padding: 'max_length' });
      expect(batch.inputIds[index]).toEqual(alone.inputIds);
      expect(batch.attentionMask[index]).toEqual(alone.attentionMask);
      expect(batch.tokenTypeIds[index]).toEqual(alone.tokenTypeIds);
      expect(batch.specialTokensMask[index]).toEqual(alone.specialTokensMask);
    });
  });

  it('takes no rows, and leaves rows apart without padding', () => {
    expect(encodeBatch([], { padding: true }).inputIds).toEqual([]);
    expect(encodeBatch(['a', 'a b']).inputIds.map((row) => row.length)).toEqual([3, 4]);
  });
});

describe('decode', () => {
  it('joins pieces, and cleans up blanks unless told not to', () => {
    const { inputIds } = encode("aa, b . don't? a!");
    expect(tokenizer.decode(inputIds)).toBe("[CLS] aa, b. don't? a! [SEP]");
    expect(tokenizer.decode(inputIds, { skipSpecialTokens: true })).toBe("aa, b. don't? a!");
    expect(tokenizer.decode(inputIds, { cleanUpTokenizationSpaces: false })).toBe(
      "[CLS] aa , b . don ' t ? a ! [SEP]",
    );
  });

  it('takes the blank before each English contraction away, and around an apostrophe', () => {
    const pieces = ["n't", "'m", "'s", "'ve", "'re"];
    const english = new BertTokenizer([...VOCAB, ...pieces]);
    for (const piece of pieces) {
      const ids = english.convertTokensToIds(['a', piece, 'b']);
      expect(english.decode(ids)).toBe(`a${piece} b`);
      expect(english.decode(ids, { cleanUpTokenizationSpaces: false })).toBe(`a ${piece} b`);
    }
    expect(english.decode(english.convertTokensToIds(['a', "'", 'b']))).toBe("a'b");
  });

  it('keeps the mark of a piece with nothing before it', () => {
    expect(tokenizer.decode([id('##a'), id('##a')])).toBe('##aa');
  });

  it('takes typed arrays, and no ids at all', () => {
    expect(tokenizer.decode(Int32Array.from([id('a')]))).toBe('a');
    expect(tokenizer.decode([])).toBe('');
  });

  it('leaves every special token out, unknown words too', () => {
    expect(tokenizer.decode(encode('a [MASK] zzz').inputIds, { skipSpecialTokens: true })).toBe(
      'a',
    );
  });
});

describe('bad input', () => {
  const wrong = <T>(value: unknown) => value as T;
  it.each([
    [() => encode(wrong(3)), /`text`: expected a string, got 3/],
    [() => encode('a', wrong({ maxLength: 3 })), /`pair`: expected a string, got/],
    [
      () => encode('a', null, wrong({ max_length: 3 })),
      /unknown encoding option "max_length".*maxLength/,
    ],
    [
      () => encode('a', null, { padding: wrong('max') }),
      /`padding`: expected one of .*"max_length".*, got "max"/,
    ],
    [
      () => encode('a', null, { truncation: wrong('first') }),
      /`truncation`: expected .*"only_first".*, got "first"/,
    ],
    [
      () => encode('a', null, { addSpecialTokens: wrong(1) }),
      /`addSpecialTokens`: expected .*, got 1/,
    ],
    [() => encode('a', null, { maxLength: 0 }), /`maxLength`: expected an integer .*, got 0/],
    [() => encode('a', null, { maxLength: 2.5 }), /`maxLength`: expected .*, got 2.5/],
    [() => encode('a', null, { padToMultipleOf: -8 }), /`padToMultipleOf`: expected .*, got -8/],
    [() => encode('a', null, { padding: 'max_length' }), /needs a length: give `maxLength`/],
    [
      () =>
        encode('a', null, { padding: true, truncation: true, maxLength: 9, padToMultipleOf: 8 }),
      /expected a multiple of `padToMultipleOf` \(8\), got 9/,
    ],
    [() => encodeBatch(wrong('ab')), /`texts`: expected an array.*, got "ab"/],
    [() => encodeBatch(['a', wrong(null)]), /row 1: expected a string or a pair .*, got null/],
    [() => encodeBatch(['a', wrong(['b'])]), /row 1: expected a string or a pair .*, got \["b"\]/],
    [() => encodeBatch(['a', wrong(['b', 4])]), /row 1: `pair`: expected a string/],
    [
      () => encodeBatch(['a', ['b', 'c d e']], { truncation: 'only_first', maxLength: 4 }),
      /row 1: `truncation/,
    ],
    [() => tokenizer.decode([1, VOCAB.length]), /0 to 24, got 25/],
    [() => tokenizer.decode([-1]), /token id: expected .*, got -1/],
    [() => tokenizer.convertIdsToTokens(1.5), /token id: expected .*, got 1.5/],
    [() => tokenizer.decode([1], wrong({ skip_special_tokens: true })), /unknown decoding option/],
    [
      () => tokenizer.decode([1], { skipSpecialTokens: wrong('yes') }),
      /`skipSpecialTokens`: expected .*, got "yes"/,
    ],
  ])('is a UsageError that names it: %#', (run, message) => {
    expect(run).toThrow(UsageError);
    expect(run).toThrow(message);
  });
});
