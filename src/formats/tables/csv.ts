import { UsageError } from '../../platform/errors.ts';
import { decodeUtf8 } from './encoding.ts';
import { addRecord, checkHeader, type Rows } from './rows.ts';

/**
 * Reads comma-separated values (RFC 4180). The first record names the columns.
 * @throws UsageError when there is no header, or its quotes are broken.
 */
export async function readCsv(bytes: Uint8Array, name: string): Promise<Rows> {
  // This build of csv-parse brings its own Buffer, so it runs in a browser too.
  const { parse } = await import('csv-parse/browser/esm/sync');
  const { invalidLines } = decodeUtf8(bytes);
  const countNewlines = newlineCounter(bytes);
  let table: Rows | undefined;
  const addFields = (fields: string[], lastLine: number) => {
    // Within a record, only (quoted) fields contain line ends.
    const line = fields.reduce((at, field) => at - (field.split('\n').length - 1), lastLine);
    let isValid = true;
    for (let i = line; i <= lastLine; i++) isValid &&= !invalidLines.has(i);
    if (table) addRecord(table, fields, line, isValid);
    else table = { columns: checkHeader(fields, isValid, name), rows: [], problems: [] };
  };
  /** Reads from the start of a record to the end of the file, or past the next broken record. */
  const readFrom = (start: number): number => {
    let begin = start;
    try {
      parse(bytes.subarray(start), {
        record_delimiter: ['\r\n', '\n'],
        relax_column_count: true,
        on_record: (fields: string[], { bytes: length }) => {
          begin = start + length;
          addFields(fields, countNewlines(begin) + (bytes[begin - 1] === 0x0a ? 0 : 1));
          return null;
        },
      });
      return bytes.length;
    } catch (error) {
      const reason = quoteReasons[(error as { code?: string }).code ?? ''];
      if (reason === undefined) throw error;
      if (!table) throw new UsageError(`the header of ${name} is broken: ${reason}`);
      table.problems.push({ line: 1 + countNewlines(begin), reason });
      const newline = bytes.indexOf(0x0a, begin);
      return newline < 0 ? bytes.length : newline + 1;
    }
  };
  for (let begin = 0; begin < bytes.length; ) begin = readFrom(begin);
  return table ?? { columns: checkHeader([''], true, name), rows: [], problems: [] };
}

const quoteReasons: Record<string, string> = {
  CSV_INVALID_CLOSING_QUOTE:
    'a closing quote is followed by text: double quotes inside a quoted field',
  INVALID_OPENING_QUOTE:
    'a quote inside an unquoted field: put the field in quotes and double the inner quotes',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
};

/** Counts the newlines before an offset; successive offsets must not decrease. */
function newlineCounter(bytes: Uint8Array): (offset: number) => number {
  let position = 0;
  let count = 0;
  return (offset) => {
    for (; position < offset; position++) if (bytes[position] === 0x0a) count++;
    return count;
  };
}
