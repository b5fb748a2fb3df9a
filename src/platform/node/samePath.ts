import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';

/** The one path of a file or folder, whatever links lead to it. */
export const realPath = (path: string): Promise<string> =>
  realpath(path).catch(() => resolve(path));

/** Whether two paths lead to the same file or folder, through links too. */
export const isSamePath = async (a: string, b: string): Promise<boolean> =>
  (await realPath(a)) === (await realPath(b));

/** A path that means the same in every working folder. */
export const absolutePath = (path: string): string => resolve(path);
