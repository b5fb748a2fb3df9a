import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { encodeExamples } from '../../../src/train/data/batch.ts';
import { encodeWindows, poolWindows, windowsOf } from '../../../src/train/data/documents.ts';

const words = Array.from({ length: 20 }, (_, i) => `w${i}`);
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words];
const tokenizer = new BertTokenizer(vocab);
const fast = new BertTokenizer(vocab, { tokenizerClass: 'BertTokenizerFast' });
const textOf = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => words[(from + i) % 20]).join(' ');

describe('encodeWindows', () => {
  it.each([
    [3, 8, 2],
    [6, 8, 2],
    [7, 8, 0],
    [17, 8, 2],
    [20, 8, 5],
    [100, 12, 3],
  ])('%i words in windows of %i with %i repeated, as the tokenizer', (count, maxLength, stride) => {
    const text = textOf(count);
    const windows = encodeWindows(text, undefined, tokenizer, maxLength, stride);
    const { inputIds } = fast.encode(text, null, {
      ...{ maxLength, truncation: true, stride, returnOverflowingTokens: true },
    });
    expect(windows.map((window) => window.inputIds)).toEqual(inputIds);
  });

  it.each([
    ['the second', 3, 30, 'only_second'],
    ['the first', 30, 3, 'only_first'],
  ] as const)(
    'splits %s text of a pair if it is the longer one',
    (_, first, second, truncation) => {
      const [text, pair] = [textOf(first), textOf(second, 7)];
      const windows = encodeWindows(text, pair, tokenizer, 16, 4);
      const { inputIds, tokenTypeIds } = fast.encode(text, pair, {
        ...{ maxLength: 16, truncation, stride: 4, returnOverflowingTokens: true },
      });
      expect(windows).toEqual(
        inputIds.map((ids, i) => ({ inputIds: ids, tokenTypeIds: tokenTypeIds[i] })),
      );
    },
  );

  it('covers every token, in windows that fit, for any lengths', () => {
    fc.assert(
      fc.property(
        ...[fc.nat(60), fc.option(fc.nat(60), { nil: undefined })],
        ...[fc.integer({ min: 8, max: 20 }), fc.nat(1)],
        (first, second, maxLength, stride) => {
          const [text, pair] = [textOf(first), second === undefined ? undefined : textOf(second)];
          const windows = encodeWindows(text, pair, tokenizer, maxLength, stride);
          const whole = tokenizer.encode(text, pair);
          for (const { inputIds, tokenTypeIds } of windows) {
            expect(inputIds.length).toBeLessThanOrEqual(maxLength);
            expect(tokenTypeIds).toHaveLength(inputIds.length);
          }
          if (whole.inputIds.length <= maxLength)
            expect(windows.map(({ inputIds }) => inputIds)).toEqual([whole.inputIds]);
          const seen = windows.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
          if (pair === undefined)
            expect(seen).toBe(first + 2 * windows.length + stride * (windows.length - 1));
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  it('refuses a stride that leaves nothing new', () => {
    expect(() => encodeWindows(textOf(9), undefined, tokenizer, 8, 6)).toThrow(
      '`stride`: expected less than the 6 tokens of a window',
    );
    for (const stride of [-1, 0.5, Number.NaN])
      expect(() => encodeExamples([], tokenizer, 8, 8, stride)).toThrow(
        `\`stride\`: expected an integer ≥ 0, got ${stride}`,
      );
  });
});

describe('windowsOf and poolWindows', () => {
  it('give an example a window, and a mean a document', () => {
    const examples = encodeExamples(
      [3, 17, 9].map((count, label) => ({ text: textOf(count), label })),
      ...([tokenizer, 8, 8, 2] as const),
    );
    expect(examples.map(({ overflow = [] }) => overflow.length)).toEqual([0, 3, 1]);
    const windows = examples.flatMap((example) => windowsOf(example));
    expect(windows.map(({ label }) => label)).toEqual([0, 1, 1, 1, 1, 2, 2]);
    const rows = [[1], [2], [3], [4], [7], [0], [1]];
    expect(poolWindows(examples, rows)).toEqual([[1], [4], [0.5]]);
  });
});
