import { UsageError } from '../../platform/errors.ts';

/** What the readers of all table formats share. */

/** One row: a value per column (`undefined` for a key that a JSON object lacks). */
export interface Row {
  values: unknown[];
  /** The physical line of the file that the row begins on, counted from 1. */
  line: number;
}

/** A row that cannot be used, and the reason. */
export interface RowProblem {
  /** As in `Row`. */
  line: number;
  reason: string;
}

/** The rows of a file under the names of their columns, in file order. */
export interface Rows {
  columns: string[];
  rows: Row[];
  problems: RowProblem[];
}

/** Reason of a problem: the bytes of the row are not text. */
export const INVALID_UTF8 = 'not valid UTF-8';

/** @throws UsageError when the first line of a file cannot name the columns. */
export function checkHeader(fields: string[], isValid: boolean, name: string): string[] {
  if (!isValid)
    throw new UsageError(`the first line of ${name} is ${INVALID_UTF8}: save the file as UTF-8`);
  if (fields.every((field) => field.trim() === ''))
    throw new UsageError(`${name} has no header: its first line must name the columns`);
  return fields;
}

/** Adds one line or record of a file to its rows or to its problems; skips blank lines. */
export function addRecord(
  { columns, rows, problems }: Rows,
  fields: string[],
  line: number,
  isValid: boolean,
): void {
  if (!isValid) problems.push({ line, reason: INVALID_UTF8 });
  else if (fields.length === columns.length) rows.push({ values: fields, line });
  else if (fields.length > 1 || fields[0] !== '')
    problems.push({ line, reason: fieldCountReason(columns.length, fields.length) });
}

export const fieldCountReason = (expected: number, actual: number): string =>
  `expected ${expected} ${expected === 1 ? 'field' : 'fields'}, got ${actual}`;
