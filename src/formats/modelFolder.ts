import { checkFile } from '../platform/checkFile.ts';
import { UsageError } from '../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../platform/format.ts';
import { fileExists, listFolder, pathExists, readJson } from '../platform/readFiles.ts';
import { isNode, joinPath } from '../platform/runtime.ts';
import { isSamePath } from '../platform/samePath.ts';
import { adaptedConfig, baseModelName, isAbsolutePath, readAdapterJson } from './adapterFolder.ts';
import { type FindModelOptions, findModel } from './hub.ts';
import { modelFiles, tokenizerFiles } from './modelFiles.ts';
import { findOtherWeights, OLD_CONFIG } from './otherWeights.ts';

/** A model: a folder's path, a name on the hub, or a folder that is already open. */
export type ModelSource = string | ModelFolder;

/** An adapter of PEFT's, which holds changes to the weights of another model. */
export interface AdaptedModel {
  /** The model that it changes. */
  readonly base: ModelFolder;
  /** adapter_config.json */
  readonly json: Readonly<Record<string, unknown>>;
  /** Whether the adapter's folder has a config.json, and a tokenizer. */
  readonly hasConfig: boolean;
  readonly hasTokenizer: boolean;
}

/**
 * A Hugging Face model folder. Its list of files and its config.json are read when first asked for,
 * then kept, so that the tokenizer and the model share them. Made by `openModelFolder`.
 * @example
 * const folder = await openModelFolder('out/model');
 * const tokenizer = await BertTokenizer.fromPretrained(folder);
 * const model = await BertModel.fromPretrained(folder); // config.json is read once
 */
export class ModelFolder {
  /** What it adapts, if it holds an adapter of PEFT's instead of a whole model. */
  readonly adapter?: AdaptedModel;
  /** The path or name that was asked for, for messages. */
  readonly name: string;
  /** Path of the folder; in a browser, its URL or a path of the private file system. */
  readonly dir: string;
  #names?: Promise<string[] | null>;
  #config?: Promise<Record<string, unknown>>;

  constructor(name: string, dir: string, adapter?: AdaptedModel) {
    this.name = name;
    this.dir = dir;
    this.adapter = adapter;
  }

  /** The folder with the tokenizer: an adapter without one has that of its base model. */
  get tokenizerFolder(): ModelFolder {
    return this.adapter?.hasTokenizer === false ? this.adapter.base : this;
  }

  /**
   * Names of the files, sorted; null for a URL, whose folder cannot be listed.
   * @throws UsageError when the folder is missing.
   */
  names(): Promise<string[] | null> {
    return (this.#names ??= listFolder(this.dir));
  }

  /** Path of a file in the folder. */
  path(file: string): string {
    if (file === modelFiles.config && this.adapter?.hasConfig === false)
      return this.adapter.base.path(file);
    return joinPath(this.dir, file);
  }

  async has(file: string): Promise<boolean> {
    return (await this.names())?.includes(file) ?? fileExists(this.path(file));
  }

  /** @throws UsageError listing what the folder has instead of the file. */
  async require(file: string): Promise<void> {
    if (await this.has(file)) return;
    const names = await this.names();
    const inside =
      names && (names.length > 0 ? `; it holds ${formatNames(names)}` : '; it is empty');
    const hint = names ? await this.#findConfig(file, names) : '';
    throw new UsageError(`${this.dir} has no ${file}${inside ?? ''}${hint}`);
  }

  /**
   * The fields of config.json.
   * @throws UsageError when the file is missing or is not a JSON object.
   */
  config(): Promise<Record<string, unknown>> {
    return (this.#config ??= this.#readConfig());
  }

  /**
   * Class of the model that was saved: the first of `architectures` in config.json, if any.
   * @throws UsageError when it is not a name.
   */
  async architecture(): Promise<string | undefined> {
    const { architectures } = await this.config();
    const name = Array.isArray(architectures) ? architectures[0] : (architectures ?? undefined);
    if (name !== undefined && typeof name !== 'string')
      throw new UsageError(
        `${this.path(modelFiles.config)}: architectures: expected a list of names, ` +
          `got ${formatValue(architectures)}`,
      );
    return name;
  }

  /** Where the folder that was meant may be, or how to make one. */
  async #findConfig(file: string, names: readonly string[]): Promise<string> {
    if (file !== modelFiles.config) return '';
    const hasConfig = (dir: string) => fileExists(joinPath(dir, file));
    const folders: string[] = [];
    for (const name of names) if (await hasConfig(this.path(name))) folders.push(this.path(name));
    if (folders.length > 0) {
      const which = folders.length > 1 ? 'one of these folders in it' : 'the folder in it';
      return `: give ${which}: ${formatNames(folders)}`;
    }
    if (await hasConfig(this.path('..')))
      return `: give the folder it is in, ${parentOf(this.dir)}`;
    const weights = findOtherWeights(names);
    if (names.includes(OLD_CONFIG))
      return weights?.needsOldConfig
        ? `: ${weights.advice}`
        : `: copy ${OLD_CONFIG} to ${modelFiles.config}`;
    return '';
  }

  async #readConfig(): Promise<Record<string, unknown>> {
    const { adapter } = this;
    if (adapter && !adapter.hasConfig)
      return adaptedConfig(await adapter.base.config(), adapter.json);
    await this.require(modelFiles.config);
    const path = this.path(modelFiles.config);
    const config = await readJson(path);
    if (!isObject(config))
      throw new UsageError(`${path}: expected a JSON object, got ${formatValue(config)}`);
    return config;
  }
}

/** Files that a tokenizer has, whatever its algorithm. */
const isVocabulary = /^(?:vocab\.txt|tokenizer\.json|merges\.txt|.*\.(?:model|codes))$/;

const MEGABYTE = 1_000_000;

/** Most bytes of a file, some hundred times those of real models; undefined: it is not read. */
function maxBytes(name: string): number | undefined {
  if (name.endsWith('.safetensors')) return Number.POSITIVE_INFINITY;
  if (name === modelFiles.config || name === modelFiles.adapterConfig) return 10 * MEGABYTE;
  return name === modelFiles.weightsIndex || tokenizerFiles.includes(name)
    ? 200 * MEGABYTE
    : undefined;
}

/** Options of `openModelFolder`. */
export interface OpenModelOptions extends FindModelOptions {
  /** The base model of an adapter, instead of the one that its adapter_config.json names. */
  base?: string;
}

/**
 * Finds a model once, for everything that reads it: `findModel` for a path or a name on the hub; a
 * folder that is open already stays as it is. The base model of an adapter is found too: beside the
 * adapter, or as a path or name of its own. The folder is not trusted: its files are checked before
 * any is read.
 * @throws as `findModel`, and UsageError when it is a file, or has files that `checkFile` refuses,
 * or when an adapter's base model is not found.
 * @example
 * const folder = await openModelFolder('out/model');
 * console.log(await folder.architecture()); // BertForSequenceClassification
 */
export async function openModelFolder(
  source: ModelSource,
  options: OpenModelOptions = {},
): Promise<ModelFolder> {
  if (source instanceof ModelFolder) return source;
  const folder = await openFolder(source, options);
  if (!(await folder.has(modelFiles.adapterConfig))) {
    if (options.base === undefined) return folder;
    throw new UsageError(
      `\`base\` goes with an adapter: ${source} has no ${modelFiles.adapterConfig}`,
    );
  }
  const json = await readAdapterJson(folder.path(modelFiles.adapterConfig));
  return new ModelFolder(folder.name, folder.dir, {
    base: await openBase(folder, json, options),
    json,
    hasConfig: await folder.has(modelFiles.config),
    hasTokenizer: (await folder.has(modelFiles.vocab)) || (await folder.has(modelFiles.tokenizer)),
  });
}

/** The folder of the model that an adapter changes. */
async function openBase(
  folder: ModelFolder,
  json: Record<string, unknown>,
  options: OpenModelOptions,
): Promise<ModelFolder> {
  const path = folder.path(modelFiles.adapterConfig);
  const name = options.base ?? baseModelName(json, path);
  const beside = folder.path(name);
  const has = (file: string) => fileExists(joinPath(beside, file));
  const isBeside =
    options.base === undefined &&
    !isAbsolutePath(name) &&
    ((await has(modelFiles.config)) || (await has(modelFiles.adapterConfig)));
  // The hub has a base model of several revisions, of which only the latest is looked for.
  const { revision } = json;
  const isLatest = !revision || revision === 'main';
  if (!isLatest && isNode && options.base === undefined && !isBeside && !(await pathExists(name)))
    throw new UsageError(
      `${path}: revision: expected main or none, got ${formatValue(revision)}: ` +
        `download that revision of ${name} and set \`base\` to its folder`,
    );
  const base = await openFolder(isBeside ? beside : name, options).catch((error) => {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `the base model of the adapter ${folder.name}: ${error.message}; ` +
        'set `base` to the folder of the model that it was trained on',
    );
  });
  const isAdapter = await base.has(modelFiles.adapterConfig);
  if (isAdapter && !(await isSamePath(base.dir, folder.dir)))
    throw new UsageError(
      `the base model of the adapter ${folder.name}: expected a whole model, got another ` +
        `adapter, ${base.name}: merge that one into its base model first`,
    );
  return base;
}

async function openFolder(source: string, options: FindModelOptions): Promise<ModelFolder> {
  const folder = new ModelFolder(source, await findModel(source, options));
  await checkIsFolder(folder.dir);
  const names = await folder.names();
  if (!names) return folder;
  // A tokenizer alone needs no config.json, nor does an adapter.
  const isWithout = (name: string) => isVocabulary.test(name) || name === modelFiles.adapterConfig;
  if (!names.some(isWithout)) await folder.require(modelFiles.config);
  for (const name of names) {
    const limit = maxBytes(name);
    if (limit) await checkFile(folder.dir, name, limit);
  }
  return folder;
}

/** @throws UsageError for a file in place of its folder. */
async function checkIsFolder(path: string): Promise<void> {
  if (!isNode || !(await fileExists(path))) return;
  const isArchive = /\.(zip|tar|t?gz|7z)$/.test(path);
  const isOfModel = maxBytes(path.replace(/^.*[/\\]/, '')) !== undefined;
  const hint = isArchive ? ': unpack it' : isOfModel ? `: give its folder, ${parentOf(path)}` : '';
  throw new UsageError(`cannot read ${path}: is a file, not a folder${hint}`);
}

/** The folder of a path that ends in a name; else with `..` behind it. */
const parentOf = (path: string): string => {
  const [, parent, name] = /^(?:(.*)[/\\])?([^/\\]+)[/\\]*$/.exec(path) ?? [];
  if (!name || /^\.\.?$/.test(name)) return joinPath(path, '..');
  return parent === undefined ? '.' : parent || '/';
};
