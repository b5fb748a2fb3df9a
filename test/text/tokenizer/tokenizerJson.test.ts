import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import { BertTokenizer, type BertTokenizerOptions } from '../../../src/text/tokenizer/index.ts';
import { fromRust, tokenizerJson } from '../../support/rustTokenizer.ts';
import { dir, load, VOCAB, write, writeJson } from './tokenizerJsonFixtures.ts';

describe('a folder with only tokenizer.json', () => {
  it('is a fast one, with all its settings', async () => {
    const options = {
      ...{ doLowerCase: false, stripAccents: true, tokenizeChineseChars: false, cleanText: false },
      addedTokens: [
        '<e>',
        { content: 'aé', singleWord: true, normalized: false },
        { content: '[MASK]', special: true, lstrip: true },
      ],
    };
    await writeJson(() => {}, options);
    const ours = await load();
    const theirs = Tokenizer.fromFile(join(dir, 'tokenizer.json'));
    expect(ours.tokenizerClass).toBe('BertTokenizerFast');
    expect([ours.vocabSize, ours.length]).toEqual([VOCAB.length, VOCAB.length + 2]);
    for (const text of [
      'A é字\u0001a',
      'a<e>A aé aéa  [MASK]',
      'constructor __proto__ prototype',
      'E\u0301a',
    ])
      expect(ours.encode(text, null, { returnOffsetsMapping: true })).toEqual(
        fromRust(await theirs.encode(text), text),
      );
  });

  it('leaves ids without a token unused, as those of a vocabulary with equal lines', async () => {
    const twice = new BertTokenizer([...VOCAB, 'a', 'z'], {
      tokenizerClass: 'BertTokenizerFast',
      addedTokens: ['<e>'],
    });
    await write('tokenizer.json', twice.files()['tokenizer.json']);
    const ours = await load();
    expect(ours.length).toBe(twice.length);
    expect(ours.encode('a z <e> unused 5').inputIds).toEqual(
      twice.encode('a z <e> unused 5').inputIds,
    );
    expect(ours.convertIdsToTokens([5, 16])).toEqual(['[unused 5]', 'a']);
  });

  it.each([true, false])('decodes as its decoder says: cleanup %s', async (cleanup) => {
    const tokens = [...VOCAB, "'", '.'];
    await write('tokenizer.json', {
      ...tokenizerJson(tokens),
      decoder: { type: 'WordPiece', prefix: '##', cleanup },
    });
    await write('tokenizer_config.json', { clean_up_tokenization_spaces: false });
    const ours = await load();
    const theirs = Tokenizer.fromFile(join(dir, 'tokenizer.json'));
    const { inputIds } = ours.encode("a ' e .");
    const text = await theirs.decode(inputIds, true);
    expect(text).toBe(cleanup ? "a ' e." : "a ' e .");
    const copy = join(dir, 'copy');
    await ours.savePretrained(copy);
    for (const tokenizer of [ours, await BertTokenizer.fromPretrained(copy)])
      expect(tokenizer.decode(inputIds, { skipSpecialTokens: true })).toBe(text);
  });

  it('takes names from the template, and prefix and longest word from the model', async () => {
    const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
    const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
    const single = [special('<c>', 0), sequence('A', 0), special('<s>', 0)];
    const vocab = {
      ...Object.fromEntries(VOCAB.map((token, id) => [token, id])),
      '@@a': 16,
      '<c>': 17,
      '<s>': 18,
    };
    await writeJson((json) => {
      json.post_processor = {
        ...{
          type: 'TemplateProcessing',
          single,
          pair: [...single, sequence('B', 1), special('<s>', 1)],
        },
        special_tokens: {
          '<c>': { id: '<c>', ids: [17], tokens: ['<c>'] },
          '<s>': { id: '<s>', ids: [18], tokens: ['<s>'] },
        },
      };
      Object.assign(json.model, {
        vocab,
        continuing_subword_prefix: '@@',
        max_input_chars_per_word: 3,
      });
      json.decoder = null;
    });
    const tokenizer = await load({ doLowerCase: false });
    expect(tokenizer.encode('aaa aaaa', 'é').inputIds).toEqual([17, 5, 16, 16, 1, 18, 7, 18]);
    expect(tokenizer.decode([5, 16, 16])).toBe('aaa');
  });

  it('keeps how the file cuts and pads for those who heed it; a call says for itself', async () => {
    const truncation = { direction: 'Right', max_length: 5, strategy: 'LongestFirst', stride: 2 };
    const padding = {
      strategy: { Fixed: 6 },
      direction: 'Left',
      pad_to_multiple_of: 4,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: '[PAD]',
    };
    await writeJson((json) => Object.assign(json, { truncation, padding }));
    const tokenizer = await load();
    expect(tokenizer.encode('a a a a a a a').inputIds.length).toBe(9);
    expect(tokenizer.encode('a', null, { padding: 'max_length', maxLength: 4 }).inputIds).toEqual([
      0, 2, 5, 3,
    ]);
    await tokenizer.savePretrained(dir);
    expect(JSON.parse(await readFile(join(dir, 'tokenizer.json'), 'utf8'))).toMatchObject({
      truncation,
      padding,
    });
    expect((await load()).files()).toEqual(tokenizer.files());
  });

  it('can be read as a Python one', async () => {
    await writeJson(() => {}, { doLowerCase: false });
    const tokenizer = await load({ tokenizerClass: 'BertTokenizer' });
    expect(tokenizer.tokenizerClass).toBe('BertTokenizer');
    // Unassigned characters are dropped there, and stay in Rust.
    expect(tokenizer.tokenize('a\u0378')).toEqual(['a']);
    expect((await load()).tokenize('a\u0378')).toEqual(['[UNK]']);
  });

  it.each([
    [/normalizer: expected Object.*, got null/, (json) => (json.normalizer = null)],
    [
      /normalizer\.type: expected "BertNormalizer".*, got "NFC"/,
      (json) => Object.assign(json.normalizer!, { type: 'NFC' }),
    ],
    [
      /normalizer\.lowercase: expected .*, got "yes"/,
      (json) => Object.assign(json.normalizer!, { lowercase: 'yes' }),
    ],
    [
      /normalizer\.strip is not a setting of a BERT tokenizer/,
      (json) => Object.assign(json.normalizer!, { strip: true }),
    ],
    [/pre_tokenizer is missing/, (json) => delete (json as Partial<typeof json>).pre_tokenizer],
    [
      /pre_tokenizer\.type: expected .*, got "Whitespace"/,
      (json) => (json.pre_tokenizer = { type: 'Whitespace' }),
    ],
    [/post_processor: expected .*, got null/, (json) => (json.post_processor = null)],
    [
      /post_processor\.type: expected .*, got "ByteLevel"/,
      (json) => (json.post_processor = { type: 'ByteLevel' }),
    ],
    [
      /post_processor\.sep: expected the id of "\[SEP\]" in model\.vocab, got 2/,
      (json) => Object.assign(json.post_processor!, { sep: ['[SEP]', 2] }),
    ],
    [
      /post_processor\.single: expected BERT's \[CLS\]:0 \$A:0 :0, got \[CLS\]:0 \$A:0$/,
      (json) => {
        const single = [
          { SpecialToken: { id: '[CLS]', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
        ];
        json.post_processor = {
          type: 'TemplateProcessing',
          single,
          pair: single,
          special_tokens: {},
        };
      },
    ],
    [
      /decoder\.prefix: expected .*, got "@@"/,
      (json) => Object.assign(json.decoder!, { prefix: '@@' }),
    ],
    [
      /decoder\.type: expected .*, got "BPEDecoder"/,
      (json) => (json.decoder = { type: 'BPEDecoder', suffix: '' }),
    ],
    [
      /model\.type: expected "WordPiece".*, got "BPE"/,
      (json) => Object.assign(json.model, { type: 'BPE' }),
    ],
    [/model\.vocab/, (json) => Object.assign(json.model, { vocab: { a: 0.5 } })],
    [
      /no token has id 1/,
      (json) => Object.assign(json.model, { vocab: { '[CLS]': 2, '[SEP]': 3, '[PAD]': 0 } }),
    ],
    [/has id 1000000000/, (json) => Object.assign(json.model.vocab!, { far: 1e9 })],
    [/two tokens with id 5/, (json) => Object.assign(json.model.vocab!, { twin: 5 })],
    [
      /truncation\.direction: expected "Right".*, got "Left"/,
      (json) =>
        (json.truncation = {
          direction: 'Left',
          max_length: 5,
          strategy: 'LongestFirst',
          stride: 0,
        }),
    ],
    [
      /added_tokens\.0\.id: expected .*, got "0"/,
      (json) => Object.assign(json.added_tokens[0], { id: '0' }),
    ],
    [
      /"<e>": expected id 16, got 99/,
      (json) => json.added_tokens.push({ ...json.added_tokens[0], id: 99, content: '<e>' }),
    ],
  ] as [RegExp, (json: ReturnType<typeof tokenizerJson>) => void][])(
    'is refused where it cannot be followed: %s',
    async (message, change) => {
      await writeJson(change);
      await expect(load()).rejects.toThrow(UsageError);
      await expect(load()).rejects.toThrow(message);
    },
  );

  it('must not be contradicted by the other files', async () => {
    await writeJson(() => {});
    await write('tokenizer_config.json', { unk_token: 'a' });
    await expect(load()).rejects.toThrow(
      /unkToken: expected the same token in all files, got "\[UNK\]" in tokenizer\.json/,
    );
  });
});

describe('the class', () => {
  it.each([
    ['BertTokenizerFast', 'BertTokenizerFast'],
    ['PreTrainedTokenizerFast', 'BertTokenizerFast'],
    ['BertTokenizer', 'BertTokenizer'],
    [undefined, 'BertTokenizer'],
  ])('%s with a vocab.txt is read as %s', async (tokenizer_class, expected) => {
    await write('vocab.txt', VOCAB.join('\n'));
    await write('tokenizer_config.json', { tokenizer_class, do_lower_case: false });
    await writeJson(() => {}, { doLowerCase: true });
    const tokenizer = await load();
    expect(tokenizer.tokenizerClass).toBe(expected);
    // What tokenizer_config.json says goes before tokenizer.json, as in Python.
    expect(tokenizer.tokenize('A')).toEqual(['A']);
  });

  it('of a folder with both files keeps both', async () => {
    await write('vocab.txt', VOCAB.join('\n'));
    await writeJson((json) => Object.assign(json.normalizer!, { type: 'unknown here' }));
    const tokenizer = await load({ doLowerCase: false });
    expect(tokenizer.tokenizerClass).toBe('BertTokenizer');
    await tokenizer.savePretrained(dir);
    const theirs = Tokenizer.fromFile(join(dir, 'tokenizer.json'));
    for (const text of ['a [MASK]aA é', 'constructor字'])
      expect((await theirs.encode(text)).getIds()).toEqual(tokenizer.encode(text).inputIds);
  });

  it('may lack tokens in tokenizer.json that vocab.txt names', async () => {
    await write('vocab.txt', [...VOCAB, 'x', 'x'].join('\n'));
    await write('tokenizer_config.json', { tokenizer_class: 'BertTokenizerFast' });
    await write('tokenizer.json', tokenizerJson([...VOCAB, 'x', 'x']));
    const tokenizer = await load();
    expect([tokenizer.vocabSize, tokenizer.convertTokensToIds('x')]).toEqual([
      VOCAB.length + 2,
      VOCAB.length + 1,
    ]);
  });

  it.each([
    [{ cleanText: false }, /BertTokenizer has no `cleanText`/],
    [{ continuingSubwordPrefix: '@@' }, /BertTokenizer has no `continuingSubwordPrefix`/],
    [
      { tokenizerClass: 'BertTokenizerFast', doBasicTokenize: false },
      /BertTokenizerFast has no `doBasicTokenize`/,
    ],
    [
      { tokenizerClass: 'BertTokenizerFast', neverSplit: ['a'] },
      /BertTokenizerFast has no `neverSplit`/,
    ],
    [{ tokenizerClass: 'Bert' }, /`tokenizerClass`: expected .*, got "Bert"/],
  ] as [BertTokenizerOptions, RegExp][])('refuses %j', (options, message) => {
    expect(() => new BertTokenizer(VOCAB, options)).toThrow(message);
  });
});
