import { type DataFormat, formatOf, isTable } from '../../formats/tables/format.ts';
import { isValidUtf8, type Line, openLines } from '../../formats/tables/lines.ts';
import { readRows } from '../../formats/tables/read.ts';
import { INVALID_UTF8, type RowProblem } from '../../formats/tables/rows.ts';
import { readString } from '../data/cells.ts';
import { type ColumnOptions, findTextColumns } from '../data/columns.ts';

/** Sentences that belong together, in order. */
export type Document = readonly string[];

export interface CorpusOptions extends Pick<ColumnOptions, 'textColumn' | 'pairColumn'> {
  /** Plain text: true if blank lines separate documents, false if each line is a document. */
  blankLineSeparated: boolean;
  /** Receives the skipped rows of each file, each time the file is read. */
  onProblems?: (path: string, problems: readonly RowProblem[]) => void;
}

/** Characters of a table that are parsed at once. */
const CHUNK_BYTES = 1 << 20;

/**
 * Streams texts from files; each call reads them from the start. In TSV, CSV and JSONL with one or
 * two text columns, each row is a document and its lines are sentences. Other files, and .txt
 * without a tab in the first line, are plain text, one text per line.
 * @throws UsageError when a file cannot be read or lacks the column.
 */
export async function openCorpus(
  paths: readonly string[],
  options: CorpusOptions,
): Promise<() => AsyncGenerator<Document>> {
  const files: (() => AsyncGenerator<Document>)[] = [];
  for (const path of paths) {
    const lines = await openLines(path);
    const hasColumns = options.textColumn !== undefined || isTable(path, lines);
    files.push(() =>
      hasColumns ? tableDocuments(path, lines(), options) : plainDocuments(path, lines(), options),
    );
  }
  return async function* () {
    for (const documents of files) yield* documents();
  };
}

async function* plainDocuments(
  path: string,
  lines: Iterable<Line>,
  { blankLineSeparated, onProblems }: CorpusOptions,
): AsyncGenerator<Document> {
  const problems: RowProblem[] = [];
  let document: string[] = [];
  for (const line of lines) {
    const text = line.text.trim();
    if (!isValidUtf8(line)) problems.push({ line: line.line, reason: INVALID_UTF8 });
    else if (text !== '') document.push(text);
    if (document.length > 0 && (!blankLineSeparated || text === '')) {
      yield document;
      document = [];
    }
  }
  if (document.length > 0) yield document;
  onProblems?.(path, problems);
}

async function* tableDocuments(
  path: string,
  lines: Iterable<Line>,
  options: CorpusOptions,
): AsyncGenerator<Document> {
  const format = formatOf(path);
  const problems: RowProblem[] = [];
  let names: string[] | undefined;
  for await (const { columns, rows, problems: some } of tableChunks(path, lines, format)) {
    problems.push(...some);
    if (names === undefined && rows.length > 0) {
      const { textIndex, pairIndex } = findTextColumns(columns, options, path);
      names = [textIndex, pairIndex].flatMap((at) => columns[at] ?? []);
    }
    for (const { values, line } of rows) {
      const texts = names!.map((name) => readString(values[columns.indexOf(name)], name));
      const problem = texts.find((text) => typeof text === 'string');
      const document = texts.flatMap((text) =>
        typeof text === 'string' ? [] : text.text.split('\n').map((part) => part.trim()),
      );
      if (problem !== undefined) problems.push({ line, reason: problem });
      else if (document.some((text) => text.includes('\ufffd')))
        problems.push({ line, reason: INVALID_UTF8 });
      else if (document.some((text) => text !== '')) yield document.filter((text) => text !== '');
    }
  }
  options.onProblems?.(path, problems);
}

/** Rows of a table in chunks; each chunk is parsed with the header of the first. */
async function* tableChunks(path: string, lines: Iterable<Line>, format: DataFormat) {
  const encoder = new TextEncoder();
  let header: string[] | undefined = format === 'jsonl' ? [] : undefined;
  let chunk: string[] = [];
  let before = 0;
  let size = 0;
  let isQuoted = false;
  const parse = async () => {
    const { columns, rows, problems } = await readRows(
      encoder.encode([...header!, ...chunk].join('\n')),
      format,
      path,
    );
    const shift = before - header!.length;
    const moved = <T extends { line: number }>(items: T[]) =>
      items.map((item) => ({ ...item, line: item.line + shift }));
    before += chunk.length;
    chunk = [];
    size = 0;
    return { columns, rows: moved(rows), problems: moved(problems) };
  };
  for (const { text } of lines) {
    chunk.push(text);
    size += text.length;
    // Only where quotes are closed does a line end a record of CSV.
    if (format === 'csv' && text.split('"').length % 2 === 0) isQuoted = !isQuoted;
    // A quote that is never closed must not gather the rest of the file.
    if (isQuoted && size < 4 * CHUNK_BYTES) continue;
    isQuoted = false;
    if (header === undefined) {
      header = chunk;
      before = chunk.length;
      chunk = [];
    } else if (size >= CHUNK_BYTES) yield await parse();
  }
  header ??= [];
  if (chunk.length > 0 || before === header.length) yield await parse();
}
