import { UsageError } from '../../platform/errors.ts';
import type { Line } from './lines.ts';
import type { Text } from './text.ts';

/** What the readers of all table formats share. */

/** One row: a value per column (`undefined` for a key that a JSON object lacks). */
export interface Row {
  values: unknown[];
  /** The physical line of the file that the row begins on, counted from 1. */
  line: number;
  /** JSON: the object that the values are from. */
  object?: Record<string, unknown>;
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

/** A row or a broken row. */
export type Item = Row | RowProblem;

/** The columns of a file, and a way to read its rows from the first. */
export interface Reader {
  columns: string[];
  /** How many of these, the first, are not of objects in others; undefined for all. */
  topColumns?: number;
  /** Lists of items, in file order. */
  read(): AsyncGenerator<Item[]>;
  /** CoNLL: the numbers of the columns, from 1, that are read as words and tags. */
  wordColumns?: WordColumns;
}

/** Which columns of a CoNLL file are words and tags, counted from 1, and how many there are. */
export interface WordColumns {
  words: number;
  /** Undefined if there are words only. */
  tags?: number;
  count: number;
}

/** Whether an item is a row that cannot be used. */
export const isRowProblem = <T extends object>(item: T | RowProblem): item is RowProblem =>
  'reason' in item;

/** Reason of a problem: the bytes of the row are not text. */
export const INVALID_UTF8 = 'not valid UTF-8';

/** The same for any encoding. */
export const invalidReason = ({ encoding }: Pick<Text, 'encoding'>): string =>
  encoding === 'UTF-8' ? INVALID_UTF8 : `not valid ${encoding}`;

/** @throws UsageError when the first line of a file cannot name the columns. */
export function checkHeader(fields: string[], isValid: boolean, text: Text): string[] {
  if (!isValid)
    throw new UsageError(
      `the first line of ${text.name} is ${invalidReason(text)}: save the file as UTF-8, ` +
        'or name its encoding (`encoding`)',
    );
  if (fields.every((field) => field.trim() === ''))
    throw new UsageError(`${text.name} has no header: its first line must name the columns`);
  return fields;
}

/** @throws UsageError when the first line of a table of cells is one of JSON. */
export function checkNotJson(firstLine: string, name: string): void {
  if (!/^\s*(?:\[\s*)?\{\s*(?:"[^"]*"\s*:|$)|^\s*\[\s*$/.test(firstLine)) return;
  throw new UsageError(
    `${name} looks like JSON: set \`format: 'json'\`, or 'jsonl' for an object a line`,
  );
}

/** The item of one record of a table; undefined for a blank line. */
export function itemOf(
  fields: string[],
  { line, isValid, isBlank }: Pick<Line, 'line' | 'isValid'> & { isBlank: boolean },
  width: number,
  text: Text,
): Item | undefined {
  if (!isValid) return { line, reason: invalidReason(text) };
  if (fields.length === width) return { values: fields, line };
  if (isBlank) return undefined;
  return { line, reason: fieldCountReason(width, fields.length) };
}

export const fieldCountReason = (expected: number, actual: number): string =>
  `expected ${expected} ${expected === 1 ? 'field' : 'fields'}, got ${actual}`;
