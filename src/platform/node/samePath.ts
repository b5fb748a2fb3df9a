import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Whether two paths lead to the same file or folder, through links too. */
export async function isSamePath(a: string, b: string): Promise<boolean> {
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  return (await real(a)) === (await real(b));
}

/** A path that means the same in every working folder. */
export const absolutePath = (path: string): string => resolve(path);
