import * as v from 'valibot';
import { modelFiles } from '../../formats/modelFiles.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { AddedToken, BertTokenizerOptions, ResolvedTokenizerOptions } from './options.ts';
import { type PassthroughSettings, passthroughSettings, readWordPieceJson } from './passthrough.ts';
import { fromStored, idsByToken, parseStored, storedFlags, toStored } from './storedTokens.ts';
import type { Vocabulary } from './vocabulary.ts';

const nonNegativeInteger = v.pipe(v.number(), v.integer(), v.minValue(0));
const tokenAndId = v.tuple([v.string(), nonNegativeInteger]);
const piece = v.union([
  v.strictObject({ SpecialToken: v.strictObject({ id: v.string(), type_id: nonNegativeInteger }) }),
  v.strictObject({ Sequence: v.strictObject({ id: v.string(), type_id: nonNegativeInteger }) }),
]);

// Strict: an unknown setting would silently give other tokens.
const schema = v.strictObject({
  version: v.nullish(v.string()),
  truncation: v.nullish(
    v.strictObject({
      direction: v.nullish(v.literal('Right')),
      max_length: nonNegativeInteger,
      strategy: v.string(),
      stride: nonNegativeInteger,
    }),
  ),
  padding: v.nullish(
    v.strictObject({
      strategy: v.union([v.literal('BatchLongest'), v.strictObject({ Fixed: nonNegativeInteger })]),
      direction: v.picklist(['Left', 'Right']),
      pad_to_multiple_of: v.nullish(nonNegativeInteger),
      pad_id: nonNegativeInteger,
      pad_type_id: v.literal(0),
      pad_token: v.string(),
    }),
  ),
  added_tokens: v.nullish(v.array(v.strictObject({ id: nonNegativeInteger, ...storedFlags }))),
  normalizer: v.strictObject({
    type: v.literal('BertNormalizer'),
    clean_text: v.boolean(),
    handle_chinese_chars: v.boolean(),
    strip_accents: v.nullish(v.boolean()),
    lowercase: v.boolean(),
  }),
  pre_tokenizer: v.strictObject({ type: v.literal('BertPreTokenizer') }),
  post_processor: v.variant('type', [
    v.strictObject({ type: v.literal('BertProcessing'), sep: tokenAndId, cls: tokenAndId }),
    v.strictObject({
      type: v.literal('TemplateProcessing'),
      single: v.array(piece),
      pair: v.array(piece),
      special_tokens: v.record(v.string(), v.looseObject({ ids: v.array(nonNegativeInteger) })),
    }),
  ]),
  decoder: v.nullish(
    v.strictObject({ type: v.literal('WordPiece'), prefix: v.string(), cleanup: v.boolean() }),
  ),
  model: v.strictObject({
    type: v.optional(v.literal('WordPiece')),
    unk_token: v.string(),
    continuing_subword_prefix: v.optional(v.string(), '##'),
    max_input_chars_per_word: v.optional(nonNegativeInteger, 100),
    vocab: idsByToken,
  }),
});
type TokenizerJson = v.InferOutput<typeof schema>;

const NAME = modelFiles.tokenizer;

export interface TokenizerFile {
  vocab: string[];
  options: BertTokenizerOptions;
  /** By id. */
  addedTokens: Map<number, AddedToken>;
  passthroughSettings: PassthroughSettings;
}

/**
 * Reads a folder's `tokenizer.json`; undefined if it is missing.
 * @param lines of `vocab.txt`, if there is one: they give the tokens of ids that the file omits.
 * @throws UsageError naming a field that BERT tokenizers do not have, or that contradicts another.
 */
export async function readTokenizerJson(
  dir: string,
  lines: readonly string[] = [],
): Promise<TokenizerFile | undefined> {
  const content = await readWordPieceJson(dir);
  if (content === undefined) return undefined;
  const path = joinPath(dir, NAME);
  const file = parseStored(path, content, schema);
  const fail = (problem: string): never => {
    throw new UsageError(`${path}: ${problem}`);
  };
  const { model, normalizer, padding, decoder } = file;
  const { cls, sep } = specialTokensOf(file, fail);
  if (decoder && decoder.prefix !== model.continuing_subword_prefix)
    fail(
      'decoder.prefix: expected model.continuing_subword_prefix, ' +
        `got ${formatValue(decoder.prefix)}`,
    );
  const options: BertTokenizerOptions = {
    doLowerCase: normalizer.lowercase,
    stripAccents: normalizer.strip_accents ?? null,
    tokenizeChineseChars: normalizer.handle_chinese_chars,
    cleanText: normalizer.clean_text,
    unkToken: model.unk_token,
    clsToken: cls,
    sepToken: sep,
    padToken: padding?.pad_token,
    continuingSubwordPrefix: model.continuing_subword_prefix,
    maxInputCharsPerWord: model.max_input_chars_per_word,
    paddingSide: padding ? (padding.direction === 'Left' ? 'left' : 'right') : undefined,
    cleanUpTokenizationSpaces: decoder?.cleanup,
  };
  const addedTokens = new Map(
    (file.added_tokens ?? []).map(({ id, ...token }) => [id, fromStored(token)]),
  );
  return {
    vocab: vocabularyById(model.vocab, lines, addedTokens, fail),
    options,
    addedTokens,
    passthroughSettings: passthroughSettings(file),
  };
}

/** The tokens of a vocabulary by id; an id without one gets a name with a blank, as no word has. */
function vocabularyById(
  ids: Record<string, number>,
  lines: readonly string[],
  added: ReadonlyMap<number, AddedToken>,
  fail: Fail,
): string[] {
  const entries = Object.entries(ids);
  const vocab = lines.slice(0, Math.max(lines.length, entries.length));
  const seen = new Set<number>();
  for (const [content, id] of entries) {
    if (id >= vocab.length + entries.length)
      fail(`model.vocab has ${entries.length} tokens, but ${formatValue(content)} has id ${id}`);
    if (seen.has(id)) fail(`model.vocab has two tokens with id ${id}`);
    seen.add(id);
    vocab[id] = content;
  }
  for (let id = 0; id < vocab.length; id++) {
    if (vocab[id] === undefined && added.has(id))
      fail(`no token has id ${id}: expected ${formatValue(added.get(id)!.content)} in model.vocab`);
    vocab[id] ??= `[unused ${id}]`;
  }
  return vocab;
}

type Fail = (problem: string) => never;

/**
 * The class and separator tokens of the post-processor.
 * It must be BERT's: `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, with type 0 and, from B on, 1.
 */
function specialTokensOf(
  { post_processor: post, model }: TokenizerJson,
  fail: Fail,
): { cls: string; sep: string } {
  if (post.type === 'BertProcessing') {
    for (const [field, [token, id]] of Object.entries({ cls: post.cls, sep: post.sep }))
      if (model.vocab[token] !== id)
        fail(
          `post_processor.${field}: expected the id of ${formatValue(token)} in model.vocab, ` +
            `got ${id}`,
        );
    return { cls: post.cls[0], sep: post.sep[0] };
  }
  const special = (field: 'single', at: number) => {
    const found = post[field][at];
    return found && 'SpecialToken' in found ? found.SpecialToken.id : '';
  };
  const [cls, sep] = [special('single', 0), special('single', 2)];
  const expected = template(cls, sep);
  for (const field of ['single', 'pair'] as const)
    if (formatTemplate(post[field]) !== formatTemplate(expected[field]))
      fail(
        `post_processor.${field}: expected BERT's ${shortTemplate(expected[field])}, ` +
          `got ${shortTemplate(post[field])}`,
      );
  for (const token of [cls, sep]) {
    const ids = post.special_tokens[token]?.ids ?? [];
    if (ids.length !== 1 || ids[0] !== model.vocab[token])
      fail(
        `post_processor.special_tokens: expected the id of ${formatValue(token)} in model.vocab, ` +
          `got ${formatValue(ids)}`,
      );
  }
  return { cls, sep };
}

type Template = { single: v.InferOutput<typeof piece>[]; pair: v.InferOutput<typeof piece>[] };

function template(cls: string, sep: string): Template {
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const single = [special(cls, 0), text('A', 0), special(sep, 0)];
  return { single, pair: [...single, text('B', 1), special(sep, 1)] };
}

/** A template in Hugging Face's notation: `[CLS]:0 $A:0 [SEP]:0`. */
const formatTemplate = (pieces: Template['single']) =>
  pieces
    .map((p) =>
      'SpecialToken' in p
        ? `${p.SpecialToken.id}:${p.SpecialToken.type_id}`
        : `$${p.Sequence.id}:${p.Sequence.type_id}`,
    )
    .join(' ');

const shortTemplate = (pieces: Template['single']) => {
  const text = formatTemplate(pieces);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

/** The content of `tokenizer.json` as Hugging Face's Rust library writes it. */
export function writeTokenizerJson(
  vocabulary: Vocabulary,
  options: ResolvedTokenizerOptions,
  passthrough?: PassthroughSettings,
): object {
  const { clsToken, sepToken } = options;
  const special = (token: string) => [
    token,
    { id: token, ids: [vocabulary.tokenToId(token)!], tokens: [token] },
  ];
  return {
    version: '1.0',
    truncation: passthrough?.truncation ?? null,
    padding: passthrough?.padding ?? null,
    added_tokens: options.noSplitTokens
      .map((token) => ({ id: vocabulary.tokenToId(token.content)!, ...toStored(token) }))
      .sort((a, b) => a.id - b.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: options.cleanText,
      handle_chinese_chars: options.tokenizeChineseChars,
      strip_accents: options.stripAccents,
      lowercase: options.doLowerCase,
    },
    pre_tokenizer: { type: options.doBasicTokenize ? 'BertPreTokenizer' : 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      ...template(clsToken, sepToken),
      special_tokens: Object.fromEntries([special(clsToken), special(sepToken)]),
    },
    decoder: {
      type: 'WordPiece',
      prefix: options.continuingSubwordPrefix,
      cleanup: passthrough?.cleanup ?? options.cleanUpTokenizationSpaces,
    },
    model: {
      type: 'WordPiece',
      unk_token: options.unkToken,
      continuing_subword_prefix: options.continuingSubwordPrefix,
      max_input_chars_per_word: options.maxInputCharsPerWord,
      vocab: Object.fromEntries(vocabulary.baseTokens.map((token, id) => [token, id])),
    },
  };
}
