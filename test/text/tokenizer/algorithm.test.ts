import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { BertTokenizer, readVocabulary } from '../../../src/text/tokenizer/index.ts';
import { SPECIAL, tokenizerJson } from '../../support/rustTokenizer.ts';
import { dir, load, write, writeJson } from './tokenizerJsonFixtures.ts';

const WORDPIECE = [...SPECIAL, 'a', '##a', '##b'];
const SENTENCEPIECE = [...SPECIAL, '▁a', '▁b', '▁', 'a'];
const lines = (vocab: readonly string[]) => vocab.join('\n');

async function expectRefusal(...messages: (RegExp | string)[]) {
  const loading = load();
  await expect(loading).rejects.toThrow(UsageError);
  for (const message of messages) await expect(loading).rejects.toThrow(message);
}

describe('the class that the files name', () => {
  beforeEach(() => write('vocab.txt', lines(WORDPIECE)));

  it.each([
    'BertTokenizer',
    'BertTokenizerFast',
    'ElectraTokenizer',
    'ElectraTokenizerFast',
    'DistilBertTokenizer',
    'MobileBertTokenizerFast',
    'ConvBertTokenizer',
  ])('%s is read as WordPiece', async (tokenizer_class) => {
    await write('tokenizer_config.json', { tokenizer_class });
    expect((await load()).tokenize('aab')).toEqual(['a', '##a', '##b']);
  });

  it.each([
    ['XLNetTokenizer', 'SentencePiece'],
    ['KoBertTokenizer', 'SentencePiece'],
    ['KoBERTTokenizer', 'SentencePiece'],
    ['XLMRobertaTokenizer', 'SentencePiece'],
    ['XLMRobertaTokenizerFast', 'SentencePiece'],
    ['AlbertTokenizer', 'SentencePiece'],
    ['T5Tokenizer', 'SentencePiece'],
    ['DebertaV2Tokenizer', 'SentencePiece'],
    ['GPT2Tokenizer', 'BPE'],
    ['RobertaTokenizerFast', 'BPE'],
    ['BertweetTokenizer', 'BPE'],
    ['BertJapaneseTokenizer', 'a morphological analyser'],
    ['FunnelTokenizer', 'WordPiece with other special tokens'],
  ])('%s is refused by name, whatever else the file has', async (tokenizer_class, algorithm) => {
    await write('tokenizer_config.json', {
      ...{ tokenizer_class, truncation_side: 'left', word_tokenizer_type: 'mecab' },
      mask_token: 3,
    });
    await expectRefusal(
      `tokenizer_config.json: tokenizer_class "${tokenizer_class}" is not BERT's WordPiece`,
      `but ${algorithm}, which`,
      'use a model with',
    );
    await expect(load({ tokenizerClass: 'BertTokenizer' })).rejects.toThrow(algorithm);
  });

  it.each([
    [{ tokenizer_class: 'OurTokenizer' }, 'OurTokenizer'],
    [{ auto_map: { AutoTokenizer: ['tokenization_x.JamoTokenizer', null] } }, 'JamoTokenizer'],
    [{ auto_map: { AutoTokenizer: 'code.CharTokenizer' } }, 'CharTokenizer'],
    [{ tokenizer_class: 'x'.repeat(10_000) }, `${'x'.repeat(80)}…`],
  ])('%j is refused as unknown, unless the caller chooses', async (config, name) => {
    await write('tokenizer_config.json', config);
    await expectRefusal(
      `"${name}" is not a known WordPiece tokenizer`,
      'set tokenizer_class to "BertTokenizer"',
    );
    const tokenizer = await load({ tokenizerClass: 'BertTokenizer' });
    expect(tokenizer.tokenize('ab')).toEqual(['a', '##b']);
  });

  it('may stand in config.json; tokenizer_config.json goes before it', async () => {
    await write('config.json', { tokenizer_class: 'BertJapaneseTokenizer' });
    await expectRefusal(/config\.json: tokenizer_class "BertJapaneseTokenizer" is not/);
    await write('tokenizer_config.json', { tokenizer_class: 'BertTokenizer' });
    expect((await load()).tokenize('ab')).toEqual(['a', '##b']);
  });

  it.each([[{}], [{ do_lower_case: null }], [undefined]])(
    'may be missing: tokenizer_config.json is %j',
    async (config) => {
      if (config) await write('tokenizer_config.json', config);
      await write('config.json', { model_type: 'bert' });
      expect((await load()).tokenize('AB')).toEqual(['a', '##b']);
    },
  );
});

describe('the files of other algorithms', () => {
  it.each(['spiece.model', 'tokenizer_78b3253a26.model', 'sentencepiece.bpe.model'])(
    'without a vocab.txt are named: %s',
    async (name) => {
      await write(name, '');
      await expectRefusal(`has no vocab.txt but ${name}: its tokenizer is SentencePiece`);
      await write('vocab.txt', lines([...SPECIAL, 'a', 'b']));
      await expectRefusal('got those of SentencePiece', `it stands beside ${name}`);
      // The pieces or the class prove it to be WordPiece.
      await write('vocab.txt', lines(WORDPIECE));
      expect((await load()).tokenize('ab')).toEqual(['a', '##b']);
    },
  );

  it('of BPE are named too', async () => {
    await write('merges.txt', '');
    await expectRefusal('has no vocab.txt but merges.txt: its tokenizer is BPE');
  });

  it('a vocab.txt of SentencePiece is refused, whatever the class; a list too', async () => {
    await write('vocab.txt', lines(SENTENCEPIECE));
    const message = /expected the pieces of WordPiece, got those of SentencePiece \(0 pieces begin/;
    await expectRefusal(message);
    await write('tokenizer_config.json', { tokenizer_class: 'BertTokenizer' });
    await expectRefusal(message);
    expect(() => new BertTokenizer(SENTENCEPIECE)).toThrow(message);
    expect(() => new BertTokenizer([...WORDPIECE, '▁a', '▁'])).not.toThrow();
  });

  it.each([
    ['BPE', { type: 'BPE', vocab: {}, merges: [] }],
    ['Unigram', { type: 'Unigram', vocab: [['a', -1]] }],
    ['WordLevel', { type: 'WordLevel', vocab: {} }],
    ['BPE', { vocab: {}, merges: ['a b'] }],
    ['Unigram', { vocab: [['a', -1]] }],
  ])('a tokenizer.json of %s is refused by that name', async (name, model) => {
    const other = { ...tokenizerJson(WORDPIECE), normalizer: null, pre_tokenizer: null, model };
    await write('tokenizer.json', other);
    await expectRefusal(`model.type: expected "WordPiece", got "${name}"`, 'use a model with');
    // Also where vocab.txt would be read.
    await write('vocab.txt', lines(WORDPIECE));
    await expectRefusal(`model.type: expected "WordPiece", got "${name}"`);
  });

  it('a tokenizer.json of WordPiece needs no known class of vocab.txt', async () => {
    await writeJson(() => {});
    await write('tokenizer_config.json', { tokenizer_class: 'PreTrainedTokenizerFast' });
    expect((await load()).tokenize('aa')).toEqual(['a', '##a']);
  });
});

describe('the text of vocab.txt', () => {
  const path = () => join(dir, 'vocab.txt');
  const text = `${lines(WORDPIECE)}\n`;

  it.each([
    ['LF', text],
    ['CRLF', text.replaceAll('\n', '\r\n')],
    ['CR', text.replaceAll('\n', '\r')],
    ['a byte order mark', `\ufeff${text}`],
    ['no end of the last line', text.trimEnd()],
  ])('may have %s', async (_, content) => {
    await write('vocab.txt', content);
    expect(await readVocabulary(path())).toEqual(WORDPIECE);
    expect((await load()).vocabSize).toBe(WORDPIECE.length);
  });

  it('keeps empty and equal lines: each has an id, of equal ones the last counts', async () => {
    await write('vocab.txt', `${lines([...SPECIAL, '', 'a', '', 'a'])}\n\n`);
    const tokenizer = await load();
    expect([tokenizer.vocabSize, tokenizer.convertTokensToIds('a')]).toEqual([10, 8]);
    expect(tokenizer.encode('a').inputIds).toEqual([2, 8, 3]);
  });

  it.each([
    ['UTF-16 LE', [0xff, 0xfe, 0x61, 0], /vocab\.txt: expected UTF-8, got UTF-16/],
    ['UTF-16 BE', [0xfe, 0xff, 0, 0x61], /vocab\.txt: expected UTF-8, got UTF-16/],
    ['UTF-16 without a mark', [0x61, 0, 0x0a, 0], /vocab\.txt: expected UTF-8, got UTF-16/],
    ['CP949', [0x61, 0x0a, 0xb0, 0xa1, 0x0a], /vocab\.txt: line 2 is not UTF-8 \(perhaps CP949\)/],
    ['a cut character', [0x61, 0x0a, 0x62, 0x0a, 0xed, 0x95], /vocab\.txt: line 3 is not UTF-8/],
  ])('must be UTF-8: %s', async (_, bytes, message) => {
    await writeFile(path(), Uint8Array.from(bytes));
    await expectRefusal(message);
    await expect(readVocabulary(path())).rejects.toThrow(message);
  });

  it.each([
    ['', '[UNK]'],
    ['a', '[UNK]'],
    ['[UNK]\na', '[CLS]'],
    ['[UNK]\n[CLS]', '[SEP]'],
    ['[UNK]\n[CLS]\n[SEP]', '[PAD]'],
  ])('must have the special tokens: %j', async (content, missing) => {
    await write('vocab.txt', content);
    await expectRefusal(`has no "${missing}"`, dir);
  });
});
