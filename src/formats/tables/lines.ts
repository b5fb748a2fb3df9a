import { openRandomAccess } from '../../platform/readFiles.ts';

const CHUNK_BYTES = 1 << 20;

/** A line of a file, without its end; lines are counted from 1. */
export interface Line {
  text: string;
  line: number;
}

/** Whether a line was text; bytes that are not UTF-8 are read as U+FFFD. */
export const isValidUtf8 = ({ text }: Line): boolean => !text.includes('\ufffd');

/**
 * A way to go through the lines of a file, as often as wanted, of which a piece at a time is in memory.
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
      const lines = (
        rest + decoder.decode(file.read(begin, end), { stream: end < file.size })
      ).split('\n');
      rest = lines.pop()!;
      for (const text of lines) yield { text, line: ++line };
    }
    if (rest !== '') yield { text: rest, line: ++line };
  };
}
