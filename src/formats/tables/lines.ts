import type { TextBlock } from './blocks.ts';
import type { Text } from './text.ts';

/** A line of a text. */
export interface Line {
  /** Without the line's end. */
  text: string;
  /** LF, CRLF or CR; empty at the end of a text that does not end with one. */
  end: string;
  /** Counted from 1. */
  line: number;
  /** Whether its bytes were text in the encoding. */
  isValid: boolean;
}

/** Splits a block that ends with a line into lines; `first` is the number of the first. */
export function splitLines({ text, invalid }: TextBlock, first: number): Line[] {
  const lines: Line[] = [];
  const ends = /\r\n|\n|\r/g;
  let begin = 0;
  let broken = 0;
  while (begin < text.length) {
    const match = ends.exec(text);
    const stop = match?.index ?? text.length;
    while (broken < invalid.length && invalid[broken][1] <= begin) broken++;
    const isValid = broken === invalid.length || invalid[broken][0] > stop;
    const end = match?.[0] ?? '';
    lines.push({ text: text.slice(begin, stop), end, line: first + lines.length, isValid });
    begin = stop + end.length;
    if (!match) break;
  }
  return lines;
}

/** The lines of the blocks at the beginning of a text. */
export function splitBlocks(blocks: readonly TextBlock[]): Line[] {
  const lines: Line[] = [];
  for (const block of blocks)
    for (const line of splitLines(block, lines.length + 1)) lines.push(line);
  return lines;
}

/** The lines of a text in lists, one a block. */
export async function* linesOf(blocks: AsyncIterable<TextBlock>): AsyncGenerator<Line[]> {
  let first = 1;
  for await (const block of blocks) {
    const lines = splitLines(block, first);
    first += lines.length;
    yield lines;
  }
}

/** A plain text that is read line by line. */
export interface LineFile {
  /** Names the file in messages. */
  readonly name: string;
  /** Name of the encoding that is read, such as `UTF-8`, `CP949` or `UTF-16LE`. */
  readonly encoding: string;
  /** The lines from the first; 1 MiB of the file is in memory at a time. */
  lines(): AsyncGenerator<Line>;
}

/** The lines of a text. */
export const lineFileOf = (text: Text): LineFile => ({
  name: text.name,
  encoding: text.encoding,
  async *lines() {
    for await (const lines of linesOf(text.blocks('line'))) yield* lines;
  },
});
