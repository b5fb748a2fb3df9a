import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import {
  BertTokenizer,
  type BertTokenizerOptions,
  WordPiece,
} from '../../../src/text/tokenizer/index.ts';
import { make, SPECIAL, VOCAB } from './vocabFixture.ts';

describe('WordPiece', () => {
  const wordPiece = new WordPiece(
    ['[UNK]', 'a', 'ab', '##b', '##bc', '##c', '##d', '𠀀', '##𠀀', '##ing'],
    '[UNK]',
  );

  it('takes the longest piece first, without going back', () => {
    expect(wordPiece.tokenize('abcd')).toEqual(['ab', '##c', '##d']);
    expect(wordPiece.tokenize('abbc')).toEqual(['ab', '##bc']);
    expect(wordPiece.tokenize('𠀀𠀀')).toEqual(['𠀀', '##𠀀']);
  });

  it('gives up the whole word where a part is unknown', () => {
    expect(wordPiece.tokenize('abx')).toEqual(['[UNK]']);
    expect(wordPiece.tokenize('b')).toEqual(['[UNK]']);
    expect(wordPiece.tokenize('𠀁')).toEqual(['[UNK]']);
  });

  it('takes a piece with its mark as a word that begins so', () => {
    expect(wordPiece.tokenize('##ing')).toEqual(['##ing']);
  });

  it('counts code points up to its limit of 100', () => {
    expect(wordPiece.tokenize(`a${'b'.repeat(99)}`).length).toBe(99);
    expect(wordPiece.tokenize(`a${'b'.repeat(100)}`)).toEqual(['[UNK]']);
    expect(wordPiece.tokenize('𠀀'.repeat(100)).length).toBe(100);
    expect(wordPiece.tokenize('𠀀'.repeat(101))).toEqual(['[UNK]']);
  });
});

describe('BertTokenizer.tokenize', () => {
  it('finds special tokens anywhere, in exact case, lower-casing around them', () => {
    expect(make().tokenize('Hello[SEP]unaffable[sep][MASK]HELLO')).toEqual([
      ...['hello', '[SEP]', 'un', '##aff', '##able', '[UNK]', '[UNK]', '[UNK]', '[MASK]', 'hello'],
    ]);
  });

  it('keeps a special token that only cleaning brings about, when case is kept', () => {
    expect(make({ doLowerCase: false }).tokenize('[SE\0P] x')).toEqual(['[SEP]', '[UNK]']);
  });

  it('prefers the longest of special tokens that begin alike', () => {
    const tokenizer = make({ doLowerCase: false, additionalSpecialTokens: ['<e>', '<e>1'] });
    expect(tokenizer.tokenize('hello<e>1<e>hello')).toEqual(['hello', '<e>1', '<e>', 'hello']);
    expect(tokenizer.convertTokensToIds(['<e>', '<e>1'])).toEqual([VOCAB.length, VOCAB.length + 1]);
    expect([tokenizer.vocabSize, tokenizer.length]).toEqual([VOCAB.length, VOCAB.length + 2]);
  });

  it('passes never-split words on as they are; unknown ones get the unknown id', () => {
    const tokenizer = make({ neverSplit: ['hello!', 'x.y'] });
    expect(tokenizer.tokenize('hello! x.y hello!!')).toEqual(['hello!', 'x.y', 'hello', '!', '!']);
    expect(tokenizer.encode('x.y', null, { addSpecialTokens: false }).inputIds).toEqual([
      tokenizer.unkTokenId,
    ]);
  });

  it('without the basic stage splits at blanks alone, and keeps case', () => {
    const tokenizer = make({ doBasicTokenize: false }, ['hello,']);
    expect(tokenizer.tokenize('hello,\u001chello hello\u2028HELLO')).toEqual([
      'hello,',
      'hello',
      'hello',
      '[UNK]',
    ]);
    // A byte order mark is a blank to JavaScript, not to Python.
    expect(tokenizer.tokenize('hello\ufeffhello')).toEqual(['[UNK]']);
  });

  it('remembers what it has seen without changing it, however much that is', () => {
    const letters = [...'abcdefghij'];
    const tokenizer = make({}, [...letters, ...letters.map((letter) => `##${letter}`)]);
    const word = (n: number) => [...String(n)].map((digit) => letters[Number(digit)]).join('');
    const check = (n: number) =>
      expect(tokenizer.tokenize(word(n)).join('').replaceAll('##', '')).toBe(word(n));
    const many = Array.from({ length: 100_000 }, (_, n) => word(n)).join(' ');
    const once = tokenizer.tokenize(many).join(' ');
    expect(tokenizer.tokenize(many).join(' ')).toBe(once);
    for (const n of [0, 7, 32_768, 65_537, 99_999]) check(n);
  });
});

describe('the vocabulary', () => {
  it('is read from text with a byte order mark, CRLF, and with or without a last line end', () => {
    for (const text of [
      VOCAB.join('\n'),
      `${VOCAB.join('\n')}\n`,
      `\ufeff${VOCAB.join('\r\n')}\r\n`,
      VOCAB.join('\r'),
    ]) {
      const tokenizer = new BertTokenizer(text);
      expect(tokenizer.vocabSize).toBe(VOCAB.length);
      expect(tokenizer.convertTokensToIds(['[PAD]', '##'])).toEqual([0, VOCAB.length - 1]);
    }
  });

  it('keeps the ids of empty lines and of all but the last of equal ones', () => {
    const tokenizer = new BertTokenizer([...SPECIAL, 'a', '', 'a', 'b'].join('\n'));
    expect(tokenizer.convertTokensToIds(['a', 'b'])).toEqual([7, 8]);
    expect(tokenizer.convertIdsToTokens([5, 6, 7, 8])).toEqual(['a', '', 'a', 'b']);
    expect(tokenizer.vocabSize).toBe(9);
  });

  it('may lack the mask token, which then gets the next id', () => {
    const tokenizer = new BertTokenizer(['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a']);
    expect(tokenizer.maskTokenId).toBe(5);
    expect(tokenizer.encode('a[MASK]').inputIds).toEqual([2, 4, 5, 3]);
    expect(tokenizer.decode([4, 5, 4])).toBe('a [MASK] a');
  });

  it('may name its special tokens otherwise', () => {
    const names = {
      unkToken: '<unk>',
      clsToken: '<s>',
      sepToken: '</s>',
      padToken: '<pad>',
      maskToken: '<mask>',
    };
    const tokenizer = new BertTokenizer(['<pad>', '<unk>', '<s>', '</s>', '<mask>', 'a'], names);
    expect(tokenizer.encode('a <mask>b', 'a').inputIds).toEqual([2, 5, 4, 1, 3, 5, 3]);
    const { padTokenId, unkTokenId, clsTokenId, sepTokenId, maskTokenId } = tokenizer;
    expect([padTokenId, unkTokenId, clsTokenId, sepTokenId, maskTokenId]).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    [() => new BertTokenizer(['[PAD]', '[UNK]', '[CLS]']), /no "\[SEP\]"/],
    [
      () => new BertTokenizer(['[PAD]', '[CLS]', '[SEP]'], { addedTokens: ['[UNK]'] }),
      /\(3 tokens\) has no "\[UNK\]"/,
    ],
    [() => new BertTokenizer(''), /\(0 tokens\) has no "\[UNK\]"/],
    [() => new BertTokenizer([...SPECIAL, 'a\nb']), /token 5 .*line break/],
    [
      () => new BertTokenizer([...SPECIAL, 3 as unknown as string]),
      /token 5 of the vocabulary: expected a string/,
    ],
    [
      () => new BertTokenizer(undefined as unknown as string),
      /`vocab`: expected an array.*, got undefined/,
    ],
    [
      () => make({ lowercase: true } as BertTokenizerOptions),
      /unknown tokenizer option "lowercase".*doLowerCase/,
    ],
    [
      () => make({ doLowerCase: 'no' as unknown as boolean }),
      /`doLowerCase`: expected one of true, false.*, got "no"/,
    ],
    [() => make({ stripAccents: 1 as unknown as boolean }), /`stripAccents`: expected .*, got 1/],
    [() => make({ unkToken: '' }), /`unkToken`: expected at least one character/],
    [
      () => make({ neverSplit: 'x' as unknown as string[] }),
      /`neverSplit`: expected an array.*, got "x"/,
    ],
    [() => make({ modelMaxLength: 0 }), /`modelMaxLength`: expected .*, got 0/],
  ])('is checked, as options are: %#', (run, message) => {
    expect(run).toThrow(UsageError);
    expect(run).toThrow(message);
  });
});

describe('properties', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });

  it('gives tokens of the vocabulary for any text, the same each time', () => {
    const tokenizer = make();
    fc.assert(
      fc.property(text, (t) => {
        const tokens = tokenizer.tokenize(t);
        expect(tokens.every((token) => VOCAB.includes(token))).toBe(true);
        expect(tokenizer.tokenize(t)).toEqual(tokens);
      }),
    );
  });

  it('tokenizes texts between blanks on their own', () => {
    const tokenizer = make();
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(tokenizer.tokenize(`${a} ${b}`)).toEqual([
          ...tokenizer.tokenize(a),
          ...tokenizer.tokenize(b),
        ]);
      }),
    );
  });
});
