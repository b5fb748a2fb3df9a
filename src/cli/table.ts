/** The title of a column; cells of numbers are aligned to the right. */
export type Column = string | { title: string; right: true };

/** The lines of a table; columns are as wide as their widest cell. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => (typeof column === 'string' ? column : column.title));
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i].length)),
  );
  return [titles, ...rows].map((row) => tableRow(columns, widths, row)).join('\n');
}

/** One line of a table of given widths. */
export function tableRow(
  columns: readonly Column[],
  widths: readonly number[],
  row: readonly string[],
): string {
  const cells = row.map((cell, i) =>
    typeof columns[i] === 'string' ? cell.padEnd(widths[i]) : cell.padStart(widths[i]),
  );
  return cells.join('  ').trimEnd();
}

/** A number with three digits; a dash if it is unknown. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value >= 1000
    ? Math.round(value).toLocaleString('en')
    : Number(value.toPrecision(3)).toString();
}

export const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
