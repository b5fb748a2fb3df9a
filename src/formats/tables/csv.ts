import { UsageError } from '../../platform/errors.ts';
import { csvDelimiter } from './dialect.ts';
import { type Line, linesOf, splitBlocks } from './lines.ts';
import { type CsvRecord, CsvRecords } from './records.ts';
import {
  checkHeader,
  checkNotJson,
  type Item,
  isRowProblem,
  itemOf,
  type Reader,
  type RowProblem,
} from './rows.ts';
import type { Text } from './text.ts';

/**
 * Reads comma-separated values (RFC 4180), or those with another delimiter: a semicolon, tab or bar
 * if the header has no comma. The first record names the columns. A quote within an unquoted field
 * is a character; a record with broken quotes costs itself only.
 * @throws UsageError when there is no header, or its quotes are broken.
 */
export async function csvReader(text: Text, given?: string): Promise<Reader> {
  const head = splitBlocks(await text.head('line'));
  checkNotJson(head[0]?.text ?? '', text.name);
  const { delimiter, firstLine } = given
    ? { delimiter: given, firstLine: 1 }
    : csvDelimiter(head[0]?.text ?? '');
  const lines = (all: Line[]) => (all[0]?.line < firstLine ? all.slice(firstLine - 1) : all);
  const header = firstRecord(lines(head), delimiter);
  if (header && isRowProblem(header))
    throw new UsageError(`the header of ${text.name} is broken: ${header.reason}`);
  const columns = checkHeader(header?.fields ?? [''], header?.isValid ?? true, text);
  return {
    columns,
    async *read() {
      const records = new CsvRecords(delimiter, columns.length);
      let isHeader = true;
      const itemsOf = (found: ReturnType<CsvRecords['push']>): Item[] => {
        const items: Item[] = [];
        for (const record of found) {
          const isSkipped = isHeader;
          isHeader = false;
          if (isSkipped) continue;
          const item = isRowProblem(record)
            ? record
            : itemOf(record.fields, record, columns.length, text);
          if (item) items.push(item);
        }
        return items;
      };
      for await (const some of linesOf(text.blocks('line')))
        yield itemsOf(records.push(lines(some)));
      yield itemsOf(records.end());
    },
  };
}

function firstRecord(
  lines: readonly Line[],
  delimiter: string,
): CsvRecord | RowProblem | undefined {
  const records = new CsvRecords(delimiter);
  for (let at = 0; at < lines.length; at += 1000) {
    const [first] = records.push(lines.slice(at, at + 1000));
    if (first) return first;
  }
  return records.end()[0];
}
