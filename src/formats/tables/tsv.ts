import { type DecodedText, splitLines } from './encoding.ts';
import { addRecord, checkHeader, type Rows } from './rows.ts';

/**
 * Reads tab-separated values: one row a line, no quoting (a `"` is a character like any other).
 * The first line names the columns.
 * @throws UsageError when there is no header.
 */
export function readTsv({ text, invalidLines }: DecodedText, name: string): Rows {
  const [header, ...lines] = splitLines(text);
  const columns = checkHeader(header.split('\t'), !invalidLines.has(1), name);
  const table: Rows = { columns, rows: [], problems: [] };
  for (const [index, source] of lines.entries()) {
    const line = index + 2;
    addRecord(table, source.split('\t'), line, !invalidLines.has(line));
  }
  return table;
}
