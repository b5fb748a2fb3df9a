import { ArgumentError, UsageError, WriteError } from './errors.ts';

/** Whether this is Node (or a runtime that offers its modules), so that files can be read and written. */
export const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Joins path parts with `/`, which Node accepts on every platform. */
export function joinPath(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

/** Many servers answer with their start page, and 200, where there is no file. */
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
  const { readFile } = await import('node:fs/promises');
  return readFile(path).catch((error) => throwUnreadable(path, error));
}

function throwUnreadable(path: string, { code, message }: NodeJS.ErrnoException): never {
  const why =
    code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, not a file' : message;
  throw new UsageError(`cannot read ${path}: ${why}`);
}

/** A file that is read piece by piece. */
export interface RandomAccessFile {
  /** In bytes. */
  readonly size: number;
  /**
   * The bytes from `begin` to before `end`, in fresh memory.
   * @throws UsageError when the file is not any more what it was when it was opened.
   */
  read(begin: number, end: number): Uint8Array<ArrayBuffer>;
}

/**
 * Opens a file to read pieces of it, of which it keeps none; in a browser, where there are no pieces, fetches it whole.
 * @throws UsageError when it is missing or cannot be read.
 */
export async function openRandomAccess(path: string): Promise<RandomAccessFile> {
  if (!isNode) {
    const bytes = await readBytes(path);
    return {
      size: bytes.length,
      read: (begin, end) => Uint8Array.from(bytes.subarray(begin, end)),
    };
  }
  const { closeSync, fstatSync, openSync, readSync, statSync } = await import('node:fs');
  /** Opens, reads and closes at once, so that nobody must remember to close. */
  const open = <T>(use: (fd: number) => T): T => {
    let fd: number;
    try {
      // Looked at before it is opened, as opening a pipe would wait for its writer.
      if (!statSync(path).isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
      fd = openSync(path, 'r');
    } catch (error) {
      return throwUnreadable(path, error as NodeJS.ErrnoException);
    }
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  };
  const fingerprint = (fd: number) => {
    const { ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
    return { size: Number(size), text: [ino, size, mtimeNs].join() };
  };
  const { size, text } = open(fingerprint);
  return {
    size,
    read: (begin, end) =>
      open((fd) => {
        const bytes = new Uint8Array(end - begin);
        let done = fingerprint(fd).text === text ? 0 : -1;
        // One call of the system reads less than 2 GiB.
        while (done >= 0 && done < bytes.length) {
          const count = readSync(
            fd,
            bytes,
            done,
            Math.min(bytes.length - done, 2 ** 30),
            begin + done,
          );
          done = count > 0 ? done + count : -1;
        }
        if (done < 0) throw new UsageError(`${path} was changed while it was read; read it again`);
        return bytes;
      }),
  };
}

/** Reads a UTF-8 text file; a byte order mark is dropped. Throws as `readBytes`. */
export async function readText(path: string): Promise<string> {
  return new TextDecoder('utf-8').decode(await readBytes(path));
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

/** What a file is to hold; pieces are asked for while it is written. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Writes files into a folder so that a crash at any moment leaves all the old ones or all the new ones, never half: each
 * is written beside its place and flushed; an empty file `.ID.saved` then says that all are there, and they are renamed.
 * If that is cut off, `recoverWrites` goes on with it. Texts that are there already stay as they are, so that where the
 * weights alone changed, as while training, one rename does it.
 * @throws UsageError when something cannot be written, Error when the disk is full or broken; the old files are then
 * untouched.
 */
export async function writeFiles(dir: string, files: Record<string, FileContent>): Promise<void> {
  if (!isNode) throw new UsageError('files can only be written in Node');
  const { mkdir, open, readFile, rename, rm, writeFile } = await import('node:fs/promises');
  const id = writeId();
  const temporary = (name: string) => joinPath(dir, `${name}.${id}.tmp`);
  const saved = joinPath(dir, `.${id}.saved`);
  const names: string[] = [];
  const write = async (path: string, content: FileContent) => {
    const handle = await open(path, 'wx');
    try {
      await writeFile(handle, content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  try {
    await mkdir(dir, { recursive: true });
    await recoverWrites(dir);
    await removeLeftovers(dir);
    for (const [name, content] of Object.entries(files)) {
      if (/[/\\]/.test(name))
        throw new ArgumentError(
          `writeFiles: the name of a file was expected, not the path ${name}`,
        );
      const old =
        typeof content === 'string' &&
        (await readFile(joinPath(dir, name), 'utf8').catch(() => undefined));
      if (old === content) continue;
      names.push(name);
      await write(temporary(name), content);
    }
    if (names.length > 1) await write(saved, '');
    await syncFolder(dir);
  } catch (error) {
    for (const path of [saved, ...names.map(temporary)])
      await rm(path, { force: true }).catch(() => {});
    return throwUnwritable(dir, error as NodeJS.ErrnoException);
  }
  try {
    if (names.length > 1) return await renameAll(dir, id, names);
    for (const name of names) await rename(temporary(name), joinPath(dir, name));
    await syncFolder(dir);
  } catch (error) {
    throwUnwritable(dir, error as NodeJS.ErrnoException);
  }
}

/** By which files of this process that are being written are known. */
const writeId = (): string => `${process.pid}-${crypto.randomUUID().slice(-12)}`;

/**
 * Makes a folder, if there is none, and tries to write into it: before long work whose results it is to hold.
 * @throws UsageError when it cannot be written to, Error when the disk is full or broken.
 */
export async function ensureWritableFolder(dir: string): Promise<void> {
  const { mkdir, rm, writeFile } = await import('node:fs/promises');
  const trial = joinPath(dir, `.${writeId()}.tmp`);
  try {
    await mkdir(dir, { recursive: true });
    await writeFile(trial, '');
    await rm(trial);
  } catch (error) {
    throwUnwritable(dir, error as NodeJS.ErrnoException);
  }
}

/** What a disk lacks, whatever folder was asked for. */
const diskErrors = ['ENOSPC', 'EDQUOT', 'EIO'];

/** Explains an error of the system; others, of what was to be written, explain themselves. */
function throwUnwritable(dir: string, error: NodeJS.ErrnoException): never {
  if (!error.syscall) throw error;
  const Kind = diskErrors.includes(error.code!) ? WriteError : UsageError;
  throw new Kind(`cannot write into ${dir}: ${error.message}`);
}

/**
 * Goes on with writing that was cut off after all was written but before all was renamed; call it before reading files
 * that belong together.
 * @throws UsageError when the folder cannot be written to.
 */
export async function recoverWrites(dir: string): Promise<void> {
  if (!isNode) return;
  const { readdir } = await import('node:fs/promises');
  const all = await readdir(dir).catch(() => []);
  for (const file of all) {
    const id = /^\.(\d+-[0-9a-f]{12})\.saved$/.exec(file)?.[1];
    if (!id) continue;
    const names = all
      .filter((name) => name.endsWith(`.${id}.tmp`))
      .map((name) => name.slice(0, -id.length - 5));
    await renameAll(dir, id, names).catch((error) => {
      throw new UsageError(
        `${dir} was being written when that was cut off, and cannot be put in order: ${error.message}`,
      );
    });
  }
}

async function renameAll(dir: string, id: string, names: readonly string[]): Promise<void> {
  const { rename, rm } = await import('node:fs/promises');
  for (const name of names) {
    await rename(joinPath(dir, `${name}.${id}.tmp`), joinPath(dir, name)).catch((error) => {
      // Who reads the folder meanwhile may have done it.
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await syncFolder(dir);
  await rm(joinPath(dir, `.${id}.saved`), { force: true });
}

/** Removes what processes that are no more began to write here and did not finish. */
async function removeLeftovers(dir: string): Promise<void> {
  const { readdir, rm, stat } = await import('node:fs/promises');
  for (const name of await readdir(dir)) {
    const pid = Number(/\.(\d+)-[0-9a-f]{12}\.tmp$/.exec(name)?.[1]);
    if (!pid) continue;
    const path = joinPath(dir, name);
    // In a container every process may have the number of the one before.
    const began = Date.now() - process.uptime() * 1000;
    const changed = async () => (await stat(path).catch(() => undefined))?.mtimeMs ?? began;
    const dead = pid === process.pid ? (await changed()) < began : !isRunning(pid);
    if (dead) await rm(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Flushes the names in a folder, so that renames come to the disk in their order. Windows cannot, and need not. */
async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { open } = await import('node:fs/promises');
  const handle = await open(dir, 'r');
  await handle.sync().finally(() => handle.close());
}

/** The user's folder for what can be made again (`$XDG_CACHE_HOME/wigbert`); undefined in a browser. */
export async function cacheDir(): Promise<string | undefined> {
  if (!isNode) return undefined;
  const { homedir } = await import('node:os');
  return joinPath(process.env.XDG_CACHE_HOME || joinPath(homedir(), '.cache'), 'wigbert');
}
