import * as v from 'valibot';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, joinPath, readText } from '../../platform/files.ts';
import { show } from './check.ts';
import type { BertTokenizerOptions, ResolvedOptions } from './options.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Tokens of a `vocab.txt`: one a line, ids in order. A byte order mark is dropped; CRLF and CR end lines too. */
export function vocabLines(text: string): string[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const token = v.union([
  v.string(),
  v.pipe(
    v.looseObject({ content: v.string() }),
    v.transform((t) => t.content),
  ),
]);
const specialTokens = {
  unk_token: v.nullish(token),
  sep_token: v.nullish(token),
  pad_token: v.nullish(token),
  cls_token: v.nullish(token),
  mask_token: v.nullish(token),
  additional_special_tokens: v.nullish(v.array(token)),
  extra_special_tokens: v.nullish(v.union([v.array(token), v.record(v.string(), token)])),
};
const specialTokensMap = v.looseObject(specialTokens);
const tokenizerConfig = v.looseObject({
  ...specialTokens,
  do_lower_case: v.nullish(v.boolean()),
  do_basic_tokenize: v.nullish(v.boolean()),
  never_split: v.nullish(v.array(v.string())),
  strip_accents: v.nullish(v.boolean()),
  tokenize_chinese_chars: v.nullish(v.boolean()),
  model_max_length: v.nullish(v.number()),
  max_len: v.nullish(v.number()),
  added_tokens_decoder: v.nullish(v.record(v.string(), token)),
  // What would silently give other tokens is refused.
  word_tokenizer_type: v.nullish(v.literal('basic')),
  padding_side: v.nullish(v.literal('right')),
  truncation_side: v.nullish(v.literal('right')),
});
const addedTokens = v.record(v.string(), v.number());
const tokenizerJson = v.looseObject({
  model: v.looseObject({ type: v.literal('WordPiece'), vocab: v.record(v.string(), v.number()) }),
  added_tokens: v.nullish(v.array(v.looseObject({ id: v.number(), content: v.string() }))),
});

async function readJson<S extends v.GenericSchema>(dir: string, name: string, schema: S) {
  const path = joinPath(dir, name);
  if (!(await fileExists(path))) return undefined;
  const text = await readText(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}`);
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new UsageError(`${path}: ${v.getDotPath(issue) ?? 'the file'} is ${issue.received}; expected ${issue.expected}`);
}

/** `vocab.txt`, or the `tokenizer.json` that transformers 5 writes in its place. */
async function readVocabulary(dir: string): Promise<{ vocab: string[]; added: Map<string, number> }> {
  const path = joinPath(dir, 'vocab.txt');
  const file = (await fileExists(path)) ? undefined : await readJson(dir, 'tokenizer.json', tokenizerJson);
  if (!file) return { vocab: vocabLines(await readText(path)), added: new Map() };
  const entries = Object.entries(file.model.vocab).sort(([, a], [, b]) => a - b);
  entries.forEach(([, id], index) => {
    if (id !== index) throw new UsageError(`${dir}/tokenizer.json: no token has id ${index}; expected ids without a gap`);
  });
  return {
    vocab: entries.map(([content]) => content),
    added: new Map(file.added_tokens?.map(({ id, content }) => [content, id])),
  };
}

/**
 * Reads what Hugging Face's `save_pretrained` wrote; only the vocabulary must be there.
 * @throws UsageError naming the file that is missing, or what is wrong in it.
 */
export async function readFolder(dir: string): Promise<{ vocab: string[]; options: BertTokenizerOptions }> {
  const { vocab, added } = await readVocabulary(dir);
  const config = (await readJson(dir, 'tokenizer_config.json', tokenizerConfig)) ?? {};
  const map = (await readJson(dir, 'special_tokens_map.json', specialTokensMap)) ?? {};
  const addedFile = (await readJson(dir, 'added_tokens.json', addedTokens)) ?? {};
  for (const [content, id] of Object.entries(addedFile)) added.set(content, id);
  for (const [id, content] of Object.entries(config.added_tokens_decoder ?? {})) added.set(content, Number(id));

  // Newer versions list every special token there; those of the vocabulary are no additions.
  const additions = [...added].filter(([, id]) => id >= vocab.length).sort(([, a], [, b]) => a - b);
  additions.forEach(([content, id], index) => {
    if (id !== vocab.length + index)
      throw new UsageError(
        `${dir}: added token ${show(content)} has id ${id}; expected ${vocab.length + index}, as added tokens follow the vocabulary without a gap`,
      );
  });
  const further = [map, config].flatMap((from) => [from.additional_special_tokens, from.extra_special_tokens]);
  const maximum = config.model_max_length ?? config.max_len ?? Number.POSITIVE_INFINITY;
  const options: BertTokenizerOptions = {
    doLowerCase: config.do_lower_case ?? undefined,
    doBasicTokenize: config.do_basic_tokenize ?? undefined,
    neverSplit: config.never_split ?? undefined,
    stripAccents: config.strip_accents,
    tokenizeChineseChars: config.tokenize_chinese_chars ?? undefined,
    unkToken: map.unk_token ?? config.unk_token ?? undefined,
    sepToken: map.sep_token ?? config.sep_token ?? undefined,
    padToken: map.pad_token ?? config.pad_token ?? undefined,
    clsToken: map.cls_token ?? config.cls_token ?? undefined,
    maskToken: map.mask_token ?? config.mask_token ?? undefined,
    additionalSpecialTokens: Object.values(further.find((tokens) => tokens) ?? []),
    addedTokens: additions.map(([content]) => content),
    // "No limit" is stored as 1e30.
    modelMaxLength: maximum > 1e20 ? Number.POSITIVE_INFINITY : maximum,
  };
  return { vocab, options };
}

/** The files of a tokenizer's folder, which Python's `BertTokenizer.from_pretrained` loads: name → content. */
export function folderFiles(vocabulary: Vocabulary, options: ResolvedOptions): Record<string, string> {
  const special = {
    unk_token: options.unkToken,
    sep_token: options.sepToken,
    pad_token: options.padToken,
    cls_token: options.clsToken,
    mask_token: options.maskToken,
    ...(options.additionalSpecialTokens.length > 0 && {
      additional_special_tokens: options.additionalSpecialTokens,
    }),
  };
  const config = {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: options.doLowerCase,
    do_basic_tokenize: options.doBasicTokenize,
    never_split: options.neverSplit.length > 0 ? options.neverSplit : null,
    strip_accents: options.stripAccents,
    tokenize_chinese_chars: options.tokenizeChineseChars,
    clean_up_tokenization_spaces: true,
    ...(Number.isFinite(options.modelMaxLength) && { model_max_length: options.modelMaxLength }),
    ...special,
  };
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'vocab.txt': vocabulary.base.map((line) => `${line}\n`).join(''),
    'tokenizer_config.json': json(config),
    'special_tokens_map.json': json(special),
    ...(vocabulary.added.size > 0 && { 'added_tokens.json': json(Object.fromEntries(vocabulary.added)) }),
  };
}
