import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { BertTokenizer, type EncodeOptions } from '../../../src/text/tokenizer/index.ts';
import { SPECIAL } from '../../support/rustTokenizer.ts';

const VOCAB = [...SPECIAL, ...'abcdefghij', '##b', ','];
const python = new BertTokenizer(VOCAB);
const fast = new BertTokenizer(VOCAB, { tokenizerClass: 'BertTokenizerFast' });

describe('isSplitIntoWords', () => {
  it.each([python, fast])('encodes words one by one: $tokenizerClass', (tokenizer) => {
    const list = ['ab', '', 'c,d', '[SEP]', 'e f'];
    const options = { isSplitIntoWords: true, returnOffsetsMapping: true };
    const answer = tokenizer.encode(list, ['g', 'h'], options);
    const whole = tokenizer.encode('ab c,d [SEP] e f', 'g h', { returnOffsetsMapping: true });
    expect(answer.inputIds).toEqual(whole.inputIds);
    expect(answer.tokenTypeIds).toEqual(whole.tokenTypeIds);
    expect(answer.specialTokensMask).toEqual(whole.specialTokensMask);
    expect(answer.offsetMapping!.slice(0, 6)).toEqual([
      ...[
        [0, 0],
        [0, 1],
        [1, 2],
      ],
      ...[
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    ]);
    const wordIds = [null, 0, 0, 2, 2, 2, 3, 4, 4, null, 0, 1, null];
    expect(answer.wordIds).toEqual(tokenizer === fast ? wordIds : undefined);
  });

  it('takes batches of words and of pairs, cut and padded', () => {
    const batch = fast.encodeBatch([['a', 'b'], [['ab'], ['c']], []], {
      ...{ isSplitIntoWords: true, padding: true, paddingSide: 'left' },
    });
    expect(batch.wordIds).toEqual([
      [null, null, null, 0, 1, null],
      [null, 0, 0, null, 0, null],
      [null, null, null, null, null, null],
    ]);
    const windows = fast.encodeBatch([['a', 'b', 'cb', 'd']], {
      ...{ isSplitIntoWords: true, maxLength: 4, stride: 1, returnOverflowingTokens: true },
    });
    expect(windows.wordIds).toEqual([
      ...[
        [null, 0, 1, null],
        [null, 1, 2, null],
      ],
      ...[
        [null, 2, 2, null],
        [null, 2, 3, null],
      ],
    ]);
  });

  const wrong = <T>(value: unknown) => value as T;
  it.each([
    [() => python.encode(['a', 'b']), /`text`: .*got \["a","b"\]: call `encodeBatch`.*words/],
    [() => python.encode('a', ['b']), /`pair`: expected a string, got \["b"\]: call/],
    [() => python.tokenize(wrong(['a'])), /`text`: expected a string/],
    [() => python.encode('a b', null, { isSplitIntoWords: true }), /an array of words .*got "a b"/],
    [
      () => python.encode(wrong([['a']]), null, { isSplitIntoWords: true }),
      /`text\[0\]`: expected a string, got \["a"\]: call `encodeBatch`/,
    ],
    [() => python.encodeBatch(['a'], { isSplitIntoWords: true }), /row 0: `text`: .*words/],
    [
      () => python.encodeBatch(wrong([[['a'], ['b'], ['c']]]), { isSplitIntoWords: true }),
      /row 0: expected words or a pair of lists/,
    ],
    [() => python.encode(wrong(undefined)), /`text`: expected a string, got undefined/],
    [() => python.encode('a', null, wrong(null)), /encoding options: expected an object, got null/],
    [() => python.encodeBatch(['a'], wrong(['b'])), /expected an object, got \["b"\]/],
    [() => python.convertTokensToIds(wrong(5)), /`tokens`: expected an array, got 5/],
    [() => python.convertIdsToTokens(wrong(null)), /`ids`: expected an array, got null/],
    [() => python.decode(wrong(undefined)), /`ids`: expected an array, got undefined/],
    [() => python.encode(wrong(['x'.repeat(1e6)])), /^.{1,300}$/],
  ])('refuses what is no text, and says what to call: %#', (run, message) => {
    expect(run).toThrow(UsageError);
    expect(run).toThrow(message);
  });
});

describe('other options', () => {
  it('returnSpecialTokensMask: false omits the mask', () => {
    const options = {
      returnSpecialTokensMask: false,
      padding: 'max_length',
      maxLength: 4,
    } as const;
    for (const tokenizer of [python, fast]) {
      const row = {
        inputIds: [2, 5, 3, 0],
        attentionMask: [1, 1, 1, 0],
        tokenTypeIds: [0, 0, 0, 0],
      };
      expect(tokenizer.encode('a', null, options)).toEqual(row);
      expect(Object.keys(tokenizer.encodeBatch(['a'], options))).toEqual(Object.keys(row));
    }
  });

  it('an empty text is padded as in Python', () => {
    const padding = { padding: 'max_length', maxLength: 4 } as const;
    const bare = { ...padding, addSpecialTokens: false };
    for (const tokenizer of [python, fast]) {
      expect(tokenizer.encode('', null, padding).inputIds).toEqual([2, 3, 0, 0]);
      expect(tokenizer.encode('', '', padding).inputIds).toEqual([2, 3, 3, 0]);
      expect(tokenizer.encodeBatch([''], bare).inputIds).toEqual([[0, 0, 0, 0]]);
    }
    // Python's class returns early where there is no token; the fast one pads.
    const empty = { inputIds: [], attentionMask: [], tokenTypeIds: [], specialTokensMask: [] };
    expect(python.encode('', null, bare)).toEqual(empty);
    expect(fast.encode('', null, bare).inputIds).toEqual([0, 0, 0, 0]);
  });

  it.each([
    { padding: 'max_length', maxLength: 1e15 },
    { padding: true, padToMultipleOf: 1e12 },
    { padding: 'max_length', maxLength: 2 ** 31 },
  ] as EncodeOptions[])('rows of absurd length are refused: %j', (options) => {
    const run = () => python.encode('a', null, { ...options, truncation: false });
    expect(run).toThrow(UsageError);
    expect(run).toThrow(/`padding`: expected rows of at most/);
  });
});
