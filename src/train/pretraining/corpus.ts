import type { LineFile } from '../../formats/tables/lines.ts';
import { invalidReason, isRowProblem, type RowProblem } from '../../formats/tables/rows.ts';
import type { Table, TableOptions } from '../../formats/tables/table.ts';
import { openTexts } from '../../formats/tables/texts.ts';
import type { ColumnOptions } from '../data/columns.ts';
import { tableTexts } from '../data/tableTexts.ts';

/** Sentences that belong together, in order. */
export type Document = readonly string[];

/** Options of `openCorpus`. */
export interface CorpusOptions
  extends Pick<ColumnOptions, 'textColumn' | 'pairColumn'>,
    TableOptions {
  /** Plain text: true if blank lines separate documents, false if each line is a document. */
  blankLineSeparated: boolean;
  /** Receives the skipped rows of each file, each time the file is read. */
  onProblems?: (path: string, problems: readonly RowProblem[]) => void;
  /** Receives the encoding of each file. */
  onEncoding?: (path: string, encoding: string) => void;
}

/**
 * Streams texts from files; each call reads them from the start. In tables with one or two text
 * columns, each row is a document and its lines are sentences. Other files, and .txt without a tab
 * in the first line, are plain text, one text per line.
 * @throws UsageError when a file cannot be read or lacks the column.
 * @example
 * const documents = await openCorpus(['texts.txt'], { blankLineSeparated: false });
 * for await (const sentences of documents()) console.log(sentences);
 */
export async function openCorpus(
  paths: readonly string[],
  options: CorpusOptions,
): Promise<() => AsyncGenerator<Document>> {
  const files: (() => AsyncGenerator<Document>)[] = [];
  for (const path of paths) {
    const file = await openTexts(path, options, options.textColumn !== undefined);
    options.onEncoding?.(file.name, file.encoding);
    files.push(() =>
      'columns' in file ? tableDocuments(file, options) : plainDocuments(file, options),
    );
  }
  return async function* () {
    for (const documents of files) yield* documents();
  };
}

async function* plainDocuments(
  file: LineFile,
  { blankLineSeparated, onProblems }: CorpusOptions,
): AsyncGenerator<Document> {
  const problems: RowProblem[] = [];
  let document: string[] = [];
  for await (const { text: source, line, isValid } of file.lines()) {
    const text = source.trim();
    if (!isValid) problems.push({ line, reason: invalidReason(file) });
    else if (text !== '') document.push(text);
    if (document.length > 0 && (!blankLineSeparated || text === '')) {
      yield document;
      document = [];
    }
  }
  if (document.length > 0) yield document;
  onProblems?.(file.name, problems);
}

async function* tableDocuments(table: Table, options: CorpusOptions): AsyncGenerator<Document> {
  const problems: RowProblem[] = [];
  for await (const item of tableTexts(table, options)) {
    if (isRowProblem(item)) {
      problems.push(item);
      continue;
    }
    const parts = item.texts.flatMap((text) => text.split(/\r\n|\n|\r/));
    const document = parts.map((part) => part.trim()).filter((part) => part !== '');
    if (document.length > 0) yield document;
  }
  options.onProblems?.(table.name, problems);
}
