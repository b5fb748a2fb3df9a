import { isNode, joinPath } from './runtime.ts';

/** The user's folder for caches of all programs: `$XDG_CACHE_HOME` or `~/.cache`. Node only. */
export async function userCacheDir(): Promise<string> {
  const { homedir } = await import('node:os');
  return process.env.XDG_CACHE_HOME || joinPath(homedir(), '.cache');
}

/** The folder for files that wigbert can make again; undefined in a browser. */
export async function cacheDir(): Promise<string | undefined> {
  return isNode ? joinPath(await userCacheDir(), 'wigbert') : undefined;
}
