import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { CONTROL, pythonClass } from '../../../src/text/tokenizer/characters.ts';
import {
  BasicTokenizer,
  BertTokenizer,
  type BertTokenizerOptions,
  WordPiece,
} from '../../../src/text/tokenizer/index.ts';
import { addedAfterUnicode14 } from '../../../src/text/tokenizer/unicode.ts';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const VOCAB = [
  ...SPECIAL,
  'un',
  '##aff',
  '##able',
  'hello',
  'world',
  ',',
  '.',
  '!',
  "'",
  'n',
  '##t',
  't',
  's',
  '##',
];
const make = (options?: BertTokenizerOptions, extra: string[] = []) =>
  new BertTokenizer([...VOCAB, ...extra], options);
const basic = (
  text: string,
  options: Partial<ConstructorParameters<typeof BasicTokenizer>[0]> = {},
) =>
  new BasicTokenizer({
    doLowerCase: true,
    stripAccents: null,
    tokenizeChineseChars: true,
    neverSplit: [],
    ...options,
  }).tokenize(text);

describe('BasicTokenizer', () => {
  it('drops control characters, NUL, U+FFFD, private and unassigned ones, lone surrogates', () => {
    expect(basic('a\0b\u0007c\ufffdd\u200be\ue000f\u0378g\ud800h\x0bi')).toEqual(['abcdefghi']);
  });

  it('splits at every kind of blank, and nowhere else', () => {
    expect(basic('a\tb\nc\rd\u00a0e\u3000f\u2028g\u2029h')).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
      'f',
      'g',
      'h',
    ]);
    // U+0085 and U+001C are controls first: dropped, though Python splits at them.
    expect(basic('a\u0085b\u001cc')).toEqual(['abc']);
    expect(basic(' \u3000\n')).toEqual([]);
  });

  it('isolates ideographs, supplementary planes included, but no kana and no hangul', () => {
    expect(basic('一二a𠀀𫝀b\uf900かなa')).toEqual([
      '一',
      '二',
      'a',
      '𠀀',
      '𫝀',
      'b',
      '\u8c48',
      'かなa',
    ]);
    expect(basic('一二a', { tokenizeChineseChars: false })).toEqual(['一二a']);
    // The block 2CEB0 (extension F) is not on BERT's list.
    expect(basic('a\u{2ceb0}b')).toEqual(['a\u{2ceb0}b']);
  });

  it('lower-cases character by character', () => {
    expect(basic('ΟΔΥΣΣΕΥΣ', { stripAccents: false })).toEqual(['οδυσσευσ']);
    expect(basic('İ', { stripAccents: false })).toEqual(['i\u0307']);
    expect(basic('İ')).toEqual(['i']);
  });

  it('strips accents as told, by default where it lower-cases', () => {
    expect(basic('Éa')).toEqual(['ea']);
    expect(basic('Éa', { stripAccents: false })).toEqual(['éa']);
    expect(basic('Éa', { doLowerCase: false })).toEqual(['Éa']);
    expect(basic('Éa', { doLowerCase: false, stripAccents: true })).toEqual(['Ea']);
    // Hangul comes apart into jamo, and a mark alone leaves no word.
    expect(basic('한 \u0301')).toEqual(['한'.normalize('NFD')]);
  });

  it('strips the one mark that later versions of Unicode call none', () => {
    expect(basic('a\u{1171e}b')).toEqual(['ab']);
  });

  it('does not compose: canonically equal texts may differ', () => {
    expect(basic('e\u0301', { stripAccents: false })).toEqual(['e\u0301']);
  });

  it('makes each punctuation character and each ASCII symbol a word', () => {
    expect(basic('a.b$c^d`e~f¿g…h「i」')).toEqual('a.b$c^d`e~f¿g…h「i」'.split(''));
    // Symbols beyond ASCII are no punctuation.
    expect(basic('a€b±c')).toEqual(['a€b±c']);
    // Splitting comes after stripping: ≠ leaves = behind.
    expect(basic('a≠b')).toEqual(['a', '=', 'b']);
  });

  it('leaves never-split words whole, before and after normalising', () => {
    expect(basic('A.b a.b #Café x', { neverSplit: ['A.b', '#cafe'] })).toEqual([
      'A.b',
      'a',
      '.',
      'b',
      '#cafe',
      'x',
    ]);
  });

  it('knows exactly the characters of Unicode 14.0, whatever the engine knows', () => {
    let unassigned = 0;
    const later = new Set<number>();
    for (const [first, last] of addedAfterUnicode14)
      for (let c = first; c <= last; c++) later.add(c);
    for (let c = 0; c <= 0x10ffff; c++) {
      if (!later.has(c) && !/\p{Cn}/u.test(String.fromCodePoint(c))) continue;
      unassigned++;
      if (pythonClass(c) !== CONTROL) expect.fail(`U+${c.toString(16)} is kept`);
    }
    // More here: the engine knows a later version; its additions belong into
    // src/bert/tokenizer/unicode.ts.
    expect(unassigned).toBe(829_834);
    const text = [...later].map((c) => String.fromCodePoint(c)).join('');
    for (const doLowerCase of [true, false])
      expect(make({ doLowerCase }).tokenize(text)).toEqual([]);
  });

  it('takes a flood of marks in linear time', () => {
    expect(basic(`a${'\u0301\u0323'.repeat(200_000)}b`)).toEqual(['ab']);
  }, 20_000);
});

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
