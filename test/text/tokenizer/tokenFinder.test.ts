import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { TokenFinder } from '../../../src/text/tokenizer/tokenFinder.ts';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const classes = ['BertTokenizer', 'BertTokenizerFast'] as const;

describe('TokenFinder', () => {
  const short = fc.string({
    unit: fc.constantFrom('a', 'b', '.', '한'),
    minLength: 1,
    maxLength: 5,
  });

  it('finds what a regular expression of alternatives finds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '한', ' '), maxLength: 40 });
    fc.assert(
      fc.property(fc.array(short, { minLength: 1, maxLength: 8 }), text, (tokens, source) => {
        for (const wins of ['longest', 'shortest'] as const) {
          const sorted = [...tokens].sort((a, b) =>
            wins === 'longest' ? b.length - a.length : a.length - b.length,
          );
          const pattern = new RegExp(sorted.map((t) => t.replaceAll('.', '\\.')).join('|'), 'g');
          const expected = [...source.matchAll(pattern)].map(({ 0: token, index }) => [
            index,
            token,
          ]);
          const found = [...new TokenFinder(tokens, wins).find(source)];
          expect(found.map(({ start, token }) => [start, token])).toEqual(expected);
          for (const { start, end, token } of found) expect(source.slice(start, end)).toBe(token);
        }
      }),
      { seed: 14, numRuns: 1000 },
    );
  });

  it('finds nothing without tokens, and no empty one', () => {
    for (const tokens of [[], ['']]) {
      const finder = new TokenFinder(tokens, 'longest');
      expect([finder.hasAny, finder.next('ab', 0)]).toEqual([false, null]);
    }
  });
});

describe.each(classes)('added tokens of %s', (tokenizerClass) => {
  it('may be 10,000, and of any characters', () => {
    const odd = ['(?:', '[a-', '\\d+', 'x|y', '^$', '*', '한글{2}', '😀'];
    const many = Array.from({ length: 10_000 }, (_, i) => `<extra_${i}>`);
    const tokenizer = new BertTokenizer([...SPECIAL, 'a'], {
      tokenizerClass,
      addedTokens: [...many, ...odd].map((content) => ({ content, normalized: false })),
    });
    expect(tokenizer.tokenize(`a<extra_7>a ${odd.join('a')}<extra_77>`)).toEqual([
      ...['a', '<extra_7>', 'a'],
      ...odd.flatMap((token, i) => (i ? ['a', token] : [token])),
      '<extra_77>',
    ]);
    expect(tokenizer.length).toBe(6 + 10_000 + odd.length);
  });

  it.each([
    ['maskToken', { maskToken: 'm'.repeat(100_000) }],
    ['additionalSpecialTokens[0]', { additionalSpecialTokens: ['('.repeat(100_000)] }],
    ['content of an added token', { addedTokens: ['한'.repeat(100_000)] }],
  ])('are refused if they are absurdly long: %s', (name, options) => {
    const make = () => new BertTokenizer(SPECIAL, { tokenizerClass, ...options });
    expect(make).toThrow(UsageError);
    expect(make).toThrow(`${name}`);
    expect(make).toThrow(/expected at most 1000 characters, got 100000: ".{40}…"$/);
  });

  it('take time in proportion to a text that nearly has them', () => {
    const addedTokens = [`${'a'.repeat(999)}b`, 'a'.repeat(500)];
    const tokenizer = new BertTokenizer([...SPECIAL, 'a'], { tokenizerClass, addedTokens });
    expect(tokenizer.tokenize('a'.repeat(1_000_100)).length).toBe(2000 + 1);
  });
});
