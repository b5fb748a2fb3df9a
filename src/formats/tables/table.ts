import { readBytes } from '../../platform/readFiles.ts';
import { type DataFormat, formatOf } from './format.ts';
import { readRows } from './read.ts';
import type { Row, RowProblem } from './rows.ts';

export interface TableOptions {
  /** Default: by the name's ending. */
  format?: DataFormat;
}

/** A data file that is read row by row. */
export interface Table {
  /** Names the file in messages. */
  readonly name: string;
  readonly format: DataFormat;
  /** Names of the columns, in the order of a row's values. */
  readonly columns: readonly string[];
  /** The rows and what is broken, in file order; each call starts at the first row. */
  rows(): AsyncGenerator<Row | RowProblem>;
}

/** Whether an item of `Table.rows` is a row that cannot be used. */
export const isRowProblem = (item: Row | RowProblem): item is RowProblem => 'reason' in item;

/**
 * Opens a data file to read it row by row.
 * @throws UsageError when the file cannot be read, its format is unknown, or it has no header.
 */
export async function openTable(path: string, options: TableOptions = {}): Promise<Table> {
  const format = options.format ?? formatOf(path);
  const { columns, rows, problems } = await readRows(await readBytes(path), format, path);
  const items = [...rows, ...problems].sort((a, b) => a.line - b.line);
  return {
    name: path,
    format,
    columns,
    async *rows() {
      yield* items;
    },
  };
}
