import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { ArgumentError, UsageError, WriteError } from '../errors.ts';
import { formatBytes } from '../format.ts';
import { joinPath } from '../paths.ts';
import type { FileContent, SystemError } from '../types.ts';

/**
 * Writing several files so that a crash at any moment leaves all the old ones or all the new ones.
 *
 * 1. Each file is written as `NAME.ID.tmp` beside its place and flushed to the disk.
 * 2. An empty file `.ID.saved` marks that all are complete.
 * 3. All are renamed, and the mark is removed.
 *
 * A crash before 2 leaves temporary files, which the next write removes. A crash after 2 leaves the
 * mark, and `recoverWrites` finishes the renaming.
 */

/**
 * Writes files into a folder, all or none. A text that is already there is not written again, so
 * that a checkpoint in which only the weights changed takes a single rename.
 * @throws UsageError when something cannot be written, WriteError when the disk is full or broken;
 * the old files are then untouched.
 */
export async function writeFiles(dir: string, files: Record<string, FileContent>): Promise<void> {
  const id = newWriteId();
  const temporary = (name: string) => temporaryPath(dir, name, id);
  const names: string[] = [];
  try {
    await mkdir(dir, { recursive: true });
    await recoverWrites(dir);
    await removeLeftovers(dir);
    for (const [name, content] of Object.entries(files)) {
      checkFileName(name);
      if (await isUnchanged(joinPath(dir, name), content)) continue;
      names.push(name);
      await writeFlushed(temporary(name), content);
    }
    if (names.length > 1) await writeFlushed(markPath(dir, id), '');
    await syncFolder(dir);
  } catch (error) {
    for (const path of [markPath(dir, id), ...names.map(temporary)])
      await rm(path, { force: true }).catch(() => {});
    return throwUnwritable(dir, error as SystemError, files);
  }
  try {
    if (names.length > 1) return await renameAll(dir, id, names);
    for (const name of names) await rename(temporary(name), joinPath(dir, name));
    await syncFolder(dir);
  } catch (error) {
    throwUnwritable(dir, error as SystemError);
  }
}

/** Identifies one call of `writeFiles`: the process id, where it counts, and random digits. */
export const newWriteId = (): string => `${process.pid}-${place()}${crypto.randomUUID().slice(-8)}`;

let knownPlace: string | undefined;
/** Four digits for the machine and, on Linux, the container, which has process ids of its own. */
function place(): string {
  if (knownPlace !== undefined) return knownPlace;
  let container = '';
  try {
    container = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux.
  }
  const hash = createHash('sha256').update(`${hostname()} ${container}`);
  knownPlace = hash.digest('hex').slice(0, 4);
  return knownPlace;
}

const temporaryPath = (dir: string, name: string, id: string): string =>
  joinPath(dir, `${name}.${id}.tmp`);
const markPath = (dir: string, id: string): string => joinPath(dir, `.${id}.saved`);

function checkFileName(name: string): void {
  if (/[/\\]/.test(name))
    throw new ArgumentError(`writeFiles: expected the name of a file, got the path ${name}`);
}

async function isUnchanged(path: string, content: FileContent): Promise<boolean> {
  if (typeof content !== 'string') return false;
  return content === (await readFile(path, 'utf8').catch(() => undefined));
}

/** Writes a new file and flushes it to the disk. */
export async function writeFlushed(path: string, content: FileContent): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await writeFile(handle, content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Creates a folder if it is missing, and tries to write into it. Call it before long work whose
 * results go there.
 * @throws UsageError when it cannot be written to, WriteError when the disk is full or broken.
 */
export async function ensureWritableFolder(dir: string): Promise<void> {
  const trial = joinPath(dir, `.${newWriteId()}.tmp`);
  try {
    await mkdir(dir, { recursive: true });
    await writeFile(trial, '');
    await rm(trial);
  } catch (error) {
    throwUnwritable(dir, error as SystemError);
  }
}

/** Errors of the disk itself, whatever folder was asked for. */
const diskErrors = ['ENOSPC', 'EDQUOT', 'EIO'];

/**
 * Explains errors of the system. Errors of the content that was being produced pass as they are.
 * @param files what was to be written: a full disk is told how much is needed
 */
export function throwUnwritable(
  dir: string,
  error: SystemError,
  files: Record<string, FileContent> = {},
): never {
  if (!error.syscall) throw error;
  const Kind = diskErrors.includes(error.code!) ? WriteError : UsageError;
  const sizes = Object.values(files).map((content) =>
    typeof content === 'string' ? Buffer.byteLength(content) : (bytesOf(content) ?? 0),
  );
  const needed = sizes.reduce((sum, size) => sum + size, 0);
  const advice =
    error.code === 'ENOSPC' && needed > 0 ? `; ${formatBytes(needed)} are needed there` : '';
  throw new Kind(`cannot write into ${dir}: ${error.message}${advice}`);
}

const bytesOf = (content: Exclude<FileContent, string>): number | undefined =>
  content instanceof Uint8Array ? content.length : content.bytes;

/**
 * Finishes a write that was interrupted while its files were being renamed. Call it before reading
 * files that belong together.
 * @throws UsageError when the folder cannot be written to.
 */
export async function recoverWrites(dir: string): Promise<void> {
  const all = await readdir(dir).catch(() => []);
  for (const file of all) {
    const id = /^\.(\d+-[0-9a-f]{12})\.saved$/.exec(file)?.[1];
    if (!id) continue;
    const names = all
      .filter((name) => name.endsWith(`.${id}.tmp`))
      .map((name) => name.slice(0, -id.length - 5));
    await renameAll(dir, id, names).catch((error) => {
      throw new UsageError(`an interrupted write into ${dir} cannot be finished: ${error.message}`);
    });
  }
}

async function renameAll(dir: string, id: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await rename(temporaryPath(dir, name, id), joinPath(dir, name)).catch((error) => {
      // Another process that reads the folder may have renamed it in the meantime.
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await syncFolder(dir);
  await rm(markPath(dir, id), { force: true });
}

/** Milliseconds after which a file that nobody writes to is left over, wherever it is from. */
const LIFE = 24 * 3600 * 1000;

/** Removes temporary files of processes that ended before they finished. */
async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const [, pid, where] = /\.(\d+)-([0-9a-f]{4})[0-9a-f]{8}\.tmp$/.exec(name) ?? [];
    if (pid === undefined) continue;
    const path = joinPath(dir, name);
    const isOlder = async (time: number) =>
      ((await stat(path).catch(() => undefined))?.mtimeMs ?? time) < time;
    // Whether a process of another machine or container runs cannot be seen from here, and in a
    // container each run may have the same process id: then the age of the file decides.
    let dead: boolean;
    if (where !== place()) dead = await isOlder(Date.now() - LIFE);
    else if (Number(pid) !== process.pid) dead = !isRunning(Number(pid));
    else dead = await isOlder(Date.now() - process.uptime() * 1000);
    if (dead) await rm(path, { force: true });
  }
}

/** Whether a process of this machine runs. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as SystemError).code === 'EPERM';
  }
}

/**
 * Flushes a folder's entries, so that renames reach the disk in order. Windows does so by itself.
 */
export async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(dir, 'r');
  await handle.sync().finally(() => handle.close());
}
