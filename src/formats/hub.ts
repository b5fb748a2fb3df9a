import type { ListFileEntry } from '@huggingface/hub';
import { DownloadError, UsageError } from '../platform/errors.ts';
import {
  fileExists,
  isNode,
  joinPath,
  readJson,
  readText,
  recoverWrites,
  writeFiles,
} from '../platform/files.ts';
import { modelFiles } from './modelFiles.ts';

/**
 * Models by their name on the Hugging Face hub. The cache is the one Python keeps, in its layout
 * (https://huggingface.co/docs/huggingface_hub/guides/manage-cache), so that each finds what the other fetched.
 */

/** Where a download stands. */
export interface DownloadProgress {
  /** The file that is coming in. */
  file: string;
  /** Bytes so far, of all files. */
  loaded: number;
  total: number;
}

type OnProgress = (progress: DownloadProgress) => void;
type Hub = typeof import('@huggingface/hub');

export interface FindModelOptions {
  /** Called while files are fetched. */
  onProgress?: OnProgress;
}

const { config: CONFIG, weights: WEIGHTS, weightsIndex: INDEX } = modelFiles;
const VOCABULARIES = [modelFiles.vocab, modelFiles.tokenizer];
const fetchedFiles = new Set<string>(Object.values(modelFiles));
const isShard = (name: string): boolean => /^model-\d+-of-\d+\.safetensors$/.test(name);

/**
 * The folder of a model: `name` itself where there is such a folder, else the model of that name in the Hugging Face
 * cache (`HF_HUB_CACHE`, `HF_HOME`, ~/.cache/huggingface), else fetched from the hub (`HF_ENDPOINT`) into that cache,
 * unless `HF_HUB_OFFLINE` is 1. Fetched files are checked against the hub's checksums. What can be no name on the hub is
 * taken for a folder, and so is everything in a browser.
 * @throws UsageError when there is no such model or no `@huggingface/hub` to fetch it with; Error when that fails.
 */
export async function findModel(
  name: string,
  { onProgress }: FindModelOptions = {},
): Promise<string> {
  if (!isNode) return name;
  const { stat } = await import('node:fs/promises');
  const isThere = await stat(name).catch(() => undefined);
  // As the hub names repositories: org/name, or name alone for the oldest.
  if (isThere || !/^(?!.*(\.\.|--))(\w[\w.-]*\/)?\w[\w.-]*$/.test(name)) {
    await recoverWrites(name);
    return name;
  }

  const cache = await hubCacheDir();
  const repository = joinPath(cache, `models--${name.replace('/', '--')}`);
  const cached = await findSnapshot(repository);
  if (cached) return cached;

  const notFound = `there is no folder ${name}, and no whole model of that name in the cache ${cache}`;
  if (/^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? ''))
    throw new UsageError(`${notFound}; HF_HUB_OFFLINE keeps it from being fetched`);
  const hub: Hub = await import(/* @vite-ignore */ '@huggingface/hub').catch(() => {
    throw new UsageError(
      `${notFound}; to fetch it from the hub, run: npm install @huggingface/hub`,
    );
  });
  const hubUrl = (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  try {
    return await download({ hub, hubUrl, name, repository, onProgress });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message, statusCode, cause } = error as Error & {
      statusCode?: number;
      cause?: NodeJS.ErrnoException;
    };
    // The hub answers 401 for what is not there as for what is private.
    if (statusCode === 401 || statusCode === 403 || statusCode === 404)
      throw new UsageError(`${notFound}, and no public one on the hub ${hubUrl}`);
    const why = cause?.code ?? cause?.message ?? message;
    const sentence = `there is no folder ${name}, and a model of that name cannot be fetched from ${hubUrl}: ${why}; check the network`;
    throw new DownloadError(sentence, { cause: error });
  }
}

async function hubCacheDir(): Promise<string> {
  const { homedir } = await import('node:os');
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME || joinPath(XDG_CACHE_HOME || joinPath(homedir(), '.cache'), 'huggingface');
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || joinPath(home, 'hub');
}

/** The cached folder of the revision that was the newest when it was fetched, if all that a model needs is there. */
async function findSnapshot(repository: string): Promise<string | undefined> {
  const revision = (await readText(joinPath(repository, 'refs', 'main')).catch(() => '')).trim();
  if (!/^[0-9a-f]{40}$/.test(revision)) return undefined;
  const folder = joinPath(repository, 'snapshots', revision);
  const has = (file: string) => fileExists(joinPath(folder, file));
  if (!(await has(CONFIG))) return undefined;
  if (!(await has(VOCABULARIES[0])) && !(await has(VOCABULARIES[1]))) return undefined;
  if (await has(WEIGHTS)) return folder;
  if (!(await has(INDEX))) return undefined;
  const index = (await readJson(joinPath(folder, INDEX))) as { weight_map?: object } | null;
  for (const part of new Set(Object.values(index?.weight_map ?? {})))
    if (!(await has(String(part)))) return undefined;
  return folder;
}

interface DownloadRequest {
  hub: Hub;
  hubUrl: string;
  name: string;
  repository: string;
  onProgress?: OnProgress;
}

/** Fetches what a model needs; `refs/main` comes last, so that an unfinished download is never taken for a model. */
async function download({
  hub,
  hubUrl,
  name,
  repository,
  onProgress,
}: DownloadRequest): Promise<string> {
  const { copyFile, mkdir, symlink } = await import('node:fs/promises');
  const { sha } = await hub.modelInfo({
    name,
    hubUrl,
    revision: 'main',
    additionalFields: ['sha'],
  });
  const from = { repo: { type: 'model', name }, hubUrl, revision: validHash(sha) } as const;
  const entries: ListFileEntry[] = [];
  for await (const entry of hub.listFiles(from)) entries.push(entry);
  const has = (file: string) => entries.some(({ path }) => path === file);
  if (!has(WEIGHTS) && !has(INDEX))
    throw new UsageError(
      `${name} on ${hubUrl} has no ${WEIGHTS}${has('pytorch_model.bin') ? pickleHint(name) : ''}`,
    );

  const files = entries.filter(({ path }) => {
    return has(WEIGHTS)
      ? fetchedFiles.has(path) && path !== INDEX
      : fetchedFiles.has(path) || isShard(path);
  });
  const blobs = joinPath(repository, 'blobs');
  const snapshot = joinPath(repository, 'snapshots', from.revision);
  await mkdir(snapshot, { recursive: true });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let loaded = 0;
  for (const entry of files) {
    const blob = validHash(entry.lfs?.oid ?? entry.oid);
    if (await fileExists(joinPath(blobs, blob))) {
      loaded += entry.size;
    } else {
      const content = await hub.downloadFile({ ...from, path: entry.path });
      if (!content) throw new DownloadError(`${entry.path} is listed but not there`);
      const onPiece = (bytes: number) =>
        onProgress?.({ file: entry.path, loaded: (loaded += bytes), total });
      // Streams can be walked through in Node; the types are those of browsers, where some cannot.
      const pieces = content.stream() as unknown as AsyncIterable<Uint8Array>;
      await writeFiles(blobs, { [blob]: verifiedContent(pieces, entry, onPiece) });
    }
    await symlink(joinPath('..', '..', 'blobs', blob), joinPath(snapshot, entry.path)).catch(
      (error) => {
        if (error.code === 'EEXIST') return;
        // Windows lets few make links.
        if (error.code === 'EPERM')
          return copyFile(joinPath(blobs, blob), joinPath(snapshot, entry.path));
        throw error;
      },
    );
  }
  await writeFiles(joinPath(repository, 'refs'), { main: from.revision });
  return snapshot;
}

/** Passes a file's bytes on, and throws at their end when they are not those the hub has listed. */
async function* verifiedContent(
  pieces: AsyncIterable<Uint8Array>,
  { path, size, lfs, oid }: ListFileEntry,
  onPiece: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const { createHash } = await import('node:crypto');
  // Large files have a checksum of their own; small ones have Git's, which counts their size in.
  const hash = lfs ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  let length = 0;
  for await (const piece of pieces) {
    if ((length += piece.length) > size) break;
    hash.update(piece);
    onPiece(piece.length);
    yield piece;
  }
  if (length !== size)
    throw new DownloadError(
      `${path} has ${length > size ? 'more' : 'fewer'} than the ${size} bytes that are listed`,
    );
  if (hash.digest('hex') !== (lfs?.oid ?? oid))
    throw new DownloadError(`${path} came damaged: its checksum is not the listed one`);
}

/** A checksum becomes the name of a file, so it must be nothing else. */
function validHash(hash: string | undefined): string {
  if (!hash || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
    throw new DownloadError(`the checksum ${hash} is none`);
  return hash;
}

const pickleHint = (name: string): string =>
  `, only a pickle, which can run any code when read; if you trust it, convert it and give the folder: ` +
  `python3 -c "import transformers as t; n, to = '${name}', '${name.split('/').at(-1)}'; ` +
  `t.AutoTokenizer.from_pretrained(n).save_pretrained(to); ` +
  `getattr(t, t.AutoConfig.from_pretrained(n).architectures[0]).from_pretrained(n).save_pretrained(to)"`;
