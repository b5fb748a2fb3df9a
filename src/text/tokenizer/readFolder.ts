import * as v from 'valibot';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { fileExists, listFolder, readText } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { type AddedToken, type BertTokenizerOptions, withOverrides } from './options.ts';
import {
  contentOf,
  idsByToken,
  readOptionalJson,
  type StoredToken,
  storedToken,
} from './storedTokens.ts';
import {
  type PassthroughSettings,
  readPassthroughSettings,
  readTokenizerJson,
  type TokenizerFile,
} from './tokenizerJson.ts';

/**
 * Tokens of a `vocab.txt`: one a line, ids in order. A byte order mark is dropped; LF, CRLF and CR
 * end a line.
 */
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
  // Settings that would silently give other tokens are refused.
  word_tokenizer_type: v.nullish(v.literal('basic')),
  truncation_side: v.nullish(v.literal('right')),
  split_special_tokens: v.nullish(v.literal(false)),
  wordpieces_prefix: v.nullish(v.literal('##')),
});

/** In the order of the options `unkToken`, `sepToken`, `padToken`, `clsToken`, `maskToken`. */
const NAMED_TOKENS = ['unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;
type SpecialTokenField = (typeof NAMED_TOKENS)[number] | 'bos_token' | 'eos_token';
type SpecialTokensMap = v.InferOutput<typeof specialTokensMap>;
type TokenizerConfig = v.InferOutput<typeof tokenizerConfig>;

export interface TokenizerFolder {
  vocab: string[];
  options: BertTokenizerOptions;
  /** Undefined if there was no `tokenizer.json`. */
  passthroughSettings: PassthroughSettings | undefined;
}

/**
 * Reads a folder that Hugging Face's `save_pretrained` wrote; only the vocabulary is required.
 * @param tokenizerClass the class to read it as; default: the one that the files name.
 * @throws UsageError naming the file that is missing, or what is wrong in it.
 */
export async function readTokenizerFolder(
  dir: string,
  tokenizerClass?: BertTokenizerOptions['tokenizerClass'],
): Promise<TokenizerFolder> {
  // A missing folder is reported as such, rather than the first of its files.
  await listFolder(dir);
  const config = (await readOptionalJson(dir, 'tokenizer_config.json', tokenizerConfig)) ?? {};
  const map = (await readOptionalJson(dir, 'special_tokens_map.json', specialTokensMap)) ?? {};
  const addedIds = (await readOptionalJson(dir, 'added_tokens.json', idsByToken)) ?? {};
  const path = joinPath(dir, 'vocab.txt');
  const hasLines = await fileExists(path);
  const savedFast = !hasLines || (config.tokenizer_class ?? '').endsWith('Fast');
  const fast = tokenizerClass ? tokenizerClass === 'BertTokenizerFast' : savedFast;
  const lines = hasLines ? splitVocabLines(await readText(path)) : undefined;
  const file = fast || !hasLines ? await readTokenizerJson(dir, lines) : undefined;
  const vocab = file?.vocab ?? lines ?? splitVocabLines(await readText(path));

  const addedTokens = collectAddedTokens(file, addedIds, config);
  checkAddedIds(addedTokens, vocab, dir);
  const options: BertTokenizerOptions = {
    ...configOptions(config, fast),
    ...specialTokenOptions(map, config, addedTokens),
  };
  if (!file) return { vocab, options, passthroughSettings: await readPassthroughSettings(dir) };
  checkSpecialTokens(file.options, options, dir);
  return {
    vocab,
    options: withOverrides(fast ? file.options : withoutFast(file.options), options),
    passthroughSettings: file.passthroughSettings,
  };
}

/**
 * Added tokens of all files by id. Flags in tokenizer_config.json win over those in tokenizer.json.
 */
function collectAddedTokens(
  file: TokenizerFile | undefined,
  addedIds: Record<string, number>,
  { added_tokens_decoder }: TokenizerConfig,
): Map<number, AddedToken> {
  const addedTokens = new Map<number, AddedToken>(file?.addedTokens);
  for (const [content, id] of Object.entries(addedIds))
    if (!addedTokens.has(id)) addedTokens.set(id, { content });
  for (const [id, token] of Object.entries(added_tokens_decoder ?? {}))
    addedTokens.set(Number(id), typeof token === 'string' ? { content: token } : token);
  return addedTokens;
}

/** Options in tokenizer_config.json other than tokens. */
function configOptions(config: TokenizerConfig, fast: boolean): BertTokenizerOptions {
  const maximum = config.model_max_length ?? config.max_len ?? Number.POSITIVE_INFINITY;
  return {
    tokenizerClass: fast ? 'BertTokenizerFast' : 'BertTokenizer',
    doLowerCase: config.do_lower_case ?? undefined,
    // The fast class ignores the next two.
    doBasicTokenize: fast ? undefined : (config.do_basic_tokenize ?? undefined),
    neverSplit: fast ? undefined : (config.never_split ?? undefined),
    stripAccents: config.strip_accents,
    tokenizeChineseChars: config.tokenize_chinese_chars ?? undefined,
    // "No limit" is stored as 1e30.
    modelMaxLength: maximum > 1e20 ? Number.POSITIVE_INFINITY : maximum,
    paddingSide: config.padding_side ?? undefined,
    cleanUpTokenizationSpaces: config.clean_up_tokenization_spaces ?? undefined,
  };
}

/** Options that name tokens. special_tokens_map.json wins over tokenizer_config.json. */
function specialTokenOptions(
  map: SpecialTokensMap,
  config: TokenizerConfig,
  added: ReadonlyMap<number, AddedToken>,
): BertTokenizerOptions {
  const special = (name: SpecialTokenField) => map[name] ?? config[name] ?? undefined;
  const named = NAMED_TOKENS.map(special);
  const lists = [map, config].flatMap((source) => [
    source.additional_special_tokens,
    source.extra_special_tokens,
  ]);
  const additional: StoredToken[] = Object.values(lists.find((tokens) => tokens) ?? []);
  for (const token of [special('bos_token'), special('eos_token')])
    if (token !== undefined) additional.push(token);

  const [unkToken, sepToken, padToken, clsToken, maskToken] = named.map(
    (token) => token && contentOf(token),
  );
  const addedContents = new Set([...added.values()].map(({ content }) => content));
  const withFlags = [...named, ...additional].filter((token) => typeof token === 'object');
  return {
    ...{ unkToken, sepToken, padToken, clsToken, maskToken },
    additionalSpecialTokens: additional.map(contentOf),
    addedTokens: [
      ...[...added].sort(([a], [b]) => a - b).map(([, token]) => token),
      ...withFlags
        .filter(({ content }) => !addedContents.has(content))
        .map((token) => ({ ...token, special: true })),
    ],
  };
}

/** The settings of a fast tokenizer that the Python class has too. */
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
  let next = vocab.length;
  for (const [id, { content }] of [...added].sort(([a], [b]) => a - b)) {
    const token = formatValue(content);
    if (id < vocab.length && vocab[id] !== content)
      throw new UsageError(
        `${dir}: added token ${token} has id ${id}, where the vocabulary has ` +
          formatValue(vocab[id]),
      );
    if (id >= vocab.length && id !== next++)
      throw new UsageError(
        `${dir}: added token ${token}: expected id ${next - 1}, got ${id}: ` +
          'added tokens follow the vocabulary without a gap',
      );
  }
}

/** `tokenizer.json` uses its own names: different names in other files would apply only partly. */
function checkSpecialTokens(
  file: BertTokenizerOptions,
  options: BertTokenizerOptions,
  dir: string,
): void {
  for (const key of ['unkToken', 'clsToken', 'sepToken'] as const)
    if (file[key] !== undefined && options[key] !== undefined && file[key] !== options[key])
      throw new UsageError(
        `${dir}: ${key}: expected the same token in all files, got ${formatValue(file[key])} in ` +
          `tokenizer.json and ${formatValue(options[key])} in the others`,
      );
}
