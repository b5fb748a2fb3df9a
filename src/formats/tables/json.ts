import { UsageError } from '../../platform/errors.ts';
import { formatNames, isObject } from '../../platform/format.ts';
import { columnsOf, rowOf } from './jsonColumns.ts';
import { type ElementPath, type JsonElement, JsonElements } from './jsonElements.ts';
import { jsonLinesReader, parseObject } from './jsonl.ts';
import { type Item, invalidReason, isRowProblem, type Reader, type RowProblem } from './rows.ts';
import type { Text } from './text.ts';

/** Keys that a list of rows usually has, in order of preference. */
const LIST_KEYS = ['data', 'rows', 'examples', 'train', 'validation', 'test'];

/**
 * Reads JSON: one array of objects, an object with such an array under a key like `data`, lists of
 * the same length by column (pandas' orient='list', up to 4 MiB), or an object a line; `lines`
 * prefers the last. The columns are the keys of the objects in the head.
 * @throws UsageError when it is none of these.
 */
export async function jsonReader(text: Text, lines: boolean): Promise<Reader> {
  const blocks = await text.head('word');
  const start = blocks.map((block) => block.text).join('');
  const path = elementPath(start, lines, text.name);
  if (path === 'lines') return jsonLinesReader(text);
  if ('columns' in path) return columnReader(path.columns);
  const items = (columns: string[], found: (JsonElement | RowProblem)[]) =>
    found.map((element): Item => {
      if (isRowProblem(element)) return element;
      const { source, line, isValid } = element;
      const object = isValid ? parseObject(source) : invalidReason(text);
      return typeof object === 'string' ? { line, reason: object } : rowOf(object, columns, line);
    });
  const objects = items([], new JsonElements(path).push({ text: start, invalid: [] })).flatMap(
    (item) => (isRowProblem(item) ? [] : [item.object!]),
  );
  const { columns, topColumns } = columnsOf(objects);
  return {
    columns,
    topColumns,
    async *read() {
      const elements = new JsonElements(path);
      for await (const block of text.blocks('word')) yield items(columns, elements.push(block));
      yield items(columns, elements.end());
    },
  };
}

/** Where the rows are, judged by the beginning of a file. */
function elementPath(
  start: string,
  lines: boolean,
  name: string,
): ElementPath | 'lines' | { columns: Columns } {
  const isArray = lines ? /^\s*\[\s*(\{|\]|$)/ : /^\s*\[/;
  if (isArray.test(start)) return { around: '[' };
  if (lines || start.trim() === '') return 'lines';
  if (!/^\s*\{/.test(start))
    throw new UsageError(`${name} is not JSON: expected an array of objects, or an object a line`);
  const [first] = new JsonElements({ around: '' }).push({ text: `${start}\n`, invalid: [] });
  if (first === undefined || isRowProblem(first)) return keyedList(listKeys(start), name);
  const rest = start.slice(start.indexOf(first.source) + first.source.length).trim();
  if (rest !== '') return /[\n\r]/.test(first.source) ? { around: '' } : 'lines';
  const object = parseObject(first.source);
  if (typeof object === 'string') return 'lines';
  if (isSplit(object)) return keyedList([], name);
  if (areColumns(object)) return { columns: object };
  const keys = Object.keys(object).filter((key) => {
    const value = object[key];
    return Array.isArray(value) && isObject(value[0]);
  });
  const isRow = keys.length === 0 && Object.values(object).some((value) => !isObject(value));
  return isRow ? { around: '' } : keyedList(keys, name);
}

/** Lists of values by column: pandas' orient='list'. */
type Columns = Record<string, unknown[]>;

/** Keys of a row whose value is a list of words. */
const WORD_KEYS = ['tokens', 'words'];

/** Whether an object has lists of the same length, one a column, and is not a row of words. */
function areColumns(object: Record<string, unknown>): object is Columns {
  const lists = Object.values(object);
  const [first] = lists;
  if (!Array.isArray(first) || lists.length < 2) return false;
  if (!lists.every((list) => Array.isArray(list) && list.length === first.length)) return false;
  // Lists of objects are rows, of which only one list can be meant.
  if (lists.every((list) => isObject((list as unknown[])[0]))) return false;
  return !WORD_KEYS.some((key) => typeof (object[key] as unknown[])?.[0] === 'string');
}

/** pandas' orient='split'. */
const isSplit = (object: Record<string, unknown>): boolean =>
  ['columns', 'index', 'data'].every((key) => Array.isArray(object[key]));

/** All rows are in memory, and have no lines of their own: their numbers stand for these. */
function columnReader(lists: Columns): Reader {
  const count = Object.values(lists)[0].length;
  const objects = Array.from({ length: count }, (_, i) =>
    Object.fromEntries(Object.entries(lists).map(([key, list]) => [key, list[i]])),
  );
  const { columns, topColumns } = columnsOf(objects);
  return {
    columns,
    topColumns,
    async *read() {
      yield objects.map((object, i) => rowOf(object, columns, i + 1));
    },
  };
}

/** The keys of the lists of objects in an object whose end is cut off. */
function listKeys(start: string): string[] {
  const elements = new JsonElements({ around: '{[' });
  elements.push({ text: start, invalid: [] });
  return [...elements.others];
}

function keyedList(keys: readonly string[], name: string): ElementPath {
  const usual = LIST_KEYS.find((key) => keys.includes(key));
  const key = usual ?? (keys.length === 1 ? keys[0] : undefined);
  if (key !== undefined) return { around: '{[', key };
  const many = keys.length > 1 ? ` with several lists (${formatNames(keys)})` : '';
  throw new UsageError(
    `${name} is one JSON object${many}: expected an array of objects (pandas: orient='records'), ` +
      'an object with one such array, or an object a line',
  );
}
