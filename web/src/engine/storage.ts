/** Texts and JSON in the origin's private file system, by their paths (`opfs:/…`). */
import { findFile, namesIn, writePrivate } from '../../../src/platform/browser/privateFiles.ts';

/** The value of a JSON file; undefined if it is missing. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  const file = await findFile(path);
  return file && (JSON.parse(await file.text()) as T);
}

export const writeJson = (path: string, value: unknown): Promise<void> =>
  writePrivate(path, new Blob([JSON.stringify(value)]));

/** One more than the largest number that a folder in a folder has; 1 where there is none. */
export async function freeNumber(path: string): Promise<number> {
  const names = (await namesIn(path))?.directory ?? [];
  return names.reduce((most, name) => Math.max(most, Number(name) || 0), 0) + 1;
}
