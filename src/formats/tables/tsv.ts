import { csvReader } from './csv.ts';
import { isQuoted } from './dialect.ts';
import { extensionOf } from './format.ts';
import { linesOf, splitBlocks } from './lines.ts';
import { checkHeader, checkNotJson, type Item, itemOf, type Reader } from './rows.ts';
import type { Text } from './text.ts';

/**
 * Reads tab-separated values: one row a line; a `"` is a character like any other, unless the file
 * quotes fields as pandas and Excel do. The first line names the columns.
 * @throws UsageError when there is no header.
 */
export async function tsvReader(text: Text): Promise<Reader> {
  const head = splitBlocks(await text.head('line'));
  // Files with .txt have doubled quotes in texts that are meant as they are (NSMC).
  if (isQuoted(head, extensionOf(text.name) === 'txt')) return csvReader(text, '\t');
  const [first = { text: '', isValid: true }] = head;
  checkNotJson(first.text, text.name);
  const columns = checkHeader(first.text.split('\t'), first.isValid, text);
  return {
    columns,
    async *read() {
      for await (const lines of linesOf(text.blocks('line'))) {
        const items: Item[] = [];
        for (const line of lines) {
          if (line.line === 1) continue;
          const isBlank = /^ *$/.test(line.text);
          const item = itemOf(line.text.split('\t'), { ...line, isBlank }, columns.length, text);
          if (item) items.push(item);
        }
        yield items;
      }
    },
  };
}
