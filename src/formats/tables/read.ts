import type { DataFormat } from './format.ts';
import { columnsOf, rowOf } from './jsonColumns.ts';
import { isRowProblem, type Rows } from './rows.ts';
import { openTableInMemory } from './table.ts';

/**
 * Reads all rows of a data file that is in memory. The columns of JSON are the keys of all objects.
 * @param name names the file in messages
 * @throws UsageError when there is no header, or the encoding cannot be found.
 */
export async function readRows(bytes: Uint8Array, format: DataFormat, name: string): Promise<Rows> {
  const table = await openTableInMemory(bytes, name, { format });
  const columns = [...table.columns];
  const read: Rows = { columns, rows: [], problems: [] };
  for await (const item of table.rows()) {
    if (isRowProblem(item)) read.problems.push(item);
    else read.rows.push(item);
  }
  if (format !== 'json' && format !== 'jsonl') return read;
  const all = columnsOf(read.rows.map(({ object }) => object!));
  if (all.length === columns.length) return read;
  const rows = read.rows.map(({ object, line }) => rowOf(object!, all, line));
  return { ...read, columns: all, rows };
}
