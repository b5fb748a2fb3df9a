import type { DataFormat } from './format.ts';

/** A format of tables with named columns. */
export type TableFormat = Exclude<DataFormat, 'conll'>;

/** Turns rows into the text of a file, piece by piece. */
export interface RowWriter {
  /** What the file begins with. */
  readonly header: string;
  /** The text of one row: a value for each column. */
  row(values: readonly unknown[]): string;
  /** Number of cells so far whose tabs or line ends were replaced by blanks. */
  readonly flattened: number;
}

/**
 * Writes rows as TSV, CSV (RFC 4180) or JSON Lines, as the readers of this package understand them.
 * TSV has no quotes, so its cells cannot hold tabs and line ends: these become blanks. In TSV and
 * CSV a missing value is an empty cell, and lists and objects are written as JSON. In JSON Lines a
 * value that is `undefined` is left out.
 */
export function rowWriter(format: TableFormat, columns: readonly string[]): RowWriter {
  if (format === 'jsonl')
    return {
      header: '',
      row: (values) =>
        `${JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, values[i]])))}\n`,
      flattened: 0,
    };
  let flattened = 0;
  const flat = (cell: string): string => {
    if (!/[\t\r\n]/.test(cell)) return cell;
    flattened++;
    return cell.replace(/\r\n|[\t\r\n]/g, ' ');
  };
  const [separator, write] = format === 'csv' ? [',', quoted] : ['\t', flat];
  const line = (values: readonly unknown[]): string =>
    `${values.map((value) => write(cellText(value))).join(separator)}\n`;
  return {
    header: line(columns),
    row: line,
    get flattened() {
      return flattened;
    },
  };
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Blanks at an end are quoted too: some readers drop them otherwise. */
const quoted = (cell: string): string =>
  /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
