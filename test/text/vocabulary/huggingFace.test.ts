import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from 'tokenizers';
import { afterAll, describe, expect, it } from 'vitest';
import { BasicTokenizer, BertTokenizer } from '../../../src/text/tokenizer/index.ts';
import { trainWordPiece } from '../../../src/text/vocabulary/index.ts';
import { dataPath, hasData } from '../../support/golden.ts';

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const dir = mkdtempSync(join(tmpdir(), 'wigbert-vocabulary-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('beside the trainer of Hugging Face', () => {
  // Theirs has no options here: 30,000 entries, every character. As it only ever appends, its first
  // n entries are what it gives for n.
  function theirs(texts: string[], lowercase: boolean): string[] {
    const file = join(dir, 'corpus.txt');
    writeFileSync(file, texts.join('\n'));
    const tokenizer = Tokenizer.fromString(
      JSON.stringify({
        ...{
          version: '1.0',
          truncation: null,
          padding: null,
          added_tokens: [],
          post_processor: null,
          decoder: null,
        },
        normalizer: {
          type: 'BertNormalizer',
          clean_text: true,
          handle_chinese_chars: true,
          strip_accents: null,
          lowercase,
        },
        pre_tokenizer: { type: 'BertPreTokenizer' },
        model: {
          ...{
            type: 'WordPiece',
            unk_token: '[UNK]',
            continuing_subword_prefix: '##',
            max_input_chars_per_word: 100,
          },
          vocab: { '[UNK]': 0 },
        },
      }),
    );
    tokenizer.train([file]);
    const entries = Object.entries(tokenizer.getVocab()).sort(([, a], [, b]) => a - b);
    return entries.map(([token]) => token);
  }

  /** Tokens a word, and the share of tokens that are unknown. */
  function measure(vocab: string[], texts: string[], doLowerCase: boolean) {
    const basic = new BasicTokenizer({
      doLowerCase,
      stripAccents: null,
      tokenizeChineseChars: true,
      neverSplit: [],
    });
    const tokenizer = new BertTokenizer(vocab, { doLowerCase });
    const tokens = texts.flatMap((text) => tokenizer.tokenize(text));
    const words = texts.reduce((sum, text) => sum + basic.tokenize(text).length, 0);
    return {
      perWord: tokens.length / words,
      unknown: tokens.filter((token) => token === '[UNK]').length / tokens.length,
    };
  }

  function compare(texts: string[], held: string[], vocabSize: number, lowercase: boolean) {
    const reference = measure(
      [...SPECIAL, ...theirs(texts, lowercase).slice(0, vocabSize - 5)],
      held,
      lowercase,
    );
    // What is equal but for the options that theirs does not have here, and as it comes.
    const equal = { vocabSize, lowercase, limitAlphabet: 1e6, minFrequency: 1 };
    const ours = measure(trainWordPiece(texts, equal).vocab, held, lowercase);
    const likely = measure(
      trainWordPiece(texts, { ...equal, score: 'likelihood' }).vocab,
      held,
      lowercase,
    );
    const usual = measure(trainWordPiece(texts, { vocabSize, lowercase }).vocab, held, lowercase);
    expect(Math.abs(ours.perWord / reference.perWord - 1)).toBeLessThan(0.005);
    expect(likely.perWord / reference.perWord).toBeLessThan(1.05);
    expect(usual.perWord / reference.perWord).toBeLessThan(1.03);
    expect(usual.unknown).toBeLessThan(0.01);
  }

  it('cuts held-out English reviews into as many tokens', () => {
    const read = (name: string) =>
      readFileSync(fileURLToPath(new URL(`../../../data/${name}`, import.meta.url)), 'utf8')
        .split('\n')
        .slice(1);
    for (const vocabSize of [200, 400])
      compare(read('reviews.tsv'), read('reviews-test.tsv'), vocabSize, true);
  });

  it.skipIf(!hasData)(
    'cuts held-out Korean reviews into as many tokens (needs ../shared/data)',
    () => {
      const read = (part: string, rows: number) =>
        readFileSync(dataPath(`nsmc/ratings_${part}.txt`), 'utf8')
          .split('\n')
          .slice(1, rows)
          .map((line) => line.split('\t')[1]);
      compare(read('train', 10_000), read('test', 2000), 5000, false);
    },
  );
});
