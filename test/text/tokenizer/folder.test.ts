import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { BertTokenizer } from '../../../src/text/tokenizer/index.ts';

const VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'é', 'e', 'A', 'ent'];

let root: string;
let dir: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tokenizer-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  dir = await mkdtemp(join(root, 'model-'));
  await write('vocab.txt', `${VOCAB.join('\n')}\n`);
});
const write = (name: string, content: unknown) =>
  writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));

describe('fromPretrained', () => {
  it('needs no more than a vocab.txt', async () => {
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    expect(tokenizer.tokenize('É A')).toEqual(['e', 'a']);
    expect(tokenizer.modelMaxLength).toBe(Number.POSITIVE_INFINITY);
  });

  it('does as tokenizer_config.json says, unless told otherwise', async () => {
    await write('tokenizer_config.json', {
      do_lower_case: false,
      strip_accents: null,
      model_max_length: 512,
    });
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    expect(tokenizer.tokenize('É A')).toEqual(['[UNK]', 'A']);
    expect(tokenizer.modelMaxLength).toBe(512);
    const other = await BertTokenizer.fromPretrained(dir, {
      doLowerCase: true,
      stripAccents: undefined,
    });
    expect(other.tokenize('É A')).toEqual(['e', 'a']);
  });

  it('keeps the ids of added tokens that lower case would take from them', async () => {
    const added = (ids: Record<number, string>) => ({
      do_lower_case: true,
      added_tokens_decoder: Object.fromEntries(
        Object.entries(ids).map(([id, content]) => [id, { content, normalized: true }]),
      ),
    });
    await write(
      'tokenizer_config.json',
      added({ 8: 'A', 10: 'ENT', 11: 'Ex', 12: 'eX', 13: 'Zz' }),
    );
    const copy = join(root, 'case');
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    await tokenizer.savePretrained(copy);
    // As transformers 4.34: a token in its own case is itself, any other is lower-cased.
    for (const read of [tokenizer, await BertTokenizer.fromPretrained(copy)])
      expect(read.encode('A ENT Ex eX zz Zz ent a').inputIds).toEqual([
        ...[2, 8, 10, 11, 12, 13, 13, 9, 5, 3],
      ]);
    const given = await BertTokenizer.fromPretrained(dir, { addedTokens: ['ENT'] });
    expect(given.encode('ENT').inputIds).toEqual([2, 9, 3]);
  });

  it('reads what older and newer versions wrote', async () => {
    await write('tokenizer_config.json', { do_lower_case: false, max_len: 300 });
    expect((await BertTokenizer.fromPretrained(dir)).modelMaxLength).toBe(300);
    const mask = { __type: 'AddedToken', content: 'ent', lstrip: false };
    const added = {
      0: { content: '[PAD]', special: true },
      10: { content: '<e>', special: false },
    };
    const config = JSON.stringify({ mask_token: mask, added_tokens_decoder: added });
    await write(
      'tokenizer_config.json',
      `{"model_max_length": 1000000000000000019884624838656, ${config.slice(1)}`,
    );
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    expect(tokenizer.modelMaxLength).toBe(Number.POSITIVE_INFINITY);
    expect(tokenizer.maskTokenId).toBe(9);
    expect(tokenizer.tokenize('a<e>a')).toEqual(['a', '<e>', 'a']);
    expect(tokenizer.convertTokensToIds('<e>')).toBe(10);
  });

  it('lets special_tokens_map.json name the special tokens', async () => {
    await write('tokenizer_config.json', { unk_token: 'a' });
    await write('special_tokens_map.json', {
      unk_token: '[UNK]',
      additional_special_tokens: ['ent', '<x>'],
    });
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    expect(tokenizer.unkTokenId).toBe(1);
    expect(tokenizer.tokenize('aentA<x>')).toEqual(['a', 'ent', 'a', '<x>']);
    expect(tokenizer.decode([5, 9, 10], { skipSpecialTokens: true })).toBe('a');
  });

  it.each([
    ['tokenizer_config.json', '{', /tokenizer_config\.json is not valid JSON/],
    ['tokenizer_config.json', '3', /tokenizer_config\.json: the file: expected Object, got 3/],
    [
      'tokenizer_config.json',
      { do_lower_case: 'no' },
      /do_lower_case: expected .*boolean.*, got "no"/,
    ],
    [
      'tokenizer_config.json',
      { word_tokenizer_type: 'mecab' },
      /word_tokenizer_type: expected .*"basic".*, got "mecab"/,
    ],
    [
      'tokenizer_config.json',
      { padding_side: 'top' },
      /padding_side: expected .*"left".*"right".*, got "top"/,
    ],
    [
      'tokenizer_config.json',
      { truncation_side: 'left' },
      /truncation_side: expected .*"right".*, got "left"/,
    ],
    [
      'tokenizer_config.json',
      { added_tokens_decoder: { 5: { content: 'x' } } },
      /"x" has id 5, where the vocabulary has "a"/,
    ],
    [
      'special_tokens_map.json',
      { pad_token: 3 },
      /special_tokens_map\.json: pad_token: expected .*, got 3/,
    ],
    ['added_tokens.json', { '<e>': 12 }, /"<e>": expected id 10, got 12/],
    ['vocab.txt', 'a\n', /no "\[UNK\]"/],
  ])('refuses %s with %j', async (name, content, message) => {
    await write(name, content);
    const load = BertTokenizer.fromPretrained(dir);
    await expect(load).rejects.toThrow(UsageError);
    await expect(load).rejects.toThrow(message);
  });

  it('says so when there is no vocab.txt, or no folder', async () => {
    const load = (name: string) => BertTokenizer.fromPretrained(join(dir, name));
    await mkdir(join(dir, 'bare'));
    await expect(load('bare')).rejects.toThrow(/bare has no config\.json; it is empty/);
    await expect(load('none')).rejects.toThrow(/^cannot read .*none: no such folder$/);
    await write('file', '');
    await expect(load('file')).rejects.toThrow(/^cannot read .*file: is a file, not a folder$/);
  });
});

describe('savePretrained', () => {
  it('writes a folder that loads as the same tokenizer', async () => {
    const tokenizer = new BertTokenizer(VOCAB, {
      doLowerCase: false,
      stripAccents: true,
      tokenizeChineseChars: false,
      neverSplit: ['x.y'],
      additionalSpecialTokens: ['<x>'],
      addedTokens: ['<e>'],
      modelMaxLength: 48,
    });
    const target = join(dir, 'saved');
    await tokenizer.savePretrained(target);
    const again = await BertTokenizer.fromPretrained(target);
    expect(again.files()).toEqual(tokenizer.files());
    const text = 'x.y É 一a<x>a<e>A [MASK]';
    expect(again.encode(text)).toEqual(tokenizer.encode(text));
    expect(again.modelMaxLength).toBe(48);
    expect(await readFile(join(target, 'vocab.txt'), 'utf8')).toBe(`${VOCAB.join('\n')}\n`);
    expect(JSON.parse(await readFile(join(target, 'added_tokens.json'), 'utf8'))).toEqual({
      '<e>': 10,
      '<x>': 11,
    });
  });

  it("uses Hugging Face's names", () => {
    const files = new BertTokenizer(VOCAB, { doLowerCase: false, modelMaxLength: 512 }).files();
    expect(Object.keys(files)).toEqual([
      'vocab.txt',
      'tokenizer.json',
      'tokenizer_config.json',
      'special_tokens_map.json',
    ]);
    expect(JSON.parse(files['tokenizer_config.json'])).toMatchObject({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: false,
      strip_accents: null,
      tokenize_chinese_chars: true,
      model_max_length: 512,
      unk_token: '[UNK]',
    });
  });
});
