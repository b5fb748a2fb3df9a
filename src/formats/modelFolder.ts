import { UsageError } from '../platform/errors.ts';
import { fileExists, joinPath, readJson } from '../platform/files.ts';
import { listFolder } from '../platform/folder.ts';
import { formatNames, formatValue, isObject } from '../platform/format.ts';
import { type FindModelOptions, findModel } from './hub.ts';
import { modelFiles } from './modelFiles.ts';

/** A model: a folder's path, a name on the hub, or a folder that is already open. */
export type ModelSource = string | ModelFolder;

/**
 * A Hugging Face model folder. Its list of files and its config.json are read when first asked for,
 * then kept, so that the tokenizer and the model share them. Made by `openModelFolder`.
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
    throw new UsageError(`${this.dir} has no ${file}${inside ?? ''}`);
  }

  /**
   * The fields of config.json.
   * @throws UsageError when the file is missing or is not a JSON object.
   */
  config(): Promise<Record<string, unknown>> {
    return (this.#config ??= this.#readConfig());
  }

  /** Class of the model that was saved: the first of `architectures` in config.json, if any. */
  async architecture(): Promise<string | undefined> {
    const { architectures } = await this.config();
    return Array.isArray(architectures) && architectures.length > 0
      ? String(architectures[0])
      : undefined;
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

/**
 * Finds a model once, for everything that reads it: `findModel` for a path or a name on the hub; a
 * folder that is open already stays as it is.
 * @throws as `findModel`.
 */
export async function openModelFolder(
  source: ModelSource,
  options: FindModelOptions = {},
): Promise<ModelFolder> {
  if (source instanceof ModelFolder) return source;
  return new ModelFolder(source, await findModel(source, options));
}
