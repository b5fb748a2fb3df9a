import stringWidth from 'string-width';

/** The title of a column; cells of numbers are aligned to the right. */
export type Column = string | { title: string; right: true };

/** The lines of a table; columns are as wide as their widest cell. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => (typeof column === 'string' ? column : column.title));
  const widths = titles.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i])].map(displayWidth)),
  );
  return [titles, ...rows].map((row) => tableRow(columns, widths, row)).join('\n');
}

/** One line of a table of given widths. */
export function tableRow(
  columns: readonly Column[],
  widths: readonly number[],
  row: readonly string[],
): string {
  const cells = row.map((cell, i) => {
    const blanks = ' '.repeat(Math.max(0, widths[i] - displayWidth(cell)));
    return typeof columns[i] === 'string' ? cell + blanks : blanks + cell;
  });
  return cells.join('  ').trimEnd();
}

/** Columns of a terminal that a text takes: two for Hangul, Chinese characters and emoji. */
export function displayWidth(text: string): number {
  // What combines with a character takes none; a variation selector makes an emoji.
  return stringWidth(text.normalize('NFC').replace(/(?!\ufe0f)[\p{Mn}\p{Me}]/gu, ''));
}

/** A number with three digits; a dash if it is unknown. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value >= 1000
    ? Math.round(value).toLocaleString('en')
    : Number(value.toPrecision(3)).toString();
}

export { formatPercent as percent } from '../platform/format.ts';

/** Memory of a machine or an adapter, which comes in powers of two. */
export const mebibytes = (bytes: number): string => `${number(Math.round(bytes / 2 ** 20))} MiB`;
