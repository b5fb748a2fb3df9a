import type { DataFormat } from '../../../src/formats/tables/format.ts';
import type { Row, RowProblem } from '../../../src/formats/tables/rows.ts';
import {
  isRowProblem,
  openTableInMemory,
  type Table,
  type TableOptions,
} from '../../../src/formats/tables/table.ts';

/** All that a table holds. */
export interface Read {
  table: Table;
  rows: Row[];
  problems: RowProblem[];
}

export async function readTable(table: Table): Promise<Read> {
  const read: Read = { table, rows: [], problems: [] };
  for await (const item of table.rows()) {
    if (isRowProblem(item)) read.problems.push(item);
    else read.rows.push(item);
  }
  return read;
}

/** Reads a text, or bytes, as the file of a name. */
export async function read(
  content: string | Uint8Array,
  name: string,
  options?: TableOptions,
): Promise<Read> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return readTable(await openTableInMemory(bytes, name, options));
}

/** The values of the rows. */
export const valuesOf = async (
  content: string | Uint8Array,
  name: string,
  options?: TableOptions,
): Promise<unknown[][]> => (await read(content, name, options)).rows.map(({ values }) => values);

/** Lines and reasons (up to a colon) of what is broken. */
export const reasonsOf = (problems: readonly RowProblem[]): [number, string][] =>
  problems.map(({ line, reason }) => [line, reason.split(':')[0]]);

/** The formats of texts. */
export type TextFormat = Exclude<DataFormat, 'parquet'>;

export const formats: readonly TextFormat[] = ['tsv', 'csv', 'jsonl', 'json', 'conll'];
