/** Turns rows into the text of a TSV or CSV file. */
export interface RowWriter {
  /** The first line, which names the columns. */
  readonly header: string;
  /** The line of a row: a value for each column. */
  row(values: readonly unknown[]): string;
  /** Number of cells so far whose tabs or line ends were replaced by blanks. */
  readonly flattened: number;
}

/**
 * Writes rows as TSV or CSV (RFC 4180), as the readers of this package understand them. TSV is
 * written without quotes, so its cells cannot hold tabs and line ends: these become blanks. A
 * missing value is an empty cell; lists and objects are written as JSON.
 */
export function rowWriter(format: 'tsv' | 'csv', columns: readonly string[]): RowWriter {
  let flattened = 0;
  const flat = (cell: string): string => {
    if (!/[\t\r\n]/.test(cell)) return cell;
    flattened++;
    return cell.replace(/\r\n|[\t\r\n]/g, ' ');
  };
  const [separator, write] = format === 'csv' ? [',', quoted] : ['\t', flat];
  const row = (values: readonly unknown[]): string =>
    `${values.map((value) => write(cellText(value))).join(separator)}\n`;
  return {
    header: row(columns),
    row,
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
