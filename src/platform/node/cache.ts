import { homedir } from 'node:os';
import { joinPath } from '../paths.ts';

/** The user's folder for caches of all programs: `$XDG_CACHE_HOME` or `~/.cache`. */
export async function userCacheDir(): Promise<string> {
  return process.env.XDG_CACHE_HOME || joinPath(homedir(), '.cache');
}

/** The folder for files that wigbert can make again. */
export async function cacheDir(): Promise<string | undefined> {
  return joinPath(await userCacheDir(), 'wigbert');
}
