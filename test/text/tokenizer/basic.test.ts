import { describe, expect, it } from 'vitest';
import { CONTROL, pythonClass } from '../../../src/text/tokenizer/characters.ts';
import { BasicTokenizer } from '../../../src/text/tokenizer/index.ts';
import { addedAfterUnicode14 } from '../../../src/text/tokenizer/unicode.ts';
import { make } from './vocabFixture.ts';

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
