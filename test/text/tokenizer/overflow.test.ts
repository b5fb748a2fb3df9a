import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import {
  type BatchEncoding,
  BertTokenizer,
  type EncodeOptions,
} from '../../../src/text/tokenizer/index.ts';
import { rustTokenizer, SPECIAL } from '../../support/rustTokenizer.ts';

const VOCAB = [...SPECIAL, ...'abcdefghij', '##b', ','];
const python = new BertTokenizer(VOCAB);
const fast = new BertTokenizer(VOCAB, { tokenizerClass: 'BertTokenizerFast' });
const ids = (text: string) => [...text].map((letter) => VOCAB.indexOf(letter));
const words = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => 'abcdefghij'[(from + i) % 10]).join(' ');
const windowsOf = (text: string, pair: string | null, options: EncodeOptions) =>
  fast.encode(text, pair, { ...options, returnOverflowingTokens: true }) as BatchEncoding;
/** The texts of rows, special tokens included. */
const shown = ({ inputIds }: BatchEncoding) => inputIds.map((row) => fast.decode(row));

describe('returnOverflowingTokens of BertTokenizer', () => {
  it.each([
    ['a b c d e f g', null, { maxLength: 6 }, 'efg', 3, 'a b c d', null],
    ['a b c d e f g', null, { maxLength: 6, stride: 2 }, 'cdefg', 3, 'a b c d', null],
    ['a b c d e f g', null, { maxLength: 6, stride: 100 }, 'abcdefg', 3, 'a b c d', null],
    ['a b c', null, { maxLength: 9, stride: 2 }, '', -4, 'a b c', null],
    ['a b c', null, { maxLength: 2, addSpecialTokens: false }, 'c', 1, 'a b', null],
    ['a b', 'c d e f', { maxLength: 7, truncation: 'only_second' }, 'ef', 2, 'a b', 'c d'],
    ['a b c', 'd', { maxLength: 5, truncation: 'only_first', stride: 1 }, 'abc', 2, 'a', 'd'],
  ] as [string, string | null, EncodeOptions, string, number, string, string | null][])(
    'of %j and %j with %j gives %j and %i',
    (text, pair, options, overflowing, count, kept, keptPair) => {
      const answer = python.encode(text, pair, { ...options, returnOverflowingTokens: true });
      expect(answer).toEqual({
        ...python.encode(kept, keptPair, { addSpecialTokens: options.addSpecialTokens }),
        overflowingTokens: ids(overflowing),
        numTruncatedTokens: count,
      });
    },
  );

  it('gives both for each row of a batch; padding leaves them alone', () => {
    const batch = python.encodeBatch(['a b c d', 'a'], {
      ...{ maxLength: 5, truncation: true, padding: true, returnOverflowingTokens: true },
    });
    expect(batch.inputIds).toEqual([
      [2, ...ids('abc'), 3],
      [2, ...ids('a'), 3, 0, 0],
    ]);
    expect(batch.overflowingTokens).toEqual([ids('d'), []]);
    expect(batch.numTruncatedTokens).toEqual([1, -2]);
    expect(batch.overflowToSampleMapping).toBeUndefined();
  });

  it.each([
    // Also where nothing has to be removed, as in Python.
    [['a', 'b'], { maxLength: 9 }, /BertTokenizer has none for a pair with .*choose 'only_first'/],
    [['a', null], {}, /`returnOverflowingTokens` needs a length: give `maxLength`/],
    [['a', null], { stride: -1 }, /`stride`: expected an integer ≥ 0, got -1/],
    [['a', null], { stride: 1.5 }, /`stride`: expected an integer ≥ 0, got 1.5/],
  ] as [[string, string | null], EncodeOptions, RegExp][])(
    'refuses %j with %j',
    ([text, pair], options, message) => {
      const run = () => python.encode(text, pair, { ...options, returnOverflowingTokens: true });
      expect(run).toThrow(UsageError);
      expect(run).toThrow(message);
    },
  );
});

describe('returnOverflowingTokens of BertTokenizerFast', () => {
  it.each([
    ['a b c d e f g', null, { maxLength: 5 }, ['a b c', 'd e f', 'g']],
    ['a b c d e f g', null, { maxLength: 5, stride: 1 }, ['a b c', 'c d e', 'e f g']],
    ['a b c', null, { maxLength: 5, stride: 1 }, ['a b c']],
    ['a b c', null, { maxLength: 4, truncation: false }, ['a b c']],
    [
      ...['a b', 'c d e f g'],
      { maxLength: 7, truncation: 'only_second' },
      ['a b [SEP] c d', 'a b [SEP] e f', 'a b [SEP] g'],
    ],
    [
      ...['a b c', 'd'],
      { maxLength: 6, truncation: 'only_first', stride: 1 },
      ['a b [SEP] d', 'b c [SEP] d'],
    ],
  ] as [string, string | null, EncodeOptions, string[]][])(
    'of %j and %j with %j gives windows',
    (text, pair, options, expected) => {
      const batch = windowsOf(text, pair, options);
      expect(shown(batch)).toEqual(expected.map((window) => `[CLS] ${window} [SEP]`));
      expect(batch.overflowToSampleMapping).toEqual(expected.map(() => 0));
      expect(batch.overflowingTokens).toBeUndefined();
      if (pair) expect(batch.tokenTypeIds.map((row) => row.at(-2))).toEqual(expected.map(() => 1));
    },
  );

  it('says which text of a batch each window is of, and pads to the longest first window', () => {
    const batch = fast.encodeBatch(['a b c d', 'a', ['a', 'b c d e']], {
      ...{ maxLength: 6, truncation: true, padding: true, returnOverflowingTokens: true },
      returnOffsetsMapping: true,
    });
    expect(batch.overflowToSampleMapping).toEqual([0, 1, 2, 2]);
    expect(batch.inputIds).toEqual([
      [2, ...ids('abcd'), 3],
      [2, ...ids('a'), 3, 0, 0, 0],
      [2, ...ids('a'), 3, ...ids('bc'), 3],
      [2, ...ids('a'), 3, ...ids('de'), 3],
    ]);
    expect(batch.offsetMapping![3]).toEqual([
      ...[
        [0, 0],
        [0, 1],
        [0, 0],
        [4, 5],
      ],
      ...[
        [6, 7],
        [0, 0],
      ],
    ]);
  });

  it.each([
    [{ maxLength: 5, stride: 3 }, 'a b c d', null],
    [{ maxLength: 5, stride: 4 }, 'a', null],
    [{ maxLength: 9, stride: 2, truncation: 'only_second' }, 'a b c d', 'a b c d'],
  ] as [EncodeOptions, string, string | null][])(
    'refuses a stride that leaves no room: %j',
    (options, text, pair) => {
      expect(() => windowsOf(text, pair, options)).toThrow(UsageError);
      expect(() => windowsOf(text, pair, options)).toThrow(/`stride`: expected less than/);
    },
  );

  it("has the Rust tokenizer's windows, in its order", async () => {
    const strategies = {
      longest_first: 'LongestFirst',
      only_first: 'OnlyFirst',
      only_second: 'OnlySecond',
    } as const;
    const strategy = fc.constantFrom(...(Object.keys(strategies) as (keyof typeof strategies)[]));
    const length = fc.integer({ min: 0, max: 12 });
    const tokenizer = rustTokenizer(VOCAB);
    let windows = 0;
    await fc.assert(
      fc.asyncProperty(
        ...[length, fc.option(length), strategy, fc.integer({ min: 3, max: 16 }), fc.nat(4)],
        async (a, b, truncation, maxLength, stride) => {
          const [text, pair] = [words(a), b === null ? null : words(b, 5)];
          let ours: BatchEncoding;
          try {
            ours = windowsOf(text, pair, { maxLength, truncation, stride });
          } catch {
            // Rust ends the process where it refuses.
            return;
          }
          // Cut after encoding: `encode` of this version cuts texts before it makes windows.
          tokenizer.disableTruncation();
          const [first, second] = await Promise.all(
            [text, pair].map((part) =>
              part === null
                ? undefined
                : tokenizer.encode(part, undefined, { addSpecialTokens: false }),
            ),
          );
          // `encode` of that version cuts both to `maxLength` first, so their order is lost.
          fc.pre(Math.min(a, b ?? 0) < maxLength);
          const total = a + (b ?? 0) + (b === null ? 2 : 3);
          if (total > maxLength)
            tokenizer.setTruncation(maxLength, {
              strategy: strategies[truncation] as never,
              stride,
            });
          const theirs = tokenizer.postProcess(first!, second, true);
          const all = [theirs, ...theirs.getOverflowing()];
          expect(ours.inputIds).toEqual(all.map((row) => row.getIds()));
          expect(ours.specialTokensMask).toEqual(all.map((row) => row.getSpecialTokensMask()));
          windows += all.length - 1;
        },
      ),
      { numRuns: 500, seed: 14 },
    );
    expect(windows).toBeGreaterThan(200);
  });
});
