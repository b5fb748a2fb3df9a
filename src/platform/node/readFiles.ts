import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { UsageError } from '../errors.ts';
import type { RandomAccessFile, SystemError } from '../types.ts';

/** Whether a file (in a browser: a URL) can be read. */
export function fileExists(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** Whether a path leads to anything, a file or a folder. */
export function pathExists(path: string): Promise<boolean> {
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
  try {
    checkIsFile(await stat(path));
    return await readFile(path);
  } catch (error) {
    return throwUnreadable(path, error as SystemError);
  }
}

/** Checked before a file is opened: a pipe would wait for its writer, a device has no end. */
function checkIsFile(entry: Stats): void {
  if (entry.isFile()) return;
  throw Object.assign(new Error(), { code: entry.isDirectory() ? 'EISDIR' : NOT_A_FILE });
}

const NOT_A_FILE = 'NOT_A_FILE';

/** @throws UsageError that says why a file or folder cannot be read. */
export function throwUnreadable(
  path: string,
  { code, message }: SystemError,
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

/** One system call reads less than 2 GiB. */
const MAX_READ_BYTES = 2 ** 30;

/**
 * Opens a file for reading in pieces; nothing is cached. A browser fetches the file whole, because
 * servers need not support ranges.
 * @throws UsageError when it is missing or cannot be read.
 */
export async function openRandomAccess(path: string): Promise<RandomAccessFile> {
  /** Opens and closes around each use, so that no caller has to remember to close. */
  const withOpenFile = <T>(use: (fd: number) => T): T => {
    let fd: number;
    try {
      checkIsFile(statSync(path));
      fd = openSync(path, 'r');
    } catch (error) {
      return throwUnreadable(path, error as SystemError);
    }
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  };
  const stateOf = (fd: number) => {
    const { ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
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
          const count = readSync(fd, bytes, done, wanted, begin + done);
          if (count === 0) throwChanged();
          done += count;
        }
        return bytes;
      }),
  };
}

/**
 * The names in a folder, sorted; null for a URL, as browsers cannot list what a server has.
 * @throws UsageError when it is missing or not a folder.
 */
export async function listFolder(dir: string): Promise<string[] | null> {
  const names = await readdir(dir).catch((error) => throwUnreadable(dir, error, 'folder'));
  return names.sort();
}
