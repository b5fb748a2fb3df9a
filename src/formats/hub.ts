import { recoverWrites } from '../platform/atomicWrite.ts';
import { userCacheDir } from '../platform/cache.ts';
import { DownloadError, UsageError } from '../platform/errors.ts';
import { formatName } from '../platform/format.ts';
import { importOptional } from '../platform/packages.ts';
import { fileExists, pathExists, readText } from '../platform/readFiles.ts';
import { isNode, joinPath } from '../platform/runtime.ts';
import type { DownloadProgress } from './downloadProgress.ts';
import { downloadModel, type Hub } from './hubDownload.ts';
import { modelFiles } from './modelFiles.ts';
import { readWeightsIndex } from './weightsIndex.ts';

/**
 * Models by their name on the Hugging Face hub. The cache is the one that Python uses, in its
 * layout, so that models are shared:
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */

/** Options of `findModel` and of opening a folder. */
export interface FindModelOptions {
  /** Called while files are fetched. */
  onProgress?: (progress: DownloadProgress) => void;
}

/** As the hub names repositories: `org/name`, or `name` alone for the oldest. */
export const repositoryName = /^(?!.*(\.\.|--))(\w[\w.-]*\/)?\w[\w.-]*$/;

/**
 * The folder of a model:
 * 1. `name` itself, if that path exists or cannot be a name on the hub;
 * 2. the model of that name in the Hugging Face cache (`HF_HUB_CACHE`, `HF_HOME`,
 *    ~/.cache/huggingface);
 * 3. a download from the hub (`HF_ENDPOINT`) into that cache, unless `HF_HUB_OFFLINE` is 1.
 *    Downloaded files are checked against the hub's checksums.
 *
 * The model may be an adapter of PEFT's; `openModelFolder` finds its base model.
 *
 * In a browser it is always `name` itself.
 * @throws UsageError when there is no such model, or `@huggingface/hub` is not installed.
 * @throws DownloadError when the download fails or is damaged.
 * @example
 * const folder = await findModel('bert-base-multilingual-cased');
 * const model = await BertModel.fromPretrained(folder);
 */
export async function findModel(
  name: string,
  { onProgress }: FindModelOptions = {},
): Promise<string> {
  if (!isNode || !repositoryName.test(name) || (await pathExists(name))) {
    await recoverWrites(name);
    return name;
  }

  const cache = await hubCacheDir();
  const repository = joinPath(cache, repositoryFolder(name));
  const cached = await findSnapshot(repository);
  if (cached) return cached;

  const notFound =
    `there is no folder ${name}, and no complete model of that name ` + `in the cache ${cache}`;
  if (/^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? ''))
    throw new UsageError(`${notFound}; HF_HUB_OFFLINE forbids to download it`);
  const hub = await importOptional<Hub>('@huggingface/hub').catch(() => {
    throw new UsageError(
      `${notFound}; to download it from the hub, run: npm install @huggingface/hub`,
    );
  });
  const hubUrl = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  try {
    return await downloadModel({ hub, hubUrl, name, repository, onProgress });
  } catch (error) {
    throw explainFailure(error, name, hubUrl, notFound);
  }
}

function explainFailure(error: unknown, name: string, hubUrl: string, notFound: string): unknown {
  if (error instanceof UsageError) return error;
  const { message, statusCode, cause } = error as Error & {
    statusCode?: number;
    cause?: NodeJS.ErrnoException;
  };
  // The hub answers 401 for missing models as for private ones.
  if (statusCode === 401 || statusCode === 403 || statusCode === 404)
    return new UsageError(`${notFound}, and no public one on the hub ${hubUrl}`);
  const why = cause?.code ?? cause?.message ?? message;
  return new DownloadError(
    `there is no folder ${name}, and the model of that name cannot be downloaded from ` +
      `${hubUrl}: ${formatName(String(why))}; check the network`,
    { cause: error },
  );
}

async function hubCacheDir(): Promise<string> {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME } = process.env;
  const home = HF_HOME || joinPath(await userCacheDir(), 'huggingface');
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || joinPath(home, 'hub');
}

/** The folder of a model in a cache. */
export const repositoryFolder = (name: string): string => `models--${name.replace('/', '--')}`;

/** The cached folder of the latest revision that was downloaded, if it is complete. */
export async function findSnapshot(repository: string): Promise<string | undefined> {
  const revision = (await readText(joinPath(repository, 'refs', 'main')).catch(() => '')).trim();
  if (!/^[0-9a-f]{40}$/.test(revision)) return undefined;
  const folder = joinPath(repository, 'snapshots', revision);
  const has = (file: string) => fileExists(joinPath(folder, file));
  if (await has(modelFiles.adapterConfig))
    return (await has(modelFiles.adapterWeights)) ? folder : undefined;
  if (!(await has(modelFiles.config))) return undefined;
  if (!(await has(modelFiles.vocab)) && !(await has(modelFiles.tokenizer))) return undefined;
  if (await has(modelFiles.weights)) return folder;
  if (!(await has(modelFiles.weightsIndex))) return undefined;
  const parts = await readWeightsIndex(joinPath(folder, modelFiles.weightsIndex));
  for (const part of parts.keys()) if (!(await has(part))) return undefined;
  return folder;
}
