import type { ListFileEntry } from '@huggingface/hub';
import { recoverWrites, writeFiles } from '../platform/atomicWrite.ts';
import { piecesOf } from '../platform/byteSource.ts';
import { DownloadError, UsageError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';
import { createHash } from '../platform/hash.ts';
import { linkFile } from '../platform/links.ts';
import { fileExists } from '../platform/readFiles.ts';
import { isNode, joinPath } from '../platform/runtime.ts';
import type { DownloadProgress } from './downloadProgress.ts';
import { isShard, modelFiles, tokenizerFiles } from './modelFiles.ts';
import { findOtherWeights } from './otherWeights.ts';
import { isSentenceFile } from './sentenceFolder.ts';

export type Hub = typeof import('@huggingface/hub');

/** What is downloaded, and where it goes. */
export interface DownloadRequest {
  hub: Hub;
  hubUrl: string;
  name: string;
  /** The folder for the model, in the layout of the Hugging Face cache. */
  repository: string;
  onProgress?: (progress: DownloadProgress) => void;
  /**
   * Called when everything but the weights is in `folder`, with all files that are wanted. If it
   * throws, no weights are fetched.
   */
  beforeWeights?: (folder: string, files: readonly ListFileEntry[]) => Promise<void>;
  /** Ends the download. */
  signal?: AbortSignal;
}

/**
 * Downloads the files that a model needs. `refs/main` is written last, so that an unfinished
 * download is never taken for a model. What came whole is not fetched again.
 */
export async function downloadModel(request: DownloadRequest): Promise<string> {
  const { hub, hubUrl, name, repository, onProgress, beforeWeights, signal } = request;
  const requests = { hubUrl, ...(signal && { fetch: fetchUntil(signal) }) };
  const { sha } = await hub.modelInfo({
    ...requests,
    name,
    revision: 'main',
    additionalFields: ['sha'],
  });
  const repo = { type: 'model', name } as const;
  const source = { ...requests, repo, revision: validHash(sha) };
  const entries: ListFileEntry[] = [];
  for await (const entry of hub.listFiles({ ...source, recursive: true })) entries.push(entry);
  const files = filesToDownload(entries, name, hubUrl);

  const snapshot = joinPath(repository, 'snapshots', source.revision);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let loaded = 0;
  const fetchFile = async (entry: ListFileEntry) => {
    const blob = validHash(entry.lfs?.oid ?? entry.oid);
    const [fileName, ...parents] = entry.path.split('/').reverse();
    const dir = joinPath(snapshot, ...parents.reverse());
    // A browser's private file system has no links: its files are in the snapshot itself.
    const [folder, file] = isNode ? [joinPath(repository, 'blobs'), blob] : [dir, fileName];
    await recoverWrites(folder);
    if (await fileExists(joinPath(folder, file))) {
      loaded += entry.size;
    } else {
      const onPiece = (bytes: number) =>
        onProgress?.({ file: entry.path, loaded: (loaded += bytes), total });
      onPiece(0);
      const content = await hub.downloadFile({ ...source, path: entry.path });
      if (!content) throw new DownloadError(`${entry.path} is listed but missing`);
      await writeFiles(folder, { [file]: verifiedContent(content.stream(), entry, onPiece) });
    }
    const up = Array<string>(2 + parents.length).fill('..');
    if (isNode) await linkFile(dir, fileName, joinPath(...up, 'blobs', blob));
  };
  for (const entry of files) if (!isWeights(entry)) await fetchFile(entry);
  await beforeWeights?.(snapshot, files);
  for (const entry of files) if (isWeights(entry)) await fetchFile(entry);
  await writeFiles(joinPath(repository, 'refs'), { main: source.revision });
  return snapshot;
}

const isWeights = ({ path }: ListFileEntry): boolean =>
  path === modelFiles.weights || path === modelFiles.adapterWeights || isShard(path);

/** `fetch` until a signal ends it. */
const fetchUntil =
  (signal: AbortSignal): typeof fetch =>
  (url, options) =>
    fetch(url, { ...options, signal });

function filesToDownload(
  entries: readonly ListFileEntry[],
  name: string,
  hubUrl: string,
): ListFileEntry[] {
  const names = new Set(entries.map(({ path }) => path));
  const wanted = new Set([modelFiles.config, ...tokenizerFiles]);
  for (const path of names) if (isSentenceFile(path)) wanted.add(path);
  if (names.has(modelFiles.adapterConfig) && names.has(modelFiles.adapterWeights)) {
    wanted.add(modelFiles.adapterConfig).add(modelFiles.adapterWeights);
    // A file with all weights is preferred to shards.
  } else if (names.has(modelFiles.weights)) {
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
  content: ReadableStream<Uint8Array>,
  { path, size, lfs, oid }: ListFileEntry,
  onPiece: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  // Large files have a checksum of their content. Small ones have Git's, which covers the size too.
  const hash = await createHash(lfs ? 'sha256' : 'sha1');
  if (!lfs) hash.update(`blob ${size}\0`);
  let length = 0;
  for await (const piece of piecesOf(content)) {
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
