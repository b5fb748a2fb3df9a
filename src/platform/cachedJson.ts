import { writeFiles } from './atomicWrite.ts';
import { cacheDir } from './cache.ts';
import { joinPath } from './paths.ts';
import { fileExists, readJson } from './readFiles.ts';

/**
 * A JSON file in the user's folder for caches; undefined if there is none, or no such folder, as in
 * browsers.
 * @throws UsageError if it is not JSON.
 */
export async function readCached(
  name: string,
): Promise<{ path: string; value: unknown } | undefined> {
  const folder = await cacheDir();
  const path = folder && joinPath(folder, name);
  if (!path || !(await fileExists(path))) return undefined;
  return { path, value: await readJson(path) };
}

/** Writes such a file. Returns its path; undefined where there is no folder for it. */
export async function writeCached(name: string, value: unknown): Promise<string | undefined> {
  const folder = await cacheDir();
  if (!folder) return undefined;
  await writeFiles(folder, { [name]: `${JSON.stringify(value, null, 2)}\n` });
  return joinPath(folder, name);
}
