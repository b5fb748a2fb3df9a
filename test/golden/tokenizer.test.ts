import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BertTokenizer, type EncodeOptions } from '../../src/text/tokenizer/index.ts';
import { type GoldenSet, goldenSets, ownSet } from '../support/golden.ts';

interface Call {
  add_special_tokens?: boolean;
  padding: EncodeOptions['padding'];
  truncation: EncodeOptions['truncation'];
  max_length: number | null;
  pad_to_multiple_of?: number;
}

const toOptions = (call: Call): EncodeOptions => ({
  addSpecialTokens: call.add_special_tokens,
  padding: call.padding,
  truncation: call.truncation,
  maxLength: call.max_length ?? undefined,
  padToMultipleOf: call.pad_to_multiple_of,
});

/** The own set uses the project's vocabularies, by their folder. */
const vocabulary = (set: GoldenSet, name: string): string =>
  readFileSync(
    set === ownSet
      ? fileURLToPath(new URL(`../../${name}/vocab.txt`, import.meta.url))
      : set.path(`tokenizer/vocab/${name}.txt`),
    'utf8',
  );

const loaded = new Map<string, BertTokenizer>();
function load(set: GoldenSet, vocab: string, options: Record<string, boolean | null>) {
  const key = JSON.stringify([set.name, vocab, options]);
  if (!loaded.has(key))
    loaded.set(
      key,
      new BertTokenizer(vocabulary(set, vocab), {
        doLowerCase: options.do_lower_case!,
        stripAccents: options.strip_accents,
        tokenizeChineseChars: options.tokenize_chinese_chars!,
      }),
    );
  return loaded.get(key)!;
}

const lines = (set: GoldenSet, name: string) =>
  set
    .text(`tokenizer/${name}`)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe.each(goldenSets.map((set) => [set.name, set] as const))('BertTokenizer: %s', (_, set) => {
  const cases = lines(set, 'cases.jsonl');
  it('has all the reference answers', () => expect(cases.length).toBeGreaterThan(200));

  it.each(cases)('$id, $vocab', (c) => {
    const tokenizer = load(set, c.vocab, c.options);
    const encoding = tokenizer.encode(c.text, c.pair, toOptions(c.call));
    expect({
      text_tokens: tokenizer.tokenize(c.text),
      pair_tokens: c.pair === null ? null : tokenizer.tokenize(c.pair),
      tokens: tokenizer.convertIdsToTokens(encoding.inputIds),
      input_ids: encoding.inputIds,
      attention_mask: encoding.attentionMask,
      token_type_ids: encoding.tokenTypeIds,
      special_tokens_mask: encoding.specialTokensMask,
      decoded: tokenizer.decode(c.input_ids),
      decoded_skip_special: tokenizer.decode(c.input_ids, { skipSpecialTokens: true }),
      decoded_no_cleanup: tokenizer.decode(c.input_ids, { cleanUpTokenizationSpaces: false }),
    }).toEqual({
      text_tokens: c.text_tokens,
      pair_tokens: c.pair_tokens,
      tokens: c.tokens,
      input_ids: c.input_ids,
      attention_mask: c.attention_mask,
      token_type_ids: c.token_type_ids,
      special_tokens_mask: c.special_tokens_mask,
      decoded: c.decoded,
      decoded_skip_special: c.decoded_skip_special,
      decoded_no_cleanup: c.decoded_no_cleanup,
    });
  });

  const batches = lines(set, 'batch.jsonl');
  it('has all the reference batches', () => expect(batches.length).toBeGreaterThan(2));

  it.each(batches)('batch $id, $vocab', (c) => {
    const tokenizer = load(set, c.vocab, c.options);
    const texts: (string | [string, string])[] = c.pairs
      ? c.texts.map((text: string, row: number) => [text, c.pairs[row]])
      : c.texts;
    const batch = tokenizer.encodeBatch(texts, toOptions(c.call));
    expect(batch.inputIds).toEqual(c.input_ids);
    expect(batch.attentionMask).toEqual(c.attention_mask);
    expect(batch.tokenTypeIds).toEqual(c.token_type_ids);
    expect(batch.inputIds.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }))).toEqual(
      c.decoded,
    );
  });
});
