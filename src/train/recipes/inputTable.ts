import { extensionOf } from '../../formats/tables/format.ts';
import type { LineFile } from '../../formats/tables/lines.ts';
import {
  invalidReason,
  isRowProblem,
  type Row,
  type RowProblem,
} from '../../formats/tables/rows.ts';
import { openTable, type Table, type TableOptions } from '../../formats/tables/table.ts';
import { openTexts } from '../../formats/tables/texts.ts';
import { isReadOnce } from '../../platform/byteSource.ts';
import { UsageError } from '../../platform/errors.ts';
import { readString, readWords } from '../data/cells.ts';
import {
  type ColumnOptions,
  findTextColumns,
  firstOf,
  textColumns,
  wordColumns,
} from '../data/columns.ts';
import type { NamedExample } from '../data/example.ts';
import { rowReader } from '../data/rowReader.ts';
import { tasks } from '../tasks/index.ts';
import type { TaskName } from '../tasks/task.ts';
import type { InputEvent } from './events.ts';
import type { PredictInput } from './predictor.ts';

/** How a file of texts without labels is read. */
export type InputOptions = TableOptions & Pick<ColumnOptions, 'textColumn' | 'pairColumn'>;

/** A row with what the model takes of it. */
export interface InputRow extends Row {
  input: PredictInput;
}

/** A file whose rows a model can take. */
export interface InputTable extends Omit<Table, 'rows'> {
  rows(): AsyncGenerator<InputRow | RowProblem>;
}

/**
 * Opens a TSV, CSV, JSONL or CoNLL file, or a `.txt` file with one text a line, for a model of some
 * task. Its columns are found as for training; a model that tags words reads a column of words,
 * else one of texts.
 * @throws UsageError when the file cannot be read, or has no column of texts.
 */
export async function openInput(
  path: string,
  options: InputOptions,
  task?: TaskName,
): Promise<InputTable> {
  const isTagger = task === 'token-classification';
  const table = await openAnyTable(path, options, isTagger);
  if (table.format === 'conll' && !isTagger)
    throw new UsageError(`${table.name} holds tagged words: expected texts`);
  if (task === 'question-answering' || task === 'multiple-choice')
    return exampleTable(table, task, options);
  const read = inputReader(table, options, isTagger);
  return {
    ...table,
    async *rows() {
      for await (const item of table.rows()) {
        if (isRowProblem(item)) yield item;
        else {
          const input = read(item.values);
          yield 'reason' in input ? { line: item.line, ...input } : { ...item, ...input };
        }
      }
    },
  };
}

/** Columns of the questions in SQuAD's JSON, whose rows are articles. */
const squadColumns = ['id', 'title', 'question', 'context'];

/** Rows of questions or choices; an article of SQuAD's JSON becomes many rows. */
function exampleTable(
  table: Table,
  task: 'question-answering' | 'multiple-choice',
  options: InputOptions,
): InputTable {
  const { columns, name } = table;
  const titleAt = columns.indexOf('title');
  const isSquad = task === 'question-answering' && columns.includes('paragraphs');
  return {
    ...table,
    ...(isSquad && { columns: squadColumns, topColumns: undefined }),
    async *rows() {
      const known = { ...options, labelOptional: true };
      const reader = rowReader(columns, name, tasks[task], known, undefined);
      for await (const item of table.rows()) {
        const reads = isRowProblem(item) ? [item] : reader.read(item);
        for (const read of reads)
          yield isRowProblem(read) ? read : inputOf(read, item as Row, isSquad, titleAt);
      }
    },
  };
}

/** @param isSquad whether the row is an article, each question of which becomes a row */
function inputOf(
  { text, choices, question }: NamedExample,
  row: Row,
  isSquad: boolean,
  titleAt: number,
): InputRow {
  if (!question) return { ...row, input: { prompt: text, choices: choices! } };
  if (!isSquad) return { ...row, input: question };
  const values = [question.id, row.values[titleAt], question.question, question.context];
  return { line: row.line, values, input: question };
}

async function openAnyTable(
  path: string,
  { textColumn, format, encoding }: InputOptions,
  isTagger: boolean,
): Promise<Table> {
  const options = { format, encoding };
  if (format === undefined && extensionOf(path) === 'txt') {
    const file = await openTexts(path, options, textColumn !== undefined);
    if (!('columns' in file)) return tableOfLines(file);
  }
  const table = await openTable(path, options);
  // Tagged words have no header: then a TSV file is CoNLL.
  const known = textColumn === undefined ? [...wordColumns, ...textColumns] : [textColumn];
  const mayBeConll = isTagger && table.format === 'tsv' && !(await isReadOnce(path));
  return mayBeConll && firstOf(table.columns, known) < 0
    ? openTable(path, { ...options, format: 'conll' })
    : table;
}

/** One text a line; an empty line is an empty text. */
function tableOfLines(file: LineFile): Table {
  const { name, encoding } = file;
  return {
    ...{ name, encoding, format: 'tsv', columns: ['text'], duplicateColumns: [] },
    async *rows() {
      for await (const { text, line, isValid } of file.lines())
        yield isValid ? { values: [text], line } : { line, reason: invalidReason(file) };
    },
  };
}

type Read = { input: PredictInput } | { reason: string };

function inputReader(
  { columns, name }: Table,
  { textColumn, pairColumn }: InputOptions,
  isTagger: boolean,
): (values: readonly unknown[]) => Read {
  const words = isTagger ? columns[firstOf(columns, wordColumns)] : undefined;
  const chosen = { textColumn: textColumn ?? words, pairColumn };
  const { textIndex, pairIndex } = findTextColumns(columns, chosen, name);
  return (values) => {
    const value = values[textIndex];
    const read = isTagger && Array.isArray(value) ? readWords : readString;
    const text = read(value, columns[textIndex]);
    if (typeof text === 'string') return { reason: text };
    if (isTagger || pairIndex < 0) return { input: text.words ?? text.text };
    const pair = readString(values[pairIndex], columns[pairIndex]);
    return typeof pair === 'string' ? { reason: pair } : { input: [text.text, pair.text] };
  };
}

/** Reports how a file is read. */
export function reportTable(
  { name: path, encoding, duplicateColumns }: InputTable,
  report: (event: InputEvent) => void,
): void {
  if (encoding !== 'UTF-8') report({ event: 'encoding', path, encoding });
  if (duplicateColumns.length > 0)
    report({ event: 'duplicateColumns', path, columns: duplicateColumns });
}

/** Broken rows that are listed; the others are only counted. */
const MAX_PROBLEMS = 100;

/** Counts broken rows, and lists the first of them. */
export class SkippedRows {
  count = 0;
  readonly #first: RowProblem[] = [];

  add(problem: RowProblem): void {
    if (this.count++ < MAX_PROBLEMS) this.#first.push(problem);
  }

  report(path: string, report: (event: InputEvent) => void): void {
    if (this.count > 0)
      report({ event: 'skippedRows', path, problems: this.#first, count: this.count });
  }

  /** The error of a table that has no usable row. */
  noRows(name: string): UsageError {
    if (this.count === 0) return new UsageError(`${name} has no rows: expected at least one`);
    const [{ line, reason }] = this.#first;
    return new UsageError(
      `${name} has no usable rows: all ${this.count} are broken, ` +
        `the first on line ${line}: ${reason}`,
    );
  }
}
