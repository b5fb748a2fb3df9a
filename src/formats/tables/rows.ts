import { UsageError } from '../../platform/errors.ts';
import { readConll } from './conll.ts';

export type DataFormat = 'tsv' | 'csv' | 'jsonl' | 'conll';

/** One row: a value per column (`undefined` where a JSON object lacks the key) and its first physical line, from 1. */
export interface Row {
  values: unknown[];
  line: number;
}

/** A row that cannot be used, and why. */
export interface RowProblem {
  line: number;
  reason: string;
}

/** The rows of a file under the names of their columns, in file order. */
export interface Rows {
  columns: string[];
  rows: Row[];
  problems: RowProblem[];
}

const extensions: Record<string, DataFormat> = {
  tsv: 'tsv',
  txt: 'tsv',
  csv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  conll: 'conll',
  bio: 'conll',
  iob: 'conll',
  iob2: 'conll',
};

/**
 * The format a file's (or URL's) extension stands for.
 * @throws UsageError for an extension that stands for none.
 */
export function formatOf(name: string): DataFormat {
  const extension = /\.([^./\\]+)$/.exec(name.replace(/[?#].*$/, ''))?.[1].toLowerCase() ?? '';
  if (Object.hasOwn(extensions, extension)) return extensions[extension];
  const known = Object.keys(extensions).map((each) => `.${each}`);
  throw new UsageError(
    `cannot tell the format of ${name}: expected a file that ends in ${known.join(', ')} (JSON: an object a line, .jsonl)`,
  );
}

/**
 * Splits a data file into rows.
 * - `tsv`: one row a line, fields between tabs, no quoting (a `"` is a character like any other), first line: column names;
 * - `csv`: RFC 4180, first record: column names;
 * - `jsonl`: one JSON object a line, the columns are the keys of all of them;
 * - `conll`: one tagged word a line, see `readConll`.
 *
 * LF and CRLF end a line, a byte order mark is dropped, blank lines are passed over (unless there is only one column,
 * where a blank line is an empty field). Rows that are broken or not UTF-8 become problems.
 * @throws UsageError when there is no header, or the file is UTF-16.
 */
export async function readRows(bytes: Uint8Array, format: DataFormat, name: string): Promise<Rows> {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw new UsageError(`${name} is UTF-16: save it as UTF-8`);
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const content = hasMark ? bytes.subarray(3) : bytes;
  if (format === 'csv') return readCsv(content, name);
  const { text, invalidLines } = decodeUtf8(content);
  if (format === 'conll') return readConll(splitLines(text), invalidLines);
  return format === 'tsv' ? readTsv(text, invalidLines, name) : readJsonLines(text, invalidLines);
}

function readTsv(text: string, invalidLines: Set<number>, name: string): Rows {
  const lines = splitLines(text);
  const columns = headerOf(lines[0].split('\t'), invalidLines.has(1), name);
  const rows: Row[] = [];
  const problems: RowProblem[] = [];
  for (let index = 1; index < lines.length; index++) {
    addRowOrProblem(
      lines[index].split('\t'),
      index + 1,
      invalidLines.has(index + 1),
      columns,
      rows,
      problems,
    );
  }
  return { columns, rows, problems };
}

async function readCsv(bytes: Uint8Array, name: string): Promise<Rows> {
  // This build of csv-parse brings its own Buffer, so that it runs in a browser too.
  const { parse } = await import('csv-parse/browser/esm/sync');
  const { invalidLines } = decodeUtf8(bytes);
  const newlines = newlineCounter(bytes);
  let columns: string[] | undefined;
  const rows: Row[] = [];
  const problems: RowProblem[] = [];
  /** Reads from the start of a record to the end, or to a broken record: the next line is where to go on then. */
  const readFrom = (start: number): number => {
    let begin = start;
    try {
      parse(bytes.subarray(start), {
        record_delimiter: ['\r\n', '\n'],
        relax_column_count: true,
        on_record: (fields: string[], { bytes: length }) => {
          const end = start + length;
          const endsWithNewline = bytes[end - 1] === 0x0a;
          const lastLine = 1 + newlines(end) - (endsWithNewline ? 1 : 0);
          // Inside a record, line ends stand only in its (quoted) fields.
          let line = lastLine;
          for (const field of fields) line -= field.split('\n').length - 1;
          let isBad = false;
          for (let i = line; i <= lastLine; i++) isBad ||= invalidLines.has(i);
          if (columns === undefined) columns = headerOf(fields, isBad, name);
          else addRowOrProblem(fields, line, isBad, columns, rows, problems);
          begin = end;
          return null;
        },
      });
      return bytes.length;
    } catch (error) {
      const reason = quoteReasons[(error as { code?: string }).code ?? ''];
      if (reason === undefined) throw error;
      if (columns === undefined) throw new UsageError(`the header of ${name} is broken: ${reason}`);
      problems.push({ line: 1 + newlines(begin), reason });
      const newline = bytes.indexOf(0x0a, begin);
      return newline < 0 ? bytes.length : newline + 1;
    }
  };
  for (let begin = 0; begin < bytes.length; ) begin = readFrom(begin);
  return { columns: columns ?? headerOf([''], false, name), rows, problems };
}

const quoteReasons: Record<string, string> = {
  CSV_INVALID_CLOSING_QUOTE:
    'a closing quote is followed by text: write a quote inside a quoted field twice',
  INVALID_OPENING_QUOTE:
    'a quote inside an unquoted field: put the field in quotes and write the inner quote twice',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
};

function readJsonLines(text: string, invalidLines: Set<number>): Rows {
  const objects: { object: Record<string, unknown>; line: number }[] = [];
  const columns = new Set<string>();
  const problems: RowProblem[] = [];
  for (const [index, source] of splitLines(text).entries()) {
    const line = index + 1;
    if (source.trim() === '') continue;
    if (invalidLines.has(line)) {
      problems.push({ line, reason: notUtf8 });
      continue;
    }
    const object = parseObject(source);
    if (typeof object === 'string') {
      problems.push({ line, reason: object });
      continue;
    }
    objects.push({ object, line });
    for (const key of Object.keys(object)) columns.add(key);
  }
  const names = [...columns];
  const rows = objects.map(({ object, line }) => ({
    values: names.map((key) => (Object.hasOwn(object, key) ? object[key] : undefined)),
    line,
  }));
  return { columns: names, rows, problems };
}

/** The object a line of JSON holds, or why it does not hold one. */
function parseObject(source: string): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    return 'not a JSON object';
  } catch (error) {
    return `bad JSON: ${(error as Error).message}`;
  }
}

const notUtf8 = 'not valid UTF-8';

function headerOf(fields: string[], isBad: boolean, name: string): string[] {
  if (isBad)
    throw new UsageError(`the first line of ${name} is not valid UTF-8: save the file as UTF-8`);
  if (fields.every((field) => field.trim() === ''))
    throw new UsageError(`${name} has no header: its first line must name the columns`);
  return fields;
}

function addRowOrProblem(
  fields: string[],
  line: number,
  isBad: boolean,
  columns: string[],
  rows: Row[],
  problems: RowProblem[],
) {
  if (isBad) problems.push({ line, reason: notUtf8 });
  else if (fields.length === columns.length) rows.push({ values: fields, line });
  else if (fields.length > 1 || fields[0] !== '')
    problems.push({
      line,
      reason: `${fields.length} fields where the header has ${columns.length}`,
    });
}

/** The lines of a text without their ends; a last line end opens no further line. */
function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.length > 1 && lines.at(-1) === '') lines.pop();
  return text.includes('\r')
    ? lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    : lines;
}

/** Decodes UTF-8 and tells the lines (from 1) that are not. */
function decodeUtf8(bytes: Uint8Array): { text: string; invalidLines: Set<number> } {
  const invalidLines = new Set<number>();
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return { text: strict.decode(bytes), invalidLines };
  } catch {
    for (let start = 0, line = 1; start < bytes.length; line++) {
      const newline = bytes.indexOf(0x0a, start);
      const end = newline < 0 ? bytes.length : newline;
      try {
        strict.decode(bytes.subarray(start, end));
      } catch {
        invalidLines.add(line);
      }
      start = end + 1;
    }
    return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), invalidLines };
  }
}

/** Counts the newlines before an offset; offsets must not decrease. */
function newlineCounter(bytes: Uint8Array): (offset: number) => number {
  let position = 0;
  let count = 0;
  return (offset) => {
    for (; position < offset; position++) if (bytes[position] === 0x0a) count++;
    return count;
  };
}
