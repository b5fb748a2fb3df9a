import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';

/** The path of a file or folder without links; that of a missing one as it would be. */
export const realPath = (path: string): Promise<string> =>
  realpath(path).catch(() => resolve(path));

/** Whether two paths lead to the same file or folder, through links too. */
export async function isSamePath(a: string, b: string): Promise<boolean> {
  return (await realPath(a)) === (await realPath(b));
}

/** A path that means the same in every working folder. */
export const absolutePath = (path: string): string => resolve(path);
