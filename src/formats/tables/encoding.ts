import { UsageError } from '../../platform/errors.ts';

/** The lines of a text; the last line may end with a newline or not. LF and CRLF end a line. */
export function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();
  return text.includes('\r')
    ? lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    : lines;
}

/**
 * The bytes after a byte order mark, if there is one.
 * @throws UsageError when the mark is that of UTF-16.
 */
export function skipByteOrderMark(bytes: Uint8Array, name: string): Uint8Array {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw new UsageError(`${name} is UTF-16: save it as UTF-8`);
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return hasMark ? bytes.subarray(3) : bytes;
}

/** A text, and the numbers of its lines (from 1) whose bytes were not valid UTF-8. */
export interface DecodedText {
  text: string;
  invalidLines: ReadonlySet<number>;
}

export function decodeUtf8(bytes: Uint8Array): DecodedText {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return { text: strict.decode(bytes), invalidLines: new Set() };
  } catch {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    return { text, invalidLines: findInvalidLines(bytes, strict) };
  }
}

function findInvalidLines(bytes: Uint8Array, strict: TextDecoder): Set<number> {
  const invalidLines = new Set<number>();
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    try {
      strict.decode(bytes.subarray(start, end));
    } catch {
      invalidLines.add(line);
    }
    start = end + 1;
  }
  return invalidLines;
}
