import { checkFile } from '../platform/checkFile.ts';
import { UsageError } from '../platform/errors.ts';
import { formatValue, isObject } from '../platform/format.ts';
import { fileExists, readJson } from '../platform/readFiles.ts';
import { joinPath } from '../platform/runtime.ts';

/**
 * What sentence-transformers adds to a model's folder: how the states of a text become its vector.
 * `modules.json` names the steps, each with a folder of its own.
 */

/** How a text becomes one vector. */
export interface SentenceSettings {
  pooling: 'cls' | 'mean';
  /** Whether vectors are scaled to length 1. */
  normalize: boolean;
  /** Longest text in tokens; undefined: as long as the model allows. */
  maxLength?: number;
  /** Whether texts are read in lower case, whatever the tokenizer does. */
  lowerCase?: boolean;
  /** Whether the mean counts the tokens of a prompt too. Default true. */
  includePrompt?: boolean;
  /**
   * What is kept for other programs, as the file has it: prompts, `similarity_fn_name`. Absent if
   * it says nothing.
   */
  about?: Readonly<Record<string, unknown>>;
}

const MODULES = 'modules.json';
/** Of models that are written here. */
const POOLING = '1_Pooling';
const NORMALIZE = '2_Normalize';
const TRANSFORMER = 'sentence_bert_config.json';
const PROMPTS = 'config_sentence_transformers.json';
/** What there is to say of a model without prompts. */
const plainAbout = { prompts: {}, default_prompt_name: null, similarity_fn_name: 'cosine' };
/** Most bytes of a file, a thousand times those of real models. */
const MAX_BYTES = 1_000_000;

/** Whether `readSentenceSettings` reads a file, by its path in the folder. */
export const isSentenceFile = (path: string): boolean =>
  [MODULES, TRANSFORMER, PROMPTS].includes(path) || /^\d+_Pooling\/config\.json$/.test(path);

/** Pooling modes by their fields in the configuration of the pooling. */
const modes = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_mean_tokens: 'mean',
} as const;
const otherModes = [
  'pooling_mode_max_tokens',
  'pooling_mode_mean_sqrt_len_tokens',
  'pooling_mode_weightedmean_tokens',
  'pooling_mode_lasttoken',
];

/** A JSON file of a folder that is not trusted; undefined if it is missing. */
async function readUntrusted(dir: string, name: string): Promise<unknown> {
  const path = joinPath(dir, name);
  await checkFile(dir, name, MAX_BYTES);
  return (await fileExists(path)) ? readJson(path) : undefined;
}

/**
 * The settings of a folder; undefined if it is not one of sentence-transformers.
 * @throws UsageError for a step, a pooling or a prompt that is not supported, or a file that
 * `checkFile` refuses.
 */
export async function readSentenceSettings(dir: string): Promise<SentenceSettings | undefined> {
  const path = joinPath(dir, MODULES);
  const modules = await readUntrusted(dir, MODULES);
  if (modules === undefined) return undefined;
  if (!Array.isArray(modules) || !modules.every(isObject))
    throw new UsageError(`${path}: expected a list of modules, got ${formatValue(modules)}`);
  const typeOf = ({ type }: Record<string, unknown>) => String(type).split('.').at(-1);
  const kinds = modules.map(typeOf);
  const known = ['Transformer', 'Pooling', 'Normalize'];
  const other = kinds.find((kind) => !known.includes(kind!));
  if (other !== undefined || kinds[0] !== 'Transformer')
    throw new UsageError(
      `${path}: expected the modules ${known.join(', ')}, got ${formatValue(kinds)}`,
    );
  const pooling = modules.find((module) => typeOf(module) === 'Pooling');
  return {
    ...(pooling ? await readPooling(dir, pooling.path) : { pooling: 'mean' }),
    normalize: kinds.includes('Normalize'),
    ...(await readTransformer(dir)),
    ...(await readAbout(dir)),
  };
}

/** A folder of a model, and that of its base model if it has an adapter. */
interface SettingsFolder {
  readonly dir: string;
  readonly adapter?: { readonly base: { readonly dir: string } };
}

/**
 * The settings of a model: an adapter that says nothing makes vectors as its base model does.
 * @throws UsageError as `readSentenceSettings`.
 */
export async function sentenceSettingsOf({
  dir,
  adapter,
}: SettingsFolder): Promise<SentenceSettings | undefined> {
  const own = await readSentenceSettings(dir);
  return own ?? (adapter && (await readSentenceSettings(adapter.base.dir)));
}

/** @param folder `path` of the pooling in modules.json, the name of a folder in `dir` */
async function readPooling(
  dir: string,
  folder: unknown,
): Promise<Pick<SentenceSettings, 'pooling' | 'includePrompt'>> {
  if (typeof folder !== 'string' || !/^[\w-][\w.-]*$/.test(folder))
    throw new UsageError(
      `${joinPath(dir, MODULES)}: path: expected the name of a folder in it, ` +
        `got ${formatValue(folder)}`,
    );
  const path = joinPath(dir, folder, 'config.json');
  const config = await readUntrusted(dir, `${folder}/config.json`);
  if (config === undefined) throw new UsageError(`${path} is missing`);
  const prompt = isObject(config) && config.include_prompt === false && { includePrompt: false };
  return { pooling: poolingOf(config, path), ...prompt };
}

function poolingOf(config: unknown, path: string): 'cls' | 'mean' {
  // Since sentence-transformers 5.4 the mode has a name; before, each had a flag.
  const mode = isObject(config) ? config.pooling_mode : undefined;
  if (mode === 'cls' || mode === 'mean') return mode;
  if (mode !== undefined)
    throw new UsageError(`${path}: pooling_mode: expected cls or mean, got ${formatValue(mode)}`);
  const isSet = (field: string) => isObject(config) && config[field] === true;
  const set = Object.entries(modes).filter(([field]) => isSet(field));
  const others = otherModes.filter(isSet);
  if (set.length === 1 && others.length === 0) return set[0][1];
  const found = [...set.map(([field]) => field), ...others];
  throw new UsageError(
    `${path}: expected ${Object.keys(modes).join(' or ')}, got ${found.join(' and ') || 'neither'}`,
  );
}

/** What `TRANSFORMER` says of texts. */
async function readTransformer(
  dir: string,
): Promise<Pick<SentenceSettings, 'maxLength' | 'lowerCase'>> {
  const config = await readUntrusted(dir, TRANSFORMER);
  if (!isObject(config)) return {};
  const { max_seq_length: length, do_lower_case: lowerCase } = config;
  return {
    ...(Number.isInteger(length) && Number(length) >= 1 && { maxLength: Number(length) }),
    ...(lowerCase === true && { lowerCase }),
  };
}

/** Whether a model is one of sentence-transformers that reads texts in lower case. */
export async function readsLowerCase({ dir, adapter }: SettingsFolder): Promise<boolean> {
  for (const each of [dir, adapter?.base.dir])
    if (each !== undefined && (await fileExists(joinPath(each, MODULES))))
      return (await readTransformer(each)).lowerCase === true;
  return false;
}

/**
 * What is kept for other programs.
 * @throws UsageError for a prompt that goes before each text.
 */
async function readAbout(dir: string): Promise<Pick<SentenceSettings, 'about'>> {
  const about = await readUntrusted(dir, PROMPTS);
  if (!isObject(about)) return {};
  const name = about.default_prompt_name ?? null;
  if (name !== null)
    throw new UsageError(
      `${joinPath(dir, PROMPTS)}: default_prompt_name: expected null, got ${formatValue(name)}: ` +
        'set it to null, and begin your texts with that prompt',
    );
  return JSON.stringify(about) === JSON.stringify(plainAbout) ? {} : { about };
}

/** The files that are written, by their paths in the folder. */
export const sentenceFileNames: readonly string[] = [
  ...[MODULES, TRANSFORMER, PROMPTS, `${POOLING}/config.json`],
];

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * The files that make a model's folder one of sentence-transformers: content by name, of the folder
 * ('') and of the folders in it.
 * @param size elements of a vector
 */
export function sentenceFiles(
  {
    pooling,
    normalize,
    maxLength,
    lowerCase = false,
    includePrompt = true,
    about,
  }: SentenceSettings,
  size: number,
): Record<string, Record<string, string>> {
  const module = (idx: number, path: string, kind: string) => {
    return { idx, name: `${idx}`, path, type: `sentence_transformers.models.${kind}` };
  };
  const ownModes = Object.entries(modes).map(([field, mode]) => [field, mode === pooling]);
  return {
    '': {
      [MODULES]: json([
        module(0, '', 'Transformer'),
        module(1, POOLING, 'Pooling'),
        ...(normalize ? [module(2, NORMALIZE, 'Normalize')] : []),
      ]),
      [TRANSFORMER]: json({ max_seq_length: maxLength ?? null, do_lower_case: lowerCase }),
      [PROMPTS]: json(about ?? plainAbout),
    },
    [POOLING]: {
      'config.json': json({
        word_embedding_dimension: size,
        ...Object.fromEntries(ownModes),
        ...Object.fromEntries(otherModes.map((field) => [field, false])),
        include_prompt: includePrompt,
      }),
    },
  };
}
