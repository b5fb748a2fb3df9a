/**
 * Files of the origin's private file system, which browsers keep for a site: paths that begin with
 * `opfs:/`, such as `opfs:/runs/1/config.json`. All other paths are URLs.
 *
 * A file that is written takes its new content when it is closed, whole or not at all.
 */
import { UsageError, WriteError } from '../errors.ts';
import { joinBytes } from '../joinBytes.ts';
import type { FileContent } from '../types.ts';

const SCHEME = 'opfs:';

/** Whether a path is one of the private file system. */
export const isPrivate = (path: string): boolean => path.startsWith(`${SCHEME}/`);

/**
 * The names that lead to a path, with `..` and `.` resolved.
 * @throws UsageError when it is not a private path.
 */
export function partsOf(path: string): string[] {
  if (!isPrivate(path))
    throw new UsageError(
      `cannot write to ${path}: in a browser, expected a path of the private file system, ` +
        `such as ${SCHEME}/model; \`files()\` of a model or a tokenizer gives its files`,
    );
  const parts: string[] = [];
  for (const part of path.slice(SCHEME.length).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** A path without `..` and `.`. */
export const plainPath = (path: string): string => `${SCHEME}/${partsOf(path).join('/')}`;

/** Splits a path into that of its folder and its name. */
export function splitPath(path: string): { parent: string; name: string } {
  const parts = partsOf(path);
  const name = parts.pop() ?? '';
  return { parent: `${SCHEME}/${parts.join('/')}`, name };
}

/** What a failed look-up throws: nothing of that name, or a file where a folder is meant. */
const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && ['NotFoundError', 'TypeMismatchError'].includes(error.name);

/**
 * The folder of a path.
 * @throws UsageError when it is not a private path; DOMException when it is missing.
 */
async function openDir(path: string, create = false): Promise<FileSystemDirectoryHandle> {
  let dir = await navigator.storage.getDirectory();
  for (const part of partsOf(path)) dir = await dir.getDirectoryHandle(part, { create });
  return dir;
}

/** The file of a path; undefined if it is missing. */
export async function findFile(path: string): Promise<File | undefined> {
  const { parent, name } = splitPath(path);
  try {
    return await (await (await openDir(parent)).getFileHandle(name)).getFile();
  } catch (error) {
    if (isMissing(error) || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The folder of a path; undefined if it is missing. */
export async function findDir(path: string): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await openDir(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * The bytes of a file.
 * @throws UsageError when it is missing.
 */
export async function readPrivate(path: string): Promise<Uint8Array> {
  const file = await findFile(path);
  if (file) return new Uint8Array(await file.arrayBuffer());
  const reason = (await findDir(path)) ? 'is a folder, not a file' : 'no such file';
  throw new UsageError(`cannot read ${path}: ${reason}`);
}

/** Ends the name of what Chromium writes until the file is closed. */
const UNFINISHED = '.crswap';

/** Names in a folder by kind, sorted; undefined if it is missing. */
export async function namesIn(
  path: string,
): Promise<Record<'file' | 'directory', string[]> | undefined> {
  const dir = await findDir(path);
  if (!dir) return undefined;
  const names: Record<'file' | 'directory', string[]> = { file: [], directory: [] };
  for await (const [name, { kind }] of entriesOf(dir))
    if (!name.endsWith(UNFINISHED)) names[kind].push(name);
  names.file.sort();
  names.directory.sort();
  return names;
}

/** TypeScript's own declarations have these in a library of their own. */
const entriesOf = (dir: FileSystemDirectoryHandle) =>
  dir as unknown as AsyncIterable<[name: string, handle: FileSystemHandle]>;

/**
 * A content as bytes in memory. What other threads see too is copied: files and checksums take
 * memory of this thread only.
 */
export async function bytesOf(content: FileContent): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof content === 'string') return new TextEncoder().encode(content);
  if (content instanceof Uint8Array) return ownMemory(content);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece.slice());
  return joinBytes(pieces);
}

const ownMemory = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();

/**
 * Writes a file and creates its folder; `append` adds to its end. A content in pieces is written as
 * it comes: until the last one, a new file is empty.
 */
export async function writePrivate(
  path: string,
  content: FileContent | Blob,
  { append = false }: { append?: boolean } = {},
): Promise<void> {
  const { parent, name } = splitPath(path);
  const handle = await (await openDir(parent, true)).getFileHandle(name, { create: true });
  const stream = await handle.createWritable({ keepExistingData: append });
  try {
    if (append) await stream.seek((await handle.getFile()).size);
    if (typeof content === 'string' || content instanceof Blob) await stream.write(content);
    else if (content instanceof Uint8Array) await stream.write(ownMemory(content));
    else for await (const piece of content) await stream.write(ownMemory(piece));
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => {});
    throw error;
  }
}

/** A file that workers write in its place; TypeScript's library for pages lacks it. */
interface SyncAccess {
  truncate(size: number): void;
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}

/**
 * Writes a file for which nothing else vouches yet: a tab that is closed meanwhile leaves a part of
 * it. Ten times as quick as `writePrivate` in a worker; elsewhere the same.
 */
export async function writeInPlace(path: string, content: FileContent): Promise<void> {
  const { parent, name } = splitPath(path);
  const handle = await (await openDir(parent, true)).getFileHandle(name, { create: true });
  if (!('createSyncAccessHandle' in handle)) return writePrivate(path, content);
  const file = await (handle.createSyncAccessHandle as () => Promise<SyncAccess>)();
  try {
    file.truncate(0);
    let at = 0;
    const write = (bytes: Uint8Array) => {
      // Browsers may write less than they are given where there is no room.
      for (let done = 0; done < bytes.length; ) {
        const count = file.write(bytes.subarray(done), { at: at + done });
        if (count === 0) throw new DOMException('there is no room for it', 'QuotaExceededError');
        done += count;
      }
      at += bytes.length;
    };
    if (typeof content === 'string') write(new TextEncoder().encode(content));
    else if (content instanceof Uint8Array) write(content);
    else for await (const piece of content) write(piece);
    file.flush();
  } finally {
    file.close();
  }
}

/** A file without content. */
export const NOTHING = new Uint8Array(0);

/** Creates a folder, if it is missing. */
export const makeDir = (path: string): Promise<FileSystemDirectoryHandle> => openDir(path, true);

/** Removes a file or a folder with all that it holds, if it is there. */
export async function removePrivate(path: string): Promise<void> {
  const { parent, name } = splitPath(path);
  const dir = await findDir(parent);
  await dir?.removeEntry(name, { recursive: true }).catch((error) => {
    if (!isMissing(error)) throw error;
  });
}

/** Explains what the browser says of a failed write; errors of the content pass as they are. */
export function throwUnwritable(dir: string, error: unknown): never {
  if (!(error instanceof DOMException)) throw error;
  const Kind = error.name === 'QuotaExceededError' ? WriteError : UsageError;
  throw new Kind(`cannot write into ${dir}: ${error.message}`);
}

/** Runs `work` while no other page or worker of this origin runs some under the same name. */
export const withLock = <T>(name: string, work: () => Promise<T>): Promise<T> =>
  navigator.locks.request(`wigbert ${name}`, work) as Promise<T>;
