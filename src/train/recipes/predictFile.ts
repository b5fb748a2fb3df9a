import type { DataFormat } from '../../formats/tables/format.ts';
import { formatOf } from '../../formats/tables/format.ts';
import type { RowProblem } from '../../formats/tables/rows.ts';
import { isRowProblem } from '../../formats/tables/table.ts';
import { rowWriter } from '../../formats/tables/write.ts';
import { UsageError } from '../../platform/errors.ts';
import { areEntityTags } from '../metrics/entities.ts';
import type { TaskName } from '../tasks/task.ts';
import type { InputEventOf, RecipeCallbacks } from './events.ts';
import { checkOutFile, writeOutFile } from './outFile.ts';
import { type InputOptions, type InputRow, type InputTable, openInput } from './predictInput.ts';
import { predictionColumns } from './predictionColumns.ts';
import {
  openPredictor,
  type Predictor,
  type PredictorOptions,
  type PredictResult,
} from './predictor.ts';

export interface PredictFileOptions extends PredictorOptions, InputOptions {
  /**
   * File to write, or a function that takes its text piece by piece and may return a promise to
   * wait for. A file appears when it is whole.
   */
  out: string | ((text: string) => void | Promise<void>);
  /** Format of what is written. Default: by the ending of `out`, else that of the input. */
  outFormat?: DataFormat;
}

export type PredictFileEvent =
  | InputEventOf<'skippedRows' | 'weights' | 'download' | 'flattenedCells'>
  /** After each few batches: rows written so far, and the line of the input reached. */
  | { event: 'progress'; rows: number; line: number };

export interface PredictFileResult {
  task: TaskName;
  /** Rows written. */
  rows: number;
  /** Broken rows that were left out. */
  skipped: number;
}

/** Rows that are sorted by length together, in batches, and the most characters they may have. */
const BATCHES_PER_WINDOW = 16;
const WINDOW_CHARACTERS = 2 ** 22;

/** Broken rows that are listed; the others are only counted. */
const MAX_PROBLEMS = 100;

/**
 * Labels or scores the texts of a file, or tags their words, with a trained model on the default
 * device. What is written is the same table, with columns for what is predicted:
 *
 * - `label` and `score` (its probability), with `topK` also `label_2`, `score_2` and so on; in JSON
 *   Lines `scores` has the probability of every label, and `top` the `topK` most probable ones;
 * - `labels` and `score_LABEL` for each label of a model that gives several (JSON Lines: `scores`);
 * - `score` of a regression;
 * - `words` with their tags and, if these mark entities, `entities`. As CoNLL: words and tags alone.
 *
 * If the table has a column of that name, all of these begin with `predicted_`. Rows are read,
 * predicted and written a few batches at a time, so files may be larger than memory. Broken rows are
 * left out and reported.
 * @throws UsageError if model, file or an option cannot be used; NotFiniteError if outputs are not
 * finite; the reason of `signal` if it is aborted. Then no file is written.
 * @example
 * await predictFile({ model: 'out/model', input: 'reviews.csv', out: 'labelled.csv' });
 */
export async function predictFile(
  options: PredictFileOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<PredictFileEvent> = {},
): Promise<PredictFileResult> {
  const { input, out } = options;
  if (typeof out === 'string') {
    if (out === input)
      throw new UsageError(`\`out\`: expected another file than \`input\`, got ${out}`);
    if (options.outFormat === undefined) formatOf(out);
    await checkOutFile(out);
  }
  const predictor = await openPredictor(options, report);
  const table = await openInput(options, predictor);
  const format = options.outFormat ?? (typeof out === 'string' ? formatOf(out) : table.format);
  const writer = predictionWriter(format, table, predictor, options);
  const counts = { rows: 0, skipped: 0 };
  const problems: RowProblem[] = [];
  const skip = (problem: RowProblem) => {
    if (counts.skipped++ < MAX_PROBLEMS) problems.push(problem);
  };
  async function* pieces(): AsyncGenerator<string> {
    yield writer.header;
    for await (const rows of windows(table, predictor.batchSize, skip)) {
      const examples = predictor.encode(rows.map((row) => row.input));
      yield writer.write(rows, await predictor.predict(examples, signal));
      counts.rows += rows.length;
      report({ event: 'progress', rows: counts.rows, line: rows.at(-1)!.line });
    }
    if (counts.rows === 0) throw noRows(table.name, problems);
  }
  if (typeof out === 'string') await writeOutFile(out, encoded(pieces()));
  else for await (const text of pieces()) await out(text);
  if (counts.skipped > 0)
    report({ event: 'skippedRows', path: table.name, problems, count: counts.skipped });
  if (writer.flattened > 0) report({ event: 'flattenedCells', cells: writer.flattened });
  return { task: predictor.task, ...counts };
}

/** The rows of a table in parts, each for a few batches. */
async function* windows(
  table: InputTable,
  batchSize: number,
  skip: (problem: RowProblem) => void,
): AsyncGenerator<InputRow[]> {
  let rows: InputRow[] = [];
  let characters = 0;
  for await (const item of table.rows()) {
    if (isRowProblem(item)) {
      skip(item);
      continue;
    }
    rows.push(item);
    characters += item.values.reduce<number>((sum, value) => sum + lengthOf(value), 0);
    if (rows.length < batchSize * BATCHES_PER_WINDOW && characters < WINDOW_CHARACTERS) continue;
    yield rows;
    rows = [];
    characters = 0;
  }
  if (rows.length > 0) yield rows;
}

const lengthOf = (value: unknown): number =>
  typeof value === 'string' ? value.length : Array.isArray(value) ? 8 * value.length : 8;

function noRows(name: string, problems: readonly RowProblem[]): UsageError {
  if (problems.length === 0) return new UsageError(`${name} has no rows: expected at least one`);
  const [{ line, reason }] = problems;
  return new UsageError(
    `${name} has no usable rows: all are broken, the first on line ${line}: ${reason}`,
  );
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const text of texts) yield encoder.encode(text);
}

interface PredictionWriter {
  header: string;
  write(rows: readonly InputRow[], result: PredictResult): string;
  readonly flattened: number;
}

function predictionWriter(
  format: DataFormat,
  { columns, name }: InputTable,
  { task, labels }: Predictor,
  { topK }: PredictFileOptions,
): PredictionWriter {
  if (format === 'conll') {
    if (task === 'token-classification') return conllWriter(labels);
    throw new UsageError(
      `\`out\`: expected TSV, CSV or JSONL, since the model is for ${task} of texts, got CoNLL`,
    );
  }
  const added = predictionColumns(task, format, labels, topK, columns);
  const writer = rowWriter(format, [...columns, ...added.names]);
  if (new Set(columns).size < columns.length && format === 'jsonl')
    throw new UsageError(`${name} has two columns of one name, which JSONL cannot hold`);
  return {
    header: writer.header,
    write(rows, result) {
      const values = added.values(result);
      return rows.map((row, i) => writer.row([...row.values, ...values[i]])).join('');
    },
    get flattened() {
      return writer.flattened;
    },
  };
}

/** A word and its tag a line; a given word that the model did not see is outside all entities. */
function conllWriter(labels: readonly string[]): PredictionWriter {
  const unseen = areEntityTags(labels) ? 'O' : '_';
  const line = (word: string, tag: string) => `${word}\t${tag}\n`;
  return {
    header: '',
    write(rows, result) {
      if (result.task !== 'token-classification') return '';
      const sentences = result.predictions.map(({ words }, i) => {
        const { input } = rows[i];
        if (typeof input === 'string') return words.map(({ word, entity }) => line(word, entity));
        const tags = new Map(words.map(({ start, entity }) => [start, entity]));
        let start = 0;
        return input.map((word) => {
          const tag = tags.get(start) ?? unseen;
          start += word.length + 1;
          return line(word, tag);
        });
      });
      return sentences.map((lines) => `${lines.join('')}\n`).join('');
    },
    flattened: 0,
  };
}
