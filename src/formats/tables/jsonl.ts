import { isObject } from '../../platform/format.ts';
import { columnsOf, rowOf } from './jsonColumns.ts';
import { linesOf, splitBlocks } from './lines.ts';
import { type Item, invalidReason, type Reader } from './rows.ts';
import type { Text } from './text.ts';

/** Reads JSON Lines: one object a line. The columns are the keys of the objects in the head. */
export async function jsonLinesReader(text: Text): Promise<Reader> {
  const objects: Record<string, unknown>[] = [];
  for (const { text: source, isValid } of splitBlocks(await text.head('line'))) {
    const object = isValid && source.trim() !== '' ? parseObject(source) : '';
    if (typeof object !== 'string') objects.push(object);
  }
  const { columns, topColumns } = columnsOf(objects);
  return {
    columns,
    topColumns,
    async *read() {
      for await (const lines of linesOf(text.blocks('line'))) {
        const items: Item[] = [];
        for (const { text: source, line, isValid } of lines) {
          if (source.trim() === '') continue;
          const object = isValid ? parseObject(source) : invalidReason(text);
          items.push(
            typeof object === 'string' ? { line, reason: object } : rowOf(object, columns, line),
          );
        }
        yield items;
      }
    },
  };
}

/** The object in a line of JSON, or the reason why there is none. */
export function parseObject(source: string): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(/\d{16}/.test(source) ? longNumbersAsTexts(source) : source);
    return isObject(value) ? value : 'not a JSON object';
  } catch (error) {
    return `bad JSON: ${(error as Error).message}`;
  }
}

/** JSON whose whole numbers beyond 2^53, which JavaScript would round, are texts: ids, say. */
const longNumbersAsTexts = (source: string): string =>
  source.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
