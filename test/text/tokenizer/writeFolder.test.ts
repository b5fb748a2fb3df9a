import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { BertTokenizer, type BertTokenizerOptions } from '../../../src/text/tokenizer/index.ts';
import { fromRust } from '../../support/rustTokenizer.ts';
import { dir, load, VOCAB, write } from './tokenizerJsonFixtures.ts';

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

describe('tokenizer.json of a Python one', () => {
  const texts = ['a A é字 aa a,b [SEP] E\u0301a', '<e>a <f> constructor', '', ' b  c\u00a0d '];
  it.each<BertTokenizerOptions>([
    {},
    { doLowerCase: false },
    { stripAccents: false },
    { doLowerCase: false, stripAccents: true, tokenizeChineseChars: false },
    { doBasicTokenize: false },
    { addedTokens: ['<e>', { content: '<f>', normalized: false }] },
  ])('is the same tokenizer in Rust: %o', async (options) => {
    const tokenizer = new BertTokenizer(VOCAB, options);
    await tokenizer.savePretrained(dir);
    const theirs = Tokenizer.fromFile(join(dir, 'tokenizer.json'));
    const again = await load();
    expect(again.tokenizerClass).toBe('BertTokenizer');
    for (const text of texts) {
      const encoding = tokenizer.encode(text, null, { returnOffsetsMapping: true });
      expect(encoding).toEqual(fromRust(await theirs.encode(text), text));
      expect(again.encode(text, null, { returnOffsetsMapping: true })).toEqual(encoding);
      const pair = tokenizer.encode(text, 'b a', { returnOffsetsMapping: true });
      expect(pair.inputIds).toEqual((await theirs.encode(text, 'b a')).getIds());
      expect(pair.tokenTypeIds).toEqual((await theirs.encode(text, 'b a')).getTypeIds());
    }
  });

  it('tells the fast class, which has no such option, that no character changes', () => {
    const files = new BertTokenizer(VOCAB, { doBasicTokenize: false }).files();
    const [config, { normalizer }] = ['tokenizer_config.json', 'tokenizer.json'].map((name) =>
      JSON.parse(files[name]),
    );
    const expected = { strip_accents: false, lowercase: false, handle_chinese_chars: false };
    expect(normalizer).toEqual({ type: 'BertNormalizer', clean_text: false, ...expected });
    expect(config).toMatchObject({
      ...{ do_lower_case: false, strip_accents: false, tokenize_chinese_chars: false },
      do_basic_tokenize: false,
    });
  });

  it('is left out where no Rust tokenizer does the same', () => {
    const files = new BertTokenizer(VOCAB, { neverSplit: ['a,b'] }).files();
    expect(Object.keys(files)).not.toContain('tokenizer.json');
  });
});

it('a tokenizer is saved in place of another one', async () => {
  await new BertTokenizer(VOCAB, { addedTokens: ['<e>'] }).savePretrained(dir);
  const tokenizer = new BertTokenizer(VOCAB, { neverSplit: ['a,b'] });
  await tokenizer.savePretrained(dir);
  const again = await load();
  expect(again.files()).toEqual(tokenizer.files());
  expect(readdirSync(dir).sort()).toEqual(Object.keys(tokenizer.files()).sort());
});

describe('model_max_length', () => {
  const stored = (files: Record<string, string>) =>
    JSON.parse(files['tokenizer_config.json']).model_max_length;

  it.each([
    [undefined, undefined, undefined],
    [undefined, 128, 128],
    [48, undefined, 48],
    [48, 128, 48],
    [512, 128, 128],
  ])('of a tokenizer with %s and a model with %s positions is %s', (own, positions, expected) => {
    for (const tokenizerClass of ['BertTokenizer', 'BertTokenizerFast'] as const) {
      const tokenizer = new BertTokenizer(VOCAB, { tokenizerClass, modelMaxLength: own });
      const files = tokenizer.files({ modelMaxLength: positions });
      expect(stored(files)).toBe(expected);
      expect(tokenizer.modelMaxLength).toBe(own ?? Number.POSITIVE_INFINITY);
      // As Hugging Face, which truncates by tokenizer_config.json alone.
      if (tokenizerClass === 'BertTokenizerFast')
        expect(JSON.parse(files['tokenizer.json']).truncation).toBeNull();
    }
  });

  it('is saved for a folder that states none, and loads again', async () => {
    await write('vocab.txt', VOCAB.join('\n'));
    const tokenizer = await load();
    await tokenizer.savePretrained(dir, { modelMaxLength: 32 });
    expect((await load()).encode('a '.repeat(99), null, { truncation: true }).inputIds.length).toBe(
      32,
    );
  });

  it.each([
    ['0', /model_max_length: expected an integer ≥ 1, got 0/],
    ['-5', /model_max_length: expected an integer ≥ 1, got -5/],
    ['512.5', /model_max_length: expected an integer ≥ 1, got 512.5/],
    ['"512"', /model_max_length: expected an integer ≥ 1, got "512"/],
    ['NaN', /tokenizer_config\.json is not valid JSON/],
  ])('%s in a file is refused', async (value, message) => {
    await write('vocab.txt', VOCAB.join('\n'));
    await write('tokenizer_config.json', `{"model_max_length": ${value}}`);
    await expect(load()).rejects.toThrow(message);
  });

  it.each(['1e30', '9007199254740993', '1e20'])('%s is no limit', async (value) => {
    await write('vocab.txt', VOCAB.join('\n'));
    await write('tokenizer_config.json', `{"model_max_length": ${value}}`);
    expect((await load()).modelMaxLength).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([0, -1, 1.5, Number.NaN])('%s as an option is refused', (modelMaxLength) => {
    expect(() => new BertTokenizer(VOCAB, { modelMaxLength })).toThrow(
      /`modelMaxLength`: expected an integer ≥ 1/,
    );
  });
});
