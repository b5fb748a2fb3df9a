import { isObject } from '../../platform/format.ts';
import { type DecodedText, splitLines } from './encoding.ts';
import { INVALID_UTF8, type RowProblem, type Rows } from './rows.ts';

/** Reads JSON Lines: one object a line. The columns are the keys of all objects. */
export function readJsonLines({ text, invalidLines }: DecodedText): Rows {
  const objects: { object: Record<string, unknown>; line: number }[] = [];
  const keys = new Set<string>();
  const problems: RowProblem[] = [];
  for (const [index, source] of splitLines(text).entries()) {
    const line = index + 1;
    if (source.trim() === '') continue;
    const object = invalidLines.has(line) ? INVALID_UTF8 : parseObject(source);
    if (typeof object === 'string') {
      problems.push({ line, reason: object });
      continue;
    }
    objects.push({ object, line });
    for (const key of Object.keys(object)) keys.add(key);
  }
  const columns = [...keys];
  const rows = objects.map(({ object, line }) => ({
    values: columns.map((key) => (Object.hasOwn(object, key) ? object[key] : undefined)),
    line,
  }));
  return { columns, rows, problems };
}

/** The object in a line of JSON, or the reason why there is none. */
function parseObject(source: string): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(source);
    return isObject(value) ? value : 'not a JSON object';
  } catch (error) {
    return `bad JSON: ${(error as Error).message}`;
  }
}
