import { text as readAll } from 'node:stream/consumers';
import { UsageError } from '../platform/errors.ts';

/** The lines of standard input. */
export async function readLines(): Promise<string[]> {
  if (process.stdin.isTTY)
    throw new UsageError('expected texts, as arguments or as lines on standard input, got none');
  const lines = (await readAll(process.stdin)).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new UsageError('expected texts on standard input, got none');
  return lines;
}

/** The two texts of a line, separated by a tab. */
export function splitPair(text: string, i: number): [string, string] {
  const parts = text.split('\t');
  if (parts.length !== 2)
    throw new UsageError(
      `text ${i + 1}: expected two texts separated by one tab, got ${parts.length}`,
    );
  return [parts[0], parts[1]];
}
