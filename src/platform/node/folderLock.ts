import {
  constants,
  copyFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.ts';
import { joinPath } from '../paths.ts';
import type { SystemError } from '../types.ts';
import { isRunning, newWriteId, throwUnwritable } from './atomicWrite.ts';

const LOCK = '.wigbert.lock';

/** Who writes into a folder. */
interface Holder {
  pid: number;
  host: string;
  /** When the process began, as the system tells it: process ids are used again. */
  began: string | null;
}

/** Milliseconds between two signs of life, and how long a lock of another machine lives on. */
const [BEAT, LIFE] = [10_000, 60_000];
/** Milliseconds in which two processes that take over a lock see each other. */
const SETTLE = 50;
/** Milliseconds that a process which was killed may take to end. */
const PATIENCE = 1000;

/**
 * Makes sure that no other process writes into a folder: it gets a file with this process's id. The
 * lock of a process that has ended is taken over.
 * @returns removes the lock
 * @throws UsageError naming the process that holds the lock, or when the folder cannot be written
 * to; WriteError when the disk is full.
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const path = joinPath(dir, LOCK);
  const own = `${path}.${newWriteId()}.tmp`;
  try {
    await mkdir(dir, { recursive: true });
    await writeFile(own, `${JSON.stringify(await currentHolder())}\n`);
    if (!(await createFrom(own, path))) {
      const holder = await lastingHolder(path);
      if (holder) throw lockedBy(dir, holder);
      const { ino } = await stat(own);
      await rename(own, path);
      await sleep(SETTLE);
      if ((await stat(path)).ino !== ino) throw lockedBy(dir, await readHolder(path));
    }
  } catch (error) {
    return throwUnwritable(dir, error as SystemError);
  } finally {
    await rm(own, { force: true }).catch(() => {});
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, BEAT);
  beat.unref();
  return async () => {
    clearInterval(beat);
    await rm(path, { force: true });
  };
}

/** Gives a file a second name at once; false if there is a file of that name. */
async function createFrom(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path).catch((error: SystemError) => {
      if (error.code === 'EEXIST') throw error;
      // Some file systems have no second names.
      return copyFile(own, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as SystemError).code !== 'EEXIST') throw error;
    return false;
  }
}

async function currentHolder(): Promise<Holder> {
  return { pid: process.pid, host: hostname(), began: await beganAt(process.pid) };
}

/**
 * When a process began, in ticks since the machine did; null once it has ended and only waits for
 * its parent. Linux only; elsewhere null.
 */
async function beganAt(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program, in parentheses, may have blanks.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? null : (fields[19] ?? null);
}

async function readHolder(path: string): Promise<Partial<Holder>> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return {};
  }
}

/**
 * Who holds the lock, unless that process has ended or is about to: the ranks of a job that failed
 * may outlive `mpirun` by a moment, and a restart comes at once.
 */
async function lastingHolder(path: string): Promise<Partial<Holder> | undefined> {
  for (let waited = 0; ; waited += SETTLE) {
    const holder = await aliveHolder(path);
    const mayEnd = holder?.host === hostname() && holder.pid !== process.pid;
    if (!mayEnd || waited >= PATIENCE) return holder;
    await sleep(SETTLE);
  }
}

/** Who holds the lock, unless that process has ended. */
async function aliveHolder(path: string): Promise<Partial<Holder> | undefined> {
  const holder = await readHolder(path);
  // The system itself crashed while it was written.
  if (!holder.pid) return undefined;
  const here = await currentHolder();
  if (holder.host !== here.host) {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
    return Date.now() - mtimeMs < LIFE ? holder : undefined;
  }
  if (!isRunning(holder.pid)) return undefined;
  return holder.began === (await beganAt(holder.pid)) ? holder : undefined;
}

const lockedBy = (dir: string, { pid, host }: Partial<Holder>): UsageError =>
  new UsageError(
    `${dir} is being written to by another run (process ${pid ?? '?'} on ${host ?? '?'}): ` +
      'wait for its end, or choose another folder',
  );
