/** Texts and JSON in the origin's private file system, by their paths (`opfs:/…`). */
import {
  findFile,
  makeDir,
  namesIn,
  removePrivate,
  withLock,
  writePrivate,
} from '../../../src/platform/browser/privateFiles.ts';

/** The value of a JSON file; undefined if it is missing. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  const file = await findFile(path);
  return file && (JSON.parse(await file.text()) as T);
}

export const writeJson = (path: string, value: unknown): Promise<void> =>
  writePrivate(path, new Blob([JSON.stringify(value)]));

/** One more than the largest number that a folder in a folder has; 1 where there is none. */
async function freeNumber(path: string): Promise<number> {
  const names = (await namesIn(path))?.directory ?? [];
  return names.reduce((most, name) => Math.max(most, Number(name) || 0), 0) + 1;
}

/**
 * Makes a folder in a folder, under a number that no tab has taken, and fills it. When that fails,
 * the folder goes: nothing else would remove it.
 */
export async function fillFolder<T>(path: string, fill: (id: number) => Promise<T>): Promise<T> {
  const id = await withLock(path, async () => {
    const free = await freeNumber(path);
    await makeDir(`${path}/${free}`);
    return free;
  });
  try {
    return await fill(id);
  } catch (error) {
    await removePrivate(`${path}/${id}`).catch(console.error);
    throw error;
  }
}
