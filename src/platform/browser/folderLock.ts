import { UsageError } from '../errors.ts';
import { makeDir, plainPath, throwUnwritable } from './privateFiles.ts';

/** Milliseconds in which a tab that was closed or loaded again gives its locks back. */
const PATIENCE = 3000;

/**
 * Makes sure that no other tab or worker of this origin writes into a folder. The lock of one that
 * is closed is free.
 * @returns gives the lock back
 * @throws UsageError when another tab or worker holds the lock.
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  await makeDir(dir).catch((error) => throwUnwritable(dir, error));
  const signal = AbortSignal.timeout(PATIENCE);
  let release = () => {};
  let held: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    held = navigator.locks.request(`wigbert run ${plainPath(dir)}`, { signal }, () => {
      resolve();
      return new Promise<void>((end) => {
        release = end;
      });
    });
    held.catch(reject);
  }).catch(() => {
    throw new UsageError(
      `${dir} is being written to by another tab: close it, or choose another folder`,
    );
  });
  return async () => {
    release();
    await held;
  };
}
