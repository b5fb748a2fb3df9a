import { stat } from 'node:fs/promises';
import { invalidReason } from '../formats/tables/rows.ts';
import { openTexts } from '../formats/tables/texts.ts';
import { STANDARD_INPUT } from '../platform/byteSource.ts';
import { UsageError } from '../platform/errors.ts';
import { formatValue } from '../platform/format.ts';

/**
 * The lines of standard input, which need not fit into memory.
 * @param encoding by default, it is found
 * @throws UsageError when there are none, or one is not in the encoding.
 */
export async function* streamLines(encoding?: string): AsyncGenerator<string> {
  if (process.stdin.isTTY)
    throw new UsageError('expected texts, as arguments or as lines on standard input, got none');
  const file = await openTexts(STANDARD_INPUT, { encoding }, false);
  if ('columns' in file) throw new Error('standard input has no ending that makes it a table');
  if (file.encoding !== 'UTF-8') console.error(`${file.name}: read as ${file.encoding}`);
  let isEmpty = true;
  for await (const { text, line, isValid } of file.lines()) {
    if (!isValid) throw new UsageError(`line ${line} of ${file.name} is ${invalidReason(file)}`);
    isEmpty = false;
    yield text;
  }
  if (isEmpty) throw new UsageError('expected texts on standard input, got none');
}

/** `streamLines` as a list. */
export async function readLines(encoding?: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of streamLines(encoding)) lines.push(line);
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

/** Endings of files of texts: a word that ends so is hardly a text. */
const fileName = /^\S+\.(tsv|csv|txt|jsonl|ndjson|json|conll|bio|iob2?|parquet|gz)$/i;

/**
 * Checks that arguments are texts, not names of files by mistake.
 * @param advice what to call instead, given the file's name
 * @throws UsageError for a text that is the path of a file, or that looks like one.
 */
export async function checkAreTexts(
  texts: readonly string[],
  advice: (file: string) => string,
): Promise<void> {
  for (const text of texts) {
    const found = await stat(text).catch(() => undefined);
    if (found?.isFile())
      throw new UsageError(`expected texts, got the file ${formatValue(text)}; ${advice(text)}`);
    if (found?.isDirectory() && /[/\\]/.test(text))
      throw new UsageError(`expected texts, got the folder ${formatValue(text)}`);
    if (!found && fileName.test(text))
      throw new UsageError(
        `expected texts, got ${formatValue(text)}, the name of a file that does not exist`,
      );
  }
}
