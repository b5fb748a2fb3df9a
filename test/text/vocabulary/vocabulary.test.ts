import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Philox } from '../../../src/tensor/random.ts';
import { BasicTokenizer, BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import {
  trainWordPiece,
  WordPieceTrainer,
  type WordPieceTrainerOptions,
} from '../../../src/text/vocabulary/index.ts';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** The algorithm as it is defined: everything is counted anew for each merge. */
function byRecounting(
  texts: string[],
  vocabSize: number,
  minFrequency: number,
  byLikelihood: boolean,
): string[] {
  const words = texts.flatMap((text) => text.split(' ').filter((word) => word !== ''));
  const chars = [...new Set(words.flatMap((word) => [...word]))].sort();
  const within = [...new Set(words.flatMap((word) => [...word].slice(1)))].sort();
  const vocab = [...SPECIAL, ...chars, ...within.map((char) => `##${char}`)];
  let cut = words.map((word) => [...word].map((char, i) => (i ? `##${char}` : char)));
  while (vocab.length < vocabSize) {
    const counts = new Map<string, number>();
    const pairs = new Map<string, number>();
    for (const pieces of cut)
      pieces.forEach((piece, i) => {
        counts.set(piece, (counts.get(piece) ?? 0) + 1);
        const pair = `${piece} ${pieces[i + 1]}`;
        if (i + 1 < pieces.length) pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      });
    const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
    const ranked = [...pairs]
      .filter(([, n]) => n >= minFrequency)
      .map(([pair, n]) => {
        const [left, right] = pair.split(' ');
        const score = byLikelihood
          ? n * Math.log((n * total) / (counts.get(left)! * counts.get(right)!))
          : n;
        return { left, right, score };
      })
      .sort(
        (a, b) =>
          b.score - a.score ||
          vocab.indexOf(a.left) - vocab.indexOf(b.left) ||
          vocab.indexOf(a.right) - vocab.indexOf(b.right),
      );
    if (ranked.length === 0) break;
    const { left, right } = ranked[0];
    const merged = left + right.slice(2);
    if (!vocab.includes(merged)) vocab.push(merged);
    cut = cut.map((pieces) => {
      const after: string[] = [];
      for (let i = 0; i < pieces.length; i++) {
        const isPair = pieces[i] === left && pieces[i + 1] === right;
        after.push(isPair ? merged : pieces[i]);
        if (isPair) i++;
      }
      return after;
    });
  }
  return vocab;
}

describe('trainWordPiece', () => {
  it.each(['count', 'likelihood'] as const)(
    'merges by %s as counting everything anew does',
    (score) => {
      const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 9 });
      fc.assert(
        fc.property(
          fc.array(fc.array(word, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 }),
          fc.integer({ min: 11, max: 60 }),
          fc.integer({ min: 1, max: 3 }),
          (words, vocabSize, minFrequency) => {
            const texts = words.map((row) => row.join(' '));
            const { vocab, coverage } = trainWordPiece(texts, { vocabSize, minFrequency, score });
            expect(vocab).toEqual(
              byRecounting(texts, vocabSize, minFrequency, score === 'likelihood'),
            );
            expect(coverage).toBe(1);
          },
        ),
        { numRuns: 300, seed: 7 },
      );
    },
  );

  it('gives the same vocabulary for texts in another order, or cut into other texts', () => {
    const texts = sentences(400, 3);
    const { vocab } = trainWordPiece(texts, { vocabSize: 400 });
    expect(trainWordPiece(new Philox(1).shuffle([...texts]), { vocabSize: 400 }).vocab).toEqual(
      vocab,
    );
    expect(trainWordPiece([texts.join('\n')], { vocabSize: 400 }).vocab).toEqual(vocab);
    expect(vocab).toHaveLength(400);
    expect(new Set(vocab).size).toBe(400);
  });

  it('gives the same vocabulary for texts that come in parts', () => {
    const texts = ['so long', 'so wide and so long', 'internationalisation internationalisation'];
    const trainer = new WordPieceTrainer({ vocabSize: 60 });
    for (const text of texts) trainer.feed([text]);
    expect(trainer.train()).toEqual(trainWordPiece(texts, { vocabSize: 60 }));
  });

  it('refuses one text, whose letters would be texts', () => {
    const message = '`texts`: expected a list of texts, got "one text"';
    expect(() => trainWordPiece('one text')).toThrow(message);
    expect(() => new WordPieceTrainer().feed('one text')).toThrow(message);
  });

  it('states which share of its corpus has no unknown word', () => {
    const texts = [
      ...sentences(300, 5),
      `${'x'.repeat(101)} ${'y'.repeat(100)}`,
      'z\u{1f600} \u{1f600}',
    ];
    for (const limitAlphabet of [5, 12, 26, 100]) {
      const { vocab, coverage } = trainWordPiece(texts, { limitAlphabet, vocabSize: 300 });
      const basic = new BasicTokenizer({
        doLowerCase: true,
        stripAccents: null,
        tokenizeChineseChars: true,
        neverSplit: [],
      });
      const tokenizer = new BertTokenizer(vocab);
      const words = texts.flatMap((text) => basic.tokenize(text));
      const known = words.filter((word) => !tokenizer.tokenize(word).includes('[UNK]'));
      expect(coverage).toBe(known.length / words.length);
      expect(coverage).toBeLessThan(1);
      expect(
        new Set(vocab.slice(5).flatMap((token) => [...token.replace('##', '')])).size,
      ).toBeLessThanOrEqual(limitAlphabet);
    }
  });

  it('keeps the most frequent characters, of equal ones the lowest, and the initial ones', () => {
    const texts = ['dddcccbaz'];
    const characters = (options: WordPieceTrainerOptions) =>
      trainWordPiece(texts, { minFrequency: 9, ...options }).vocab.slice(5);
    expect(characters({ limitAlphabet: 3 })).toEqual(['a', 'c', 'd']);
    expect(characters({ limitAlphabet: 3, initialAlphabet: ['q'] })).toEqual([
      'c',
      'd',
      'q',
      '##q',
    ]);
    expect(characters({ limitAlphabet: 9, specialTokens: SPECIAL })).toHaveLength(10);
    expect(trainWordPiece(['c \u{1f600} \uffee'], {}).vocab.slice(5)).toEqual([
      'c',
      '\uffee',
      '\u{1f600}',
    ]);
  });

  it('normalises as BERT does, and as it is told', () => {
    const texts = ['Été Été 東京 한 [MASK] [MASK]'];
    const tokens = (options: WordPieceTrainerOptions) =>
      trainWordPiece(texts, options).vocab.slice(5);
    expect(tokens({})).toEqual([
      ...['e', 't', '\u1112', '\u1161', '\u11ab', '東', '京'].sort(),
      ...['##e', '##t', '##\u1161', '##\u11ab'],
      ...['et', 'ete'],
    ]);
    expect(tokens({ stripAccents: false })).toEqual([
      't',
      'é',
      '京',
      '東',
      '한',
      '##t',
      '##é',
      'ét',
      'été',
    ]);
    expect(tokens({ lowercase: false, handleChineseChars: false, minFrequency: 9 })).toEqual([
      't',
      'É',
      'é',
      '京',
      '東',
      '한',
      '##t',
      '##é',
      '##京',
    ]);
  });

  it('takes other special tokens and another prefix', () => {
    const { vocab } = trainWordPiece(['abab abab <s>'], {
      specialTokens: ['<s>', '<unk>'],
      wordpiecesPrefix: '@@',
    });
    expect(vocab).toEqual(['<s>', '<unk>', 'a', 'b', '@@a', '@@b', 'ab', '@@ab', 'abab']);
  });

  it('stops where no pair is frequent enough', () => {
    expect(trainWordPiece(['ab ab ac'], { minFrequency: 3 }).vocab.slice(5)).toEqual([
      'a',
      'b',
      'c',
      '##b',
      '##c',
    ]);
  });

  it.each([
    [[], {}, 'the corpus has no words in its 0 texts'],
    [[' ', '\t[SEP]'], {}, 'the corpus has no words in its 2 texts'],
    [[3 as unknown as string], {}, 'text 0 of the corpus: expected a string, got 3'],
    [
      ['abc'],
      { vocabSize: 9 },
      '`vocabSize`: expected at least 10, got 9: there are 5 special tokens and 3 characters',
    ],
    [['abc'], { vocabSize: 0 }, '`vocabSize`: expected an integer ≥ 1, got 0'],
    [['abc'], { minFrequency: 1.5 }, '`minFrequency`: expected an integer ≥ 1, got 1.5'],
    [
      ['abc'],
      { limitAlphabet: 1, initialAlphabet: ['a', 'b'] },
      '`initialAlphabet`: expected at most `limitAlphabet` (1) characters, got 2',
    ],
    [
      ['abc'],
      { initialAlphabet: ['ab'] },
      '`initialAlphabet`: expected single characters, got "ab"',
    ],
    [
      ['abc'],
      { specialTokens: ['a\nb'] },
      '`specialTokens`: expected texts of one line, got "a\\nb"',
    ],
    [['abc'], { wordpiecesPrefix: 'a' }, '`wordpiecesPrefix`: expected ASCII punctuation, got "a"'],
    [
      ['abc'],
      { score: 'bpe' as 'count' },
      '`score`: expected one of "count", "likelihood", got "bpe"',
    ],
    [['abc'], { vocab_size: 3 } as object, 'unknown option of trainWordPiece "vocab_size"'],
  ])('refuses %j with %j', (texts, options, message) => {
    expect(() => trainWordPiece(texts, options)).toThrow(message);
  });
});

/** Sentences of made-up words, which repeat. */
function sentences(count: number, seed: number): string[] {
  const random = new Philox(seed);
  const letters = 'etaoinshrdlucmfwypvbgkjqxz';
  // The lower of two numbers: earlier letters and words are more frequent.
  const often = (bound: number) => Math.min(random.randint(bound), random.randint(bound));
  const words = Array.from({ length: 200 }, () =>
    Array.from({ length: 1 + random.randint(9) }, () => letters[often(letters.length)]).join(''),
  );
  return Array.from({ length: count }, () =>
    Array.from({ length: 8 }, () => words[often(words.length)]).join(' '),
  );
}
