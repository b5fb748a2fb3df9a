import { type DataFormat, formatOf } from '../../formats/tables/format.ts';
import { isRowProblem } from '../../formats/tables/table.ts';
import { checkKeys } from '../../platform/usage.ts';
import { filesOf, namesOfFiles } from '../data/severalFiles.ts';
import type { TaskName } from '../tasks/task.ts';
import { AbstentionCounter } from './abstentions.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import {
  type InputOptions,
  type InputRow,
  type InputTable,
  reportTable,
  SkippedRows,
} from './inputTable.ts';
import { openInputs } from './inputTables.ts';
import { checkOutFile, writeOutFile } from './outFile.ts';
import { predictionWriter } from './predictionWriter.ts';
import { openPredictor } from './predictor.ts';
import { type PredictorOptions, predictorOptions } from './predictorOptions.ts';
import { windows } from './windows.ts';

/** Options of `predictFile`. */
export interface PredictFileOptions extends PredictorOptions, InputOptions {
  /**
   * TSV, CSV, JSON, JSONL, Parquet or CoNLL file, or a `.txt` file with one text a line; or
   * several of the same columns, whose rows follow each other.
   */
  input: string | readonly string[];
  /**
   * File to write, or a function that takes its text piece by piece and may return a promise to
   * wait for. A file appears when it is whole; one that ends in `.gz` is
   * compressed.
   */
  out: string | ((text: string) => void | Promise<void>);
  /**
   * Format of what is written. Default: by the ending of `out`, else that of the input (JSONL for
   * Parquet).
   */
  outFormat?: DataFormat;
}

/** Names of `PredictFileOptions`. */
export const predictFileOptions = [
  ...predictorOptions,
  ...['input', 'out', 'outFormat', 'textColumn', 'pairColumn', 'format', 'encoding'],
];

/** What `predictFile` reports. */
export type PredictFileEvent =
  | InputEvent
  /** After each few batches: rows written so far, and the line reached, counted over all files. */
  | { event: 'progress'; rows: number; line: number };

/** What `predictFile` resolves with. */
export interface PredictFileResult {
  task: TaskName;
  /** Rows written. */
  rows: number;
  /** Broken rows that were left out. */
  skipped: number;
}

/**
 * Labels or scores the texts of files, or tags their words, with a trained model on the default
 * device. What is written is the same table, with columns for what is predicted:
 *
 * - `label` (empty, in JSON null, if its probability is below `abstainBelow`) and `score` (its
 *   probability), with `topK` also `label_2`, `score_2` and so on; in JSON
 *   Lines `scores` has the probability of every label, and `top` the `topK` most probable ones;
 * - `labels` and `score_LABEL` for each label of a model that gives several (JSON Lines: `scores`);
 * - `score` of a regression;
 * - `words` with their tags and, if these mark entities, `entities`. As CoNLL: the tag is
 *   the last column.
 *
 * If the table (in JSON: or a row) has a column of that name, all of these begin with `predicted_`.
 * Rows are read, predicted and written a few batches at a time, so files may be larger than memory.
 * Broken rows are left out and reported.
 * @throws UsageError if model, file or an option cannot be used; NotFiniteError if outputs are not
 * finite; the reason of `signal` if it is aborted. Then no file is written.
 * @example
 * await predictFile({ model: 'out/model', input: 'reviews.csv', out: 'labelled.csv' });
 */
export async function predictFile(
  options: PredictFileOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<PredictFileEvent> = {},
): Promise<PredictFileResult> {
  checkKeys(options, predictFileOptions, 'option of predictFile');
  const { out } = options;
  const files = filesOf(options.input);
  if (typeof out === 'string') {
    if (options.outFormat === undefined) formatOf(out);
    await checkOutFile(out, files);
  }
  const predictor = await openPredictor(options, report);
  const tables = await openInputs(files, options, predictor.task);
  for (const table of tables) reportTable(table, report);
  const [table] = tables;
  const own = table.format === 'parquet' ? 'jsonl' : table.format;
  const format = options.outFormat ?? (typeof out === 'string' ? formatOf(out) : own);
  const { task, labels } = predictor;
  const writer = predictionWriter(format, tables, { task, labels, topK: options.topK });
  const unseen = predictor.unseenCounter();
  const abstentions = new AbstentionCounter(options.abstainBelow);
  const skipped = tables.map(() => new SkippedRows());
  let rows = 0;
  async function* pieces(): AsyncGenerator<string> {
    yield writer.begin;
    for await (const window of windows(
      usableRows(tables, skipped),
      predictor.batchSize,
      lengthOfRow,
    )) {
      const examples = predictor.encode(
        window.map((row) => row.input),
        unseen,
      );
      const result = await predictor.predict(examples, signal);
      abstentions.add(result);
      yield writer.write(window, result);
      rows += window.length;
      report({ event: 'progress', rows, line: window.at(-1)!.line });
    }
    yield writer.end;
  }
  if (typeof out === 'string') await writeOutFile(out, encoded(pieces()));
  else for await (const text of pieces()) await out(text);
  for (const [i, { name }] of tables.entries()) skipped[i].report(name, report);
  const path = tables.length > 1 ? namesOfFiles(files) : table.name;
  unseen.report(path, report);
  abstentions.report(report);
  if (writer.flattened) report({ event: 'flattenedCells', cells: writer.flattened });
  if (writer.lateKeys?.size) report({ event: 'lateKeys', path, keys: [...writer.lateKeys] });
  return { task, rows, skipped: skipped.reduce((sum, { count }) => sum + count, 0) };
}

/**
 * The rows of tables that can be used; lines are counted over all of them.
 * @throws UsageError if a table has none.
 */
async function* usableRows(
  tables: readonly InputTable[],
  skipped: readonly SkippedRows[],
): AsyncGenerator<InputRow> {
  let before = 0;
  for (const [i, table] of tables.entries()) {
    let [rows, last] = [0, 0];
    for await (const item of table.rows()) {
      last = item.line;
      if (isRowProblem(item)) skipped[i].add(item);
      else {
        rows++;
        yield { ...item, line: before + item.line };
      }
    }
    if (rows === 0) throw skipped[i].noRows(table.name);
    before += last;
  }
}

const lengthOfRow = ({ values }: InputRow): number =>
  values.reduce<number>((sum, value) => sum + lengthOf(value), 0);

const lengthOf = (value: unknown): number =>
  typeof value === 'string' ? value.length : Array.isArray(value) ? 8 * value.length : 8;

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const text of texts) yield encoder.encode(text);
}
