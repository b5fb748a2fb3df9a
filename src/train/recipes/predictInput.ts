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
import { STANDARD_INPUT } from '../../platform/byteSource.ts';
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

async function openAnyTable(
  { input: path, textColumn, format, encoding }: InputOptions,
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
  const mayBeConll = isTagger && table.format === 'tsv' && path !== STANDARD_INPUT;
  return mayBeConll && !known.some((name) => table.columns.includes(name))
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
