import { checkFile } from '../platform/checkFile.ts';
import { UsageError } from '../platform/errors.ts';
import { formatNames, formatValue, isObject } from '../platform/format.ts';
import { fileExists, listFolder, readJson } from '../platform/readFiles.ts';
import { isNode, joinPath } from '../platform/runtime.ts';
import { type FindModelOptions, findModel } from './hub.ts';
import { modelFiles, tokenizerFiles } from './modelFiles.ts';
import { findOtherWeights, OLD_CONFIG } from './otherWeights.ts';

/** A model: a folder's path, a name on the hub, or a folder that is already open. */
export type ModelSource = string | ModelFolder;

/**
 * A Hugging Face model folder. Its list of files and its config.json are read when first asked for,
 * then kept, so that the tokenizer and the model share them. Made by `openModelFolder`.
 * @example
 * const folder = await openModelFolder('out/model');
 * const tokenizer = await BertTokenizer.fromPretrained(folder);
 * const model = await BertModel.fromPretrained(folder); // config.json is read once
 */
export class ModelFolder {
  /** The path or name that was asked for, for messages. */
  readonly name: string;
  /** Path of the folder; in a browser, its URL. */
  readonly dir: string;
  #names?: Promise<string[] | null>;
  #config?: Promise<Record<string, unknown>>;

  constructor(name: string, dir: string) {
    this.name = name;
    this.dir = dir;
  }

  /**
   * Names of the files, sorted; null in a browser, where folders cannot be listed.
   * @throws UsageError when the folder is missing.
   */
  names(): Promise<string[] | null> {
    return (this.#names ??= listFolder(this.dir));
  }

  /** Path of a file in the folder. */
  path(file: string): string {
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
  if (name === modelFiles.config) return 10 * MEGABYTE;
  return name === modelFiles.weightsIndex || tokenizerFiles.includes(name)
    ? 200 * MEGABYTE
    : undefined;
}

/**
 * Finds a model once, for everything that reads it: `findModel` for a path or a name on the hub; a
 * folder that is open already stays as it is. The folder is not trusted: its files are checked
 * before any is read.
 * @throws as `findModel`, and UsageError when it is a file, or has files that `checkFile` refuses.
 * @example
 * const folder = await openModelFolder('out/model');
 * console.log(await folder.architecture()); // BertForSequenceClassification
 */
export async function openModelFolder(
  source: ModelSource,
  options: FindModelOptions = {},
): Promise<ModelFolder> {
  if (source instanceof ModelFolder) return source;
  const folder = new ModelFolder(source, await findModel(source, options));
  await checkIsFolder(folder.dir);
  const names = await folder.names();
  if (!names) return folder;
  // A tokenizer alone needs no config.json.
  if (!names.some((name) => isVocabulary.test(name))) await folder.require(modelFiles.config);
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
