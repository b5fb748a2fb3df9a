import type { Stats } from 'node:fs';
import { UsageError } from './errors.ts';
import { isNode } from './runtime.ts';

/** Many servers answer a missing file with status 200 and their start page. */
const isFileResponse = ({ ok, headers }: Response): boolean =>
  ok && !headers.get('content-type')?.startsWith('text/html');

/** Whether a file (in a browser: a URL) can be read. */
export async function fileExists(path: string): Promise<boolean> {
  if (!isNode) return isFileResponse(await fetch(path, { method: 'HEAD' }));
  const { stat } = await import('node:fs/promises');
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** Whether a path leads to anything, a file or a folder. Node only. */
export async function pathExists(path: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises');
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Reads a whole file; in a browser, fetches a URL.
 * @throws UsageError when it is missing or cannot be read.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  if (!isNode) {
    const response = await fetch(path);
    if (!isFileResponse(response)) {
      const answer = response.ok ? 'with a page' : response.status;
      throw new UsageError(`cannot fetch ${path}: the server answered ${answer}`);
    }
    return new Uint8Array(await response.arrayBuffer());
  }
  const { readFile, stat } = await import('node:fs/promises');
  try {
    checkIsFile(await stat(path));
    return await readFile(path);
  } catch (error) {
    return throwUnreadable(path, error as NodeJS.ErrnoException);
  }
}

/** Checked before a file is opened: a pipe would wait for its writer, a device has no end. */
function checkIsFile(entry: Stats): void {
  if (entry.isFile()) return;
  throw Object.assign(new Error(), { code: entry.isDirectory() ? 'EISDIR' : NOT_A_FILE });
}

const NOT_A_FILE = 'NOT_A_FILE';

export function throwUnreadable(
  path: string,
  { code, message }: NodeJS.ErrnoException,
  kind: 'file' | 'folder' = 'file',
): never {
  const reasons: Record<string, string> = {
    ENOENT: `no such ${kind}`,
    EISDIR: 'is a folder, not a file',
    ENOTDIR: kind === 'folder' ? 'is a file, not a folder' : 'no such file',
    [NOT_A_FILE]: 'is a device or a pipe, not a file',
  };
  throw new UsageError(`cannot read ${path}: ${reasons[code ?? ''] ?? message}`);
}

/** A file that is read piece by piece. */
export interface RandomAccessFile {
  /** In bytes. */
  readonly size: number;
  /**
   * The bytes from `begin` to before `end`, in fresh memory.
   * @throws UsageError when the file has changed since it was opened.
   */
  read(begin: number, end: number): Uint8Array<ArrayBuffer>;
}

/**
 * Opens a file for reading in pieces; nothing is cached. A browser fetches the file whole, because
 * servers need not support ranges.
 * @throws UsageError when it is missing or cannot be read.
 */
export async function openRandomAccess(path: string): Promise<RandomAccessFile> {
  if (isNode) return randomAccessInNode(path, await import('node:fs'));
  const bytes = await readBytes(path);
  return {
    size: bytes.length,
    read: (begin, end) => Uint8Array.from(bytes.subarray(begin, end)),
  };
}

/** One system call reads less than 2 GiB. */
const MAX_READ_BYTES = 2 ** 30;

function randomAccessInNode(path: string, fs: typeof import('node:fs')): RandomAccessFile {
  /** Opens and closes around each use, so that no caller has to remember to close. */
  const withOpenFile = <T>(use: (fd: number) => T): T => {
    let fd: number;
    try {
      checkIsFile(fs.statSync(path));
      fd = fs.openSync(path, 'r');
    } catch (error) {
      return throwUnreadable(path, error as NodeJS.ErrnoException);
    }
    try {
      return use(fd);
    } finally {
      fs.closeSync(fd);
    }
  };
  const stateOf = (fd: number) => {
    const { ino, size, mtimeNs } = fs.fstatSync(fd, { bigint: true });
    return { size: Number(size), fingerprint: [ino, size, mtimeNs].join() };
  };
  const opened = withOpenFile(stateOf);
  const throwChanged = () => {
    throw new UsageError(`${path} was changed while it was read; read it again`);
  };
  return {
    size: opened.size,
    read: (begin, end) =>
      withOpenFile((fd) => {
        if (stateOf(fd).fingerprint !== opened.fingerprint) throwChanged();
        const bytes = new Uint8Array(end - begin);
        for (let done = 0; done < bytes.length; ) {
          const wanted = Math.min(bytes.length - done, MAX_READ_BYTES);
          const count = fs.readSync(fd, bytes, done, wanted, begin + done);
          if (count === 0) throwChanged();
          done += count;
        }
        return bytes;
      }),
  };
}

/** The longest string of V8. */
const MAX_STRING_LENGTH = 0x1fffffe8;

/** Reads a UTF-8 text file; a byte order mark is dropped. Throws as `readBytes`. */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  if (bytes.length > MAX_STRING_LENGTH)
    throw new UsageError(`cannot read ${path}: ${bytes.length} bytes are too long for a text`);
  return new TextDecoder('utf-8').decode(bytes);
}

/** Reads a JSON file. Throws as `readBytes`, and UsageError when it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not valid JSON`);
  }
}

/**
 * The names in a folder, sorted; null in a browser, which cannot list folders.
 * @throws UsageError when it is missing or not a folder.
 */
export async function listFolder(dir: string): Promise<string[] | null> {
  if (!isNode) return null;
  const { readdir } = await import('node:fs/promises');
  const names = await readdir(dir).catch((error) => throwUnreadable(dir, error, 'folder'));
  return names.sort();
}
