import { isTable } from '../../formats/tables/format.ts';
import { openLines } from '../../formats/tables/lines.ts';
import type { Row, RowProblem } from '../../formats/tables/rows.ts';
import {
  isRowProblem,
  openTable,
  type Table,
  type TableOptions,
} from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import { readString, readWords } from '../data/cells.ts';
import { type ColumnOptions, findTextColumns, textColumns, wordColumns } from '../data/columns.ts';
import type { PredictInput, Predictor } from './predictor.ts';

/** A file of texts without labels. */
export interface InputOptions
  extends TableOptions,
    Pick<ColumnOptions, 'textColumn' | 'pairColumn'> {
  /** TSV, CSV, JSONL or CoNLL file, or a `.txt` file with one text a line. */
  input: string;
}

/** A row with what the model takes of it. */
export interface InputRow extends Row {
  input: PredictInput;
}

/** A file whose rows can be predicted on. */
export interface InputTable extends Omit<Table, 'rows'> {
  rows(): AsyncGenerator<InputRow | RowProblem>;
}

/**
 * Opens a file to predict on. Its columns are found as for training; a model that tags words reads
 * a column of words, else one of texts.
 * @throws UsageError when the file cannot be read, or has no column of texts.
 */
export async function openInput(options: InputOptions, { task }: Predictor): Promise<InputTable> {
  const isTagger = task === 'token-classification';
  const table = await openAnyTable(options, isTagger);
  if (table.format === 'conll' && !isTagger)
    throw new UsageError(`${table.name} holds tagged words, but the model is for ${task} of texts`);
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

async function openAnyTable(options: InputOptions, isTagger: boolean): Promise<Table> {
  const { input: path, textColumn, pairColumn: _, input: __, ...how } = options;
  if (how.format === undefined && /\.txt$/i.test(path) && textColumn === undefined) {
    const lines = await openLines(path);
    if (!isTable(path, lines)) return tableOfLines(path, lines);
  }
  const table = await openTable(path, how);
  // Tagged words have no header: then a TSV file is CoNLL.
  const known = textColumn === undefined ? [...wordColumns, ...textColumns] : [textColumn];
  const isConll = table.format === 'tsv' && !known.some((name) => table.columns.includes(name));
  return isTagger && isConll ? openTable(path, { ...how, format: 'conll' }) : table;
}

/** One text a line; an empty line is an empty text. */
function tableOfLines(path: string, lines: Awaited<ReturnType<typeof openLines>>): Table {
  return {
    name: path,
    format: 'tsv',
    columns: ['text'],
    async *rows() {
      for (const { text, line } of lines()) yield { values: [text.replace(/\r$/, '')], line };
    },
  };
}

type Read = { input: PredictInput } | { reason: string };

function inputReader(
  { columns, name }: Table,
  { textColumn, pairColumn }: InputOptions,
  isTagger: boolean,
): (values: readonly unknown[]) => Read {
  const words = isTagger ? wordColumns.find((column) => columns.includes(column)) : undefined;
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
