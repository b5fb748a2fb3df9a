import { isObject } from '../../platform/format.ts';
import type { Reader, Row } from './rows.ts';

/** Columns with dots that a file can have, and levels of objects that they reach into. */
export const MAX_NESTED_COLUMNS = 200;
export const MAX_DEPTH = 4;

/**
 * The columns of JSON objects: their keys, then the keys of objects in them with dots between, such
 * as `annotations.label`; `topColumns` tells how many the former are.
 */
export function columnsOf(
  objects: Iterable<Record<string, unknown>>,
): Required<Pick<Reader, 'columns' | 'topColumns'>> {
  const keys = new Set<string>();
  const nested = new Set<string>();
  const visit = (object: Record<string, unknown>, prefix: string, depth: number) => {
    for (const [key, value] of Object.entries(object)) {
      if (depth === 1) keys.add(key);
      else if (nested.size < MAX_NESTED_COLUMNS) nested.add(prefix + key);
      if (depth < MAX_DEPTH && isObject(value)) visit(value, `${prefix + key}.`, depth + 1);
    }
  };
  for (const object of objects) visit(object, '', 1);
  const columns = [...keys, ...[...nested].filter((column) => !keys.has(column))];
  return { columns, topColumns: keys.size };
}

/** The row of a JSON object. */
export const rowOf = (
  object: Record<string, unknown>,
  columns: readonly string[],
  line: number,
): Row => ({ values: columns.map((column) => valueAt(object, column)), line, object });

/** The value under a key, or under keys with dots between; undefined if there is none. */
function valueAt(object: Record<string, unknown>, column: string): unknown {
  if (Object.hasOwn(object, column)) return object[column];
  for (let dot = column.indexOf('.'); dot >= 0; dot = column.indexOf('.', dot + 1)) {
    const key = column.slice(0, dot);
    const inner = Object.hasOwn(object, key) ? object[key] : undefined;
    const value = isObject(inner) ? valueAt(inner, column.slice(dot + 1)) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}
