import * as v from 'valibot';
import { modelFiles } from '../../formats/modelFiles.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { readsLowerCase } from '../../formats/sentenceFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue, isObject } from '../../platform/format.ts';
import { ADVICE, checkPieces, checkTokenizerClass, otherAlgorithm } from './algorithm.ts';
import { type AddedToken, type BertTokenizerOptions, withOverrides } from './options.ts';
import { type PassthroughSettings, readPassthroughSettings } from './passthrough.ts';
import {
  contentOf,
  idsByToken,
  parseStored,
  readOptionalJson,
  type StoredToken,
  storedToken,
} from './storedTokens.ts';
import { readTokenizerJson, type TokenizerFile } from './tokenizerJson.ts';
import { readVocabulary } from './vocabularyFile.ts';

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
const maximumLength = v.nullish(
  v.custom<number>((value) => Number.isInteger(value) && Number(value) >= 1, 'an integer ≥ 1'),
);
const specialTokensMap = v.looseObject(specialTokens);
const tokenizerConfig = v.looseObject({
  ...specialTokens,
  tokenizer_class: v.nullish(v.string()),
  do_lower_case: v.nullish(v.boolean()),
  do_basic_tokenize: v.nullish(v.boolean()),
  never_split: v.nullish(v.array(v.string())),
  strip_accents: v.nullish(v.boolean()),
  tokenize_chinese_chars: v.nullish(v.boolean()),
  model_max_length: maximumLength,
  max_len: maximumLength,
  padding_side: v.nullish(v.picklist(['left', 'right'])),
  clean_up_tokenization_spaces: v.nullish(v.boolean()),
  added_tokens_decoder: v.nullish(v.record(v.string(), storedToken)),
  // Settings that would silently give other tokens are refused.
  word_tokenizer_type: v.nullish(v.literal('basic')),
  subword_tokenizer_type: v.nullish(v.literal('wordpiece')),
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
 * @throws UsageError naming the file that is missing, what is wrong in it, or the algorithm if it
 * is not WordPiece.
 */
export async function readTokenizerFolder(
  model: ModelFolder,
  tokenizerClass?: BertTokenizerOptions['tokenizerClass'],
): Promise<TokenizerFolder> {
  const { tokenizerFolder: folder } = model;
  const { dir } = folder;
  // A missing folder is reported as such, rather than the first of its files.
  const names = await folder.names();
  const stored = await readOptionalJson(dir, modelFiles.tokenizerConfig);
  // Before the schema: other algorithms have other settings.
  const stated = await statedClass(folder, stored);
  if (stated) checkTokenizerClass(...stated, tokenizerClass !== undefined);
  const parse = <S extends v.GenericSchema>(name: string, content: unknown, schema: S) =>
    parseStored(folder.path(name), content ?? {}, schema);
  const config = parse(modelFiles.tokenizerConfig, stored, tokenizerConfig);
  const map = parse(
    modelFiles.specialTokensMap,
    await readOptionalJson(dir, modelFiles.specialTokensMap),
    specialTokensMap,
  );
  const addedIds = parse(
    modelFiles.addedTokens,
    await readOptionalJson(dir, modelFiles.addedTokens),
    idsByToken,
  );
  const path = folder.path(modelFiles.vocab);
  const hasLines = await folder.has(modelFiles.vocab);
  const savedFast = !hasLines || (stated?.[1] ?? '').endsWith('Fast');
  const fast = tokenizerClass ? tokenizerClass === 'BertTokenizerFast' : savedFast;
  const lines = hasLines ? await readVocabulary(path) : undefined;
  const file = fast || !hasLines ? await readTokenizerJson(dir, lines) : undefined;
  if (!file && !lines) refuseWithoutVocabulary(dir, names);
  const vocab = file?.vocab ?? lines ?? (await readVocabulary(path));
  if (!stated) checkPieces(dir, vocab, file?.options.continuingSubwordPrefix, names);

  const addedTokens = collectAddedTokens(file, addedIds, config);
  checkAddedIds(addedTokens, vocab, dir);
  const options: BertTokenizerOptions = {
    ...configOptions(config, fast),
    ...specialTokenOptions(map, config, addedTokens),
  };
  if (file) checkSpecialTokens(file.options, options, dir);
  const ofFile = file && (fast ? file.options : withoutFast(file.options));
  const all = withOverrides(ofFile ?? {}, options);
  return {
    vocab,
    options: (await readsLowerCase(model)) ? inLowerCase(all) : all,
    passthroughSettings: file ? file.passthroughSettings : await readPassthroughSettings(dir),
  };
}

/** As if texts came in lower case, with their accents. */
const inLowerCase = (options: BertTokenizerOptions): BertTokenizerOptions =>
  options.doLowerCase === false
    ? { ...options, doLowerCase: true, stripAccents: options.stripAccents ?? false }
    : options;

/**
 * The class that the files name, as Hugging Face's AutoTokenizer finds it: the path of the file and
 * the name.
 */
async function statedClass(
  folder: ModelFolder,
  stored: unknown,
): Promise<[path: string, name: string] | undefined> {
  const path = folder.path(modelFiles.tokenizerConfig);
  if (isObject(stored)) {
    if (typeof stored.tokenizer_class === 'string') return [path, stored.tokenizer_class];
    // Code of its own, as `module.Class`, or a pair of them.
    const custom = isObject(stored.auto_map) ? [stored.auto_map.AutoTokenizer].flat() : [];
    const named = custom.find((name) => typeof name === 'string');
    if (named !== undefined) return [path, named.split('.').at(-1)!];
  }
  if (!(await folder.has(modelFiles.config))) return undefined;
  const { tokenizer_class: name } = await folder.config();
  return typeof name === 'string' ? [folder.path(modelFiles.config), name] : undefined;
}

function refuseWithoutVocabulary(dir: string, names: readonly string[] | null): void {
  const other = otherAlgorithm(names);
  if (other)
    throw new UsageError(
      `${dir} has no vocab.txt but ${other[1]}: its tokenizer is ${other[0]}, which wigbert does ` +
        `not have: ${ADVICE}`,
    );
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
    addedTokens.set(addedId(id), typeof token === 'string' ? { content: token } : token);
  return addedTokens;
}

/** @throws UsageError unless a key of added_tokens_decoder is an id. */
function addedId(key: string): number {
  const id = Number(key);
  if (Number.isSafeInteger(id) && id >= 0) return id;
  throw new UsageError(`added_tokens_decoder: expected ids as keys, got ${formatValue(key)}`);
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
    modelMaxLength: maximum > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : maximum,
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
