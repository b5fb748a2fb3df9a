import { openRandomAccess } from '../../platform/readFiles.ts';

const CHUNK_BYTES = 1 << 20;

/** A line of a file, without its end. */
export interface Line {
  text: string;
  /** Counted from 1. */
  line: number;
}

/** Whether a line was text; invalid bytes are read as U+FFFD. */
export const isValidUtf8 = ({ text }: Line): boolean => !text.includes('\ufffd');

/**
 * Opens a file for reading line by line. Each call of the result starts at the first line; 1 MiB of
 * the file is in memory at a time.
 * @throws UsageError when it is missing or cannot be read.
 */
export async function openLines(path: string): Promise<() => Generator<Line>> {
  const file = await openRandomAccess(path);
  return function* () {
    const decoder = new TextDecoder();
    let line = 0;
    let rest = '';
    for (let begin = 0; begin < file.size; begin += CHUNK_BYTES) {
      const end = Math.min(begin + CHUNK_BYTES, file.size);
      const text = decoder.decode(file.read(begin, end), { stream: end < file.size });
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const text of lines) yield { text, line: ++line };
    }
    if (rest !== '') yield { text: rest, line: ++line };
  };
}
