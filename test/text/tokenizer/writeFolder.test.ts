import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { BertTokenizer, type BertTokenizerOptions } from '../../../src/text/tokenizer/index.ts';
import { fromRust } from '../../support/rustTokenizer.ts';
import { dir, load, VOCAB } from './tokenizerJsonFixtures.ts';

describe('what a fast one writes', () => {
  const options: BertTokenizerOptions = {
    tokenizerClass: 'BertTokenizerFast',
    ...{ doLowerCase: false, stripAccents: true, tokenizeChineseChars: false, cleanText: false },
    ...{ modelMaxLength: 48, paddingSide: 'left', cleanUpTokenizationSpaces: false },
    additionalSpecialTokens: ['<s>'],
    addedTokens: [
      '<e>',
      { content: '<f>', singleWord: true, rstrip: true },
      { content: '[MASK]', lstrip: true, special: true },
    ],
  };
  const texts = ['a<e>A [SEP] <f> a<f> é字\u0001', '<s>  [MASK]constructor __proto__', ''];

  it('loads as the same tokenizer, here and in Rust', async () => {
    const tokenizer = new BertTokenizer(VOCAB, options);
    await tokenizer.savePretrained(dir);
    const theirs = Tokenizer.fromFile(join(dir, 'tokenizer.json'));
    const again = await load();
    expect(again.files()).toEqual(tokenizer.files());
    for (const text of texts) {
      const encoding = tokenizer.encode(text, null, { returnOffsetsMapping: true });
      expect(again.encode(text, null, { returnOffsetsMapping: true })).toEqual(encoding);
      expect(encoding).toEqual(fromRust(await theirs.encode(text), text));
    }
    expect([again.modelMaxLength, again.decode([5, 8])]).toEqual([48, 'a e']);
  });

  it('has the flags of added tokens in tokenizer_config.json too, for Python', () => {
    const { added_tokens_decoder } = JSON.parse(
      new BertTokenizer(VOCAB, options).files()['tokenizer_config.json'],
    );
    const plain = {
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    };
    expect(added_tokens_decoder).toEqual({
      0: { content: '[PAD]', ...plain },
      1: { content: '[UNK]', ...plain },
      2: { content: '[CLS]', ...plain },
      3: { content: '[SEP]', ...plain },
      4: { content: '[MASK]', ...plain, lstrip: true },
      16: { content: '<e>', ...plain, normalized: true, special: false },
      17: {
        content: '<f>',
        ...plain,
        single_word: true,
        rstrip: true,
        normalized: true,
        special: false,
      },
      18: { content: '<s>', ...plain },
    });
  });
});
