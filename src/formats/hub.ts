import type { ListFileEntry } from '@huggingface/hub';
import { recoverWrites, writeFiles } from '../platform/atomicWrite.ts';
import { userCacheDir } from '../platform/cache.ts';
import { DownloadError, UsageError } from '../platform/errors.ts';
import { formatName, formatValue } from '../platform/format.ts';
import { createHash } from '../platform/hash.ts';
import { linkFile } from '../platform/links.ts';
import { importOptional } from '../platform/packages.ts';
import { fileExists, pathExists, readText } from '../platform/readFiles.ts';
import { isNode, joinPath } from '../platform/runtime.ts';
import { isShard, modelFiles, tokenizerFiles } from './modelFiles.ts';
import { findOtherWeights } from './otherWeights.ts';
import { isSentenceFile } from './sentenceFolder.ts';
import { readWeightsIndex } from './weightsIndex.ts';

/**
 * Models by their name on the Hugging Face hub. The cache is the one that Python uses, in its
 * layout, so that models are shared:
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */

/** Progress of a download. */
export interface DownloadProgress {
  /** The file that is being downloaded. */
  file: string;
  /** Bytes so far, of all files. */
  loaded: number;
  /** Bytes of all files. */
  total: number;
}

type OnProgress = (progress: DownloadProgress) => void;
type Hub = typeof import('@huggingface/hub');

/** Options of `findModel` and of opening a folder. */
export interface FindModelOptions {
  /** Called while files are fetched. */
  onProgress?: OnProgress;
}

/** As the hub names repositories: `org/name`, or `name` alone for the oldest. */
const repositoryName = /^(?!.*(\.\.|--))(\w[\w.-]*\/)?\w[\w.-]*$/;

/**
 * The folder of a model:
 * 1. `name` itself, if that path exists or cannot be a name on the hub;
 * 2. the model of that name in the Hugging Face cache (`HF_HUB_CACHE`, `HF_HOME`,
 *    ~/.cache/huggingface);
 * 3. a download from the hub (`HF_ENDPOINT`) into that cache, unless `HF_HUB_OFFLINE` is 1.
 *    Downloaded files are checked against the hub's checksums.
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
  const repository = joinPath(cache, `models--${name.replace('/', '--')}`);
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
    return await download({ hub, hubUrl, name, repository, onProgress });
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

/** The cached folder of the latest revision that was downloaded, if it is complete. */
async function findSnapshot(repository: string): Promise<string | undefined> {
  const revision = (await readText(joinPath(repository, 'refs', 'main')).catch(() => '')).trim();
  if (!/^[0-9a-f]{40}$/.test(revision)) return undefined;
  const folder = joinPath(repository, 'snapshots', revision);
  const has = (file: string) => fileExists(joinPath(folder, file));
  if (!(await has(modelFiles.config))) return undefined;
  if (!(await has(modelFiles.vocab)) && !(await has(modelFiles.tokenizer))) return undefined;
  if (await has(modelFiles.weights)) return folder;
  if (!(await has(modelFiles.weightsIndex))) return undefined;
  const parts = await readWeightsIndex(joinPath(folder, modelFiles.weightsIndex));
  for (const part of parts.keys()) if (!(await has(part))) return undefined;
  return folder;
}

interface DownloadRequest {
  hub: Hub;
  hubUrl: string;
  name: string;
  repository: string;
  onProgress?: OnProgress;
}

/**
 * Downloads the files that a model needs. `refs/main` is written last, so that an unfinished
 * download is never taken for a model.
 */
async function download(request: DownloadRequest): Promise<string> {
  const { hub, hubUrl, name, repository, onProgress } = request;
  const { sha } = await hub.modelInfo({
    name,
    hubUrl,
    revision: 'main',
    additionalFields: ['sha'],
  });
  const source = { repo: { type: 'model', name }, hubUrl, revision: validHash(sha) } as const;
  const entries: ListFileEntry[] = [];
  for await (const entry of hub.listFiles({ ...source, recursive: true })) entries.push(entry);
  const files = filesToDownload(entries, name, hubUrl);

  const blobs = joinPath(repository, 'blobs');
  const snapshot = joinPath(repository, 'snapshots', source.revision);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let loaded = 0;
  for (const entry of files) {
    const blob = validHash(entry.lfs?.oid ?? entry.oid);
    if (await fileExists(joinPath(blobs, blob))) {
      loaded += entry.size;
    } else {
      const content = await hub.downloadFile({ ...source, path: entry.path });
      if (!content) throw new DownloadError(`${entry.path} is listed but missing`);
      const onPiece = (bytes: number) =>
        onProgress?.({ file: entry.path, loaded: (loaded += bytes), total });
      // Node's streams are iterable; the types are those of browsers, where some are not.
      const pieces = content.stream() as unknown as AsyncIterable<Uint8Array>;
      await writeFiles(blobs, { [blob]: verifiedContent(pieces, entry, onPiece) });
    }
    const [file, ...folders] = entry.path.split('/').reverse();
    const up = Array<string>(2 + folders.length).fill('..');
    await linkFile(joinPath(snapshot, ...folders.reverse()), file, joinPath(...up, 'blobs', blob));
  }
  await writeFiles(joinPath(repository, 'refs'), { main: source.revision });
  return snapshot;
}

function filesToDownload(
  entries: readonly ListFileEntry[],
  name: string,
  hubUrl: string,
): ListFileEntry[] {
  const names = new Set(entries.map(({ path }) => path));
  const wanted = new Set([modelFiles.config, ...tokenizerFiles]);
  for (const path of names) if (isSentenceFile(path)) wanted.add(path);
  // A file with all weights is preferred to shards.
  if (names.has(modelFiles.weights)) {
    wanted.add(modelFiles.weights);
  } else if (names.has(modelFiles.weightsIndex)) {
    for (const path of names) if (isShard(path)) wanted.add(path);
    wanted.add(modelFiles.weightsIndex);
  } else {
    throw new UsageError(
      `${name} on ${hubUrl} has no ${modelFiles.weights}${conversionHint(name, [...names])}`,
    );
  }
  return entries.filter(({ path }) => wanted.has(path));
}

/** Passes on the bytes of a file; throws at the end if they are not those that the hub listed. */
async function* verifiedContent(
  pieces: AsyncIterable<Uint8Array>,
  { path, size, lfs, oid }: ListFileEntry,
  onPiece: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  // Large files have a checksum of their content. Small ones have Git's, which covers the size too.
  const hash = await createHash(lfs ? 'sha256' : 'sha1');
  if (!lfs) hash.update(`blob ${size}\0`);
  let length = 0;
  for await (const piece of pieces) {
    if ((length += piece.length) > size) break;
    hash.update(piece);
    onPiece(piece.length);
    yield piece;
  }
  if (length !== size) {
    const got = length > size ? 'more' : 'fewer';
    throw new DownloadError(`${path}: expected the ${size} bytes that the hub lists, got ${got}`);
  }
  if ((await hash.digest('hex')) !== (lfs?.oid ?? oid))
    throw new DownloadError(`${path} is damaged: its checksum differs from the one the hub lists`);
}

/** Checksums become file names, so they must not be anything else. */
function validHash(hash: string | undefined): string {
  if (!hash || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
    throw new DownloadError(
      `expected a checksum of 40 or 64 hex digits from the hub, got ${formatValue(hash)}`,
    );
  return hash;
}

/** What a repository has instead of safetensors, and how to convert it. */
function conversionHint(name: string, names: readonly string[]): string {
  const weights = findOtherWeights(names);
  if (!weights) return '';
  const { description, loadOptions, advice } = weights;
  if (loadOptions === undefined) return `, only ${description}: ${advice}`;
  const options = loadOptions && `, ${loadOptions}`;
  return (
    `, only ${description}; if you trust it, convert it and give the folder: ` +
    `python3 -c "import transformers as t; n, to = '${name}', ` +
    `'${name.split('/').at(-1)}'; t.AutoTokenizer.from_pretrained(n).save_pretrained(to); ` +
    'getattr(t, t.AutoConfig.from_pretrained(n).architectures[0])' +
    `.from_pretrained(n${options}).save_pretrained(to, safe_serialization=True)"`
  );
}
