import * as v from 'valibot';
import { modelFiles } from '../../formats/modelFiles.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, joinPath, readText } from '../../platform/files.ts';
import { listFolder } from '../../platform/folder.ts';
import { formatValue } from './check.ts';
import {
  contentOf,
  numbersByName,
  readJson,
  type StoredToken,
  storedToken,
  toStored,
} from './files.ts';
import {
  type AddedToken,
  type BertTokenizerOptions,
  type ResolvedTokenizerOptions,
  withOverrides,
} from './options.ts';
import {
  type PassthroughSettings,
  readPassthroughSettings,
  readTokenizerJson,
  writeTokenizerJson,
} from './tokenizerJson.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Tokens of a `vocab.txt`: one a line, ids in order. A byte order mark is dropped; CRLF and CR end lines too. */
export function splitVocabLines(text: string): string[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const specialTokens = {
  unk_token: v.nullish(storedToken),
  sep_token: v.nullish(storedToken),
  pad_token: v.nullish(storedToken),
  cls_token: v.nullish(storedToken),
  mask_token: v.nullish(storedToken),
  bos_token: v.nullish(storedToken),
  eos_token: v.nullish(storedToken),
  additional_special_tokens: v.nullish(v.array(storedToken)),
  extra_special_tokens: v.nullish(
    v.union([v.array(storedToken), v.record(v.string(), storedToken)]),
  ),
};
const specialTokensMap = v.looseObject(specialTokens);
const tokenizerConfig = v.looseObject({
  ...specialTokens,
  tokenizer_class: v.nullish(v.string()),
  do_lower_case: v.nullish(v.boolean()),
  do_basic_tokenize: v.nullish(v.boolean()),
  never_split: v.nullish(v.array(v.string())),
  strip_accents: v.nullish(v.boolean()),
  tokenize_chinese_chars: v.nullish(v.boolean()),
  model_max_length: v.nullish(v.number()),
  max_len: v.nullish(v.number()),
  padding_side: v.nullish(v.picklist(['left', 'right'])),
  clean_up_tokenization_spaces: v.nullish(v.boolean()),
  added_tokens_decoder: v.nullish(v.record(v.string(), storedToken)),
  // What would silently give other tokens is refused.
  word_tokenizer_type: v.nullish(v.literal('basic')),
  truncation_side: v.nullish(v.literal('right')),
  split_special_tokens: v.nullish(v.literal(false)),
  wordpieces_prefix: v.nullish(v.literal('##')),
});
const SPECIAL_TOKEN_FIELDS = [
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

export interface TokenizerFolder {
  vocab: string[];
  options: BertTokenizerOptions;
  /** `undefined`: there was no `tokenizer.json`. */
  passthroughSettings: PassthroughSettings | undefined;
}

/**
 * Reads what Hugging Face's `save_pretrained` wrote; only the vocabulary must be there.
 * @param given the class to read it as, whatever the files say.
 * @throws UsageError naming the file that is missing, or what is wrong in it.
 */
export async function readTokenizerFolder(
  dir: string,
  given?: BertTokenizerOptions['tokenizerClass'],
): Promise<TokenizerFolder> {
  // It is the folder that is named as missing, not the first of its files.
  await listFolder(dir);
  const config = (await readJson(dir, modelFiles.tokenizerConfig, tokenizerConfig)) ?? {};
  const map = (await readJson(dir, modelFiles.specialTokensMap, specialTokensMap)) ?? {};
  const addedFile = (await readJson(dir, modelFiles.addedTokens, numbersByName)) ?? {};
  const path = joinPath(dir, modelFiles.vocab);
  const hasLines = await fileExists(path);
  const savedFast = !hasLines || (config.tokenizer_class ?? '').endsWith('Fast');
  const fast = given ? given === 'BertTokenizerFast' : savedFast;
  const lines = hasLines ? splitVocabLines(await readText(path)) : undefined;
  const file = fast || !hasLines ? await readTokenizerJson(dir, lines) : undefined;
  const vocab = file?.vocab ?? lines ?? splitVocabLines(await readText(path));

  const addedTokens = new Map<number, AddedToken>(file?.addedTokens);
  for (const [content, id] of Object.entries(addedFile))
    if (!addedTokens.has(id)) addedTokens.set(id, { content });
  for (const [id, token] of Object.entries(config.added_tokens_decoder ?? {}))
    addedTokens.set(Number(id), typeof token === 'string' ? { content: token } : token);
  checkAddedIds(addedTokens, vocab, dir);

  const special = Object.fromEntries(
    SPECIAL_TOKEN_FIELDS.map((name) => [name, map[name] ?? config[name] ?? undefined]),
  );
  const listed = [map, config].flatMap((from) => [
    from.additional_special_tokens,
    from.extra_special_tokens,
  ]);
  const further = Object.values(listed.find((tokens) => tokens) ?? []);
  for (const name of ['bos_token', 'eos_token'] as const)
    further.push(...[map[name] ?? config[name] ?? []].flat());
  const flagged = [...Object.values(special), ...further].filter(
    (token) => typeof token === 'object',
  );
  const known = new Set([...addedTokens.values()].map(({ content }) => content));
  const maximum = config.model_max_length ?? config.max_len ?? Number.POSITIVE_INFINITY;
  const options: BertTokenizerOptions = {
    tokenizerClass: fast ? 'BertTokenizerFast' : 'BertTokenizer',
    doLowerCase: config.do_lower_case ?? undefined,
    // These the fast class does not heed.
    doBasicTokenize: fast ? undefined : (config.do_basic_tokenize ?? undefined),
    neverSplit: fast ? undefined : (config.never_split ?? undefined),
    stripAccents: config.strip_accents,
    tokenizeChineseChars: config.tokenize_chinese_chars ?? undefined,
    ...specialTokenOptions(special),
    additionalSpecialTokens: further.map(contentOf),
    addedTokens: [
      ...[...addedTokens].sort(([a], [b]) => a - b).map(([, token]) => token),
      ...flagged
        .filter(({ content }) => !known.has(content))
        .map((token) => ({ ...token, special: true })),
    ],
    // "No limit" is stored as 1e30.
    modelMaxLength: maximum > 1e20 ? Number.POSITIVE_INFINITY : maximum,
    paddingSide: config.padding_side ?? undefined,
    cleanUpTokenizationSpaces: config.clean_up_tokenization_spaces ?? undefined,
  };
  if (!file) return { vocab, options, passthroughSettings: await readPassthroughSettings(dir) };
  checkSpecialTokens(file.options, options, dir);
  return {
    vocab,
    options: withOverrides(fast ? file.options : withoutFast(file.options), options),
    passthroughSettings: file.passthroughSettings,
  };
}

function specialTokenOptions(
  special: Record<string, StoredToken | undefined>,
): BertTokenizerOptions {
  const name = (token: StoredToken | undefined) => token && contentOf(token);
  return {
    unkToken: name(special.unk_token),
    sepToken: name(special.sep_token),
    padToken: name(special.pad_token),
    clsToken: name(special.cls_token),
    maskToken: name(special.mask_token),
  };
}

/** What the Python class has of a fast one's settings. */
function withoutFast(options: BertTokenizerOptions): BertTokenizerOptions {
  return {
    ...options,
    cleanText: undefined,
    continuingSubwordPrefix: undefined,
    maxInputCharsPerWord: undefined,
  };
}

/** Ids of added tokens must be those of the vocabulary, or follow it without a gap. */
function checkAddedIds(
  added: ReadonlyMap<number, AddedToken>,
  vocab: readonly string[],
  dir: string,
): void {
  const ids = [...added.keys()].sort((a, b) => a - b);
  let next = vocab.length;
  for (const id of ids) {
    const token = formatValue(added.get(id)!.content);
    if (id < vocab.length && vocab[id] !== added.get(id)!.content)
      throw new UsageError(
        `${dir}: added token ${token} has id ${id}, where the vocabulary has ${formatValue(vocab[id])}`,
      );
    if (id >= vocab.length && id !== next++)
      throw new UsageError(
        `${dir}: added token ${token} has id ${id}; expected ${next - 1}, as added tokens follow the vocabulary without a gap`,
      );
  }
}

/** `tokenizer.json` acts by its own names: others elsewhere would be heeded by half. */
function checkSpecialTokens(
  file: BertTokenizerOptions,
  options: BertTokenizerOptions,
  dir: string,
): void {
  for (const key of ['unkToken', 'clsToken', 'sepToken'] as const)
    if (file[key] !== undefined && options[key] !== undefined && file[key] !== options[key])
      throw new UsageError(
        `${dir}: ${key} is ${formatValue(file[key])} in tokenizer.json, but ${formatValue(options[key])} in the other files; expected the same`,
      );
}

/**
 * The files of a tokenizer's folder, which Python's `from_pretrained` loads: name → content. `tokenizer.json` is among
 * them for a fast tokenizer, and where there was one.
 */
export function folderFiles(
  vocabulary: Vocabulary,
  options: ResolvedTokenizerOptions,
  passthroughSettings: PassthroughSettings | undefined,
): Record<string, string> {
  const fast = options.tokenizerClass === 'BertTokenizerFast';
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
  const byId = options.noSplitTokens.map((token): [number, object] => [
    vocabulary.id(token.content)!,
    toStored(token),
  ]);
  const config = {
    tokenizer_class: options.tokenizerClass,
    do_lower_case: options.doLowerCase,
    ...(!fast && {
      do_basic_tokenize: options.doBasicTokenize,
      never_split: options.neverSplit.length > 0 ? options.neverSplit : null,
    }),
    strip_accents: options.stripAccents,
    tokenize_chinese_chars: options.tokenizeChineseChars,
    clean_up_tokenization_spaces: options.cleanUpTokenizationSpaces,
    padding_side: options.paddingSide,
    ...(Number.isFinite(options.modelMaxLength) && { model_max_length: options.modelMaxLength }),
    ...special,
    added_tokens_decoder: Object.fromEntries(byId),
  };
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return {
    [modelFiles.vocab]: vocabulary.baseTokens.map((line) => `${line}\n`).join(''),
    ...((fast || passthroughSettings) && {
      [modelFiles.tokenizer]: json(writeTokenizerJson(vocabulary, options, passthroughSettings)),
    }),
    [modelFiles.tokenizerConfig]: json(config),
    [modelFiles.specialTokensMap]: json(special),
    ...(vocabulary.addedTokensEncoder.size > 0 && {
      [modelFiles.addedTokens]: json(Object.fromEntries(vocabulary.addedTokensEncoder)),
    }),
  };
}
