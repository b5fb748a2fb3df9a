import { readBytes } from '#platform';
import { UsageError } from './errors.ts';

export { fileExists, listFolder, openRandomAccess, pathExists, readBytes } from '#platform';
export type { RandomAccessFile } from './types.ts';

/** The longest string of V8. */
const MAX_STRING_LENGTH = 0x1fffffe8;

/** Reads a UTF-8 text file; a byte order mark is dropped. Throws as `readBytes`. */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  if (bytes.length > MAX_STRING_LENGTH)
    throw new UsageError(`cannot read ${path}: ${bytes.length} bytes are too long for a text`);
  return new TextDecoder('utf-8').decode(bytes);
}

/** Reads a JSON file. Throws as `readBytes`, and UsageError when it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not valid JSON`);
  }
}
