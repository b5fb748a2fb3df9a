import { UsageError } from '../../platform/errors.ts';
import { readBytes } from '../../platform/readFiles.ts';

/** More than any vocabulary has; longer ones may not fit into a string. */
const MAX_BYTES = 2 ** 28;

/**
 * Reads the tokens of a `vocab.txt` in the order of their ids.
 * @throws UsageError when it cannot be read, or is not UTF-8.
 */
export async function readVocabulary(path: string): Promise<string[]> {
  const bytes = await readBytes(path);
  if (bytes.length > MAX_BYTES)
    throw new UsageError(
      `${path}: expected a vocabulary of at most ${MAX_BYTES} bytes, got ${bytes.length}`,
    );
  return splitVocabLines(decode(bytes, path));
}

/**
 * Tokens of a `vocab.txt`: one a line, ids in order. A byte order mark is dropped; LF, CRLF and CR
 * end a line.
 */
export function splitVocabLines(text: string): string[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function decode(bytes: Uint8Array, path: string): string {
  // UTF-16 has a zero in each ASCII character, and mostly a byte order mark.
  const isUtf16 = /^(255,254|254,255)/.test(bytes.subarray(0, 2).join());
  if (isUtf16 || bytes.subarray(0, 1000).includes(0))
    throw new UsageError(`${path}: expected UTF-8, got UTF-16 or no text: save it as UTF-8`);
  try {
    return decodeStrictly(bytes);
  } catch {
    throw new UsageError(
      `${path}: line ${firstBadLine(bytes)} is not UTF-8 (perhaps CP949): save it as UTF-8`,
    );
  }
}

const decodeStrictly = (bytes: Uint8Array) =>
  new TextDecoder('utf-8', { fatal: true }).decode(bytes);

/** Number of the first line, from 1, that is not UTF-8. */
function firstBadLine(bytes: Uint8Array): number {
  const lineFeed = 10;
  for (let start = 0, line = 1; ; line++) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found < 0 ? bytes.length : found;
    try {
      decodeStrictly(bytes.subarray(start, end));
    } catch {
      return line;
    }
    if (found < 0) return line;
    start = end + 1;
  }
}
