import type { DataFormat } from '../../formats/tables/format.ts';
import type { RowProblem, WordColumns } from '../../formats/tables/rows.ts';
import {
  formatOfBytes,
  formatOfFile,
  isRowProblem,
  openTable,
  openTableInMemory,
  type Table,
} from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';
import { tasks } from '../tasks/index.ts';
import { cleanLabel, distinctLabels, labelFinder } from '../tasks/labelNames.ts';
import type { RawLabel, Task } from '../tasks/task.ts';
import { hasWordsOnly } from './columns.ts';
import { type DataOptions, type Example, isTaskFree, type NamedExample } from './example.ts';
import { type RowReader, rowReader } from './rowReader.ts';

export type { DataOptions, Example };

export interface LabelledData {
  examples: Example[];
  /** The label set: a label's id is its index here. Empty for scores. */
  labels: string[];
  /** Rows that were skipped, in file order. */
  problems: RowProblem[];
  /** Names that several columns have, if any: the first column of that name is read. */
  duplicateColumns?: readonly string[];
  /** The encoding that was read, if it is not UTF-8. */
  encoding?: string;
  /** CoNLL: the columns that were read, if others could be meant. */
  wordColumns?: WordColumns;
}

/**
 * Reads examples from a TSV, CSV, JSONL or CoNLL file. Rows that are broken or lack a label are
 * skipped and listed in `problems`; an empty text is kept. Labels are the same label when they
 * differ by blanks around them, by composed or decomposed characters, or as 1 and 1.0.
 * @throws UsageError when the file cannot be read, a column is missing, a label is not in the given
 * set, or no row is usable.
 * @example
 * const { examples, labels, problems } = await readData('reviews.tsv');
 * console.log(examples.length, labels, problems);
 */
export async function readData(path: string, options: DataOptions = {}): Promise<LabelledData> {
  return encodeLabels(await readExamples(path, options), options.labels);
}

/** `readData` for bytes in memory; `name` gives the format and names the data in messages. */
export async function parseData(
  bytes: Uint8Array,
  name: string,
  options: DataOptions = {},
): Promise<LabelledData> {
  const task = taskOfOptions(options);
  const format = resolveFormat(task, formatOfBytes(bytes, name, options.format), name, options);
  const table = await openTableInMemory(bytes, name, { ...options, format });
  return encodeLabels(await collect(table, task, options), options.labels);
}

/** Examples whose labels are still names, for a caller that chooses the label set by them. */
export interface NamedExamples extends Omit<LabelledData, 'examples'> {
  name: string;
  task: Task;
  examples: NamedExample[];
  /** Whether each label has a column: of a label without one, nothing is known. */
  hasLabelColumns: boolean;
}

/**
 * The first half of `readData`.
 * @param known names that are labels even if they look like missing values
 */
export async function readExamples(
  path: string,
  options: DataOptions,
  known: readonly string[] | undefined = options.labels,
): Promise<NamedExamples> {
  const task = taskOfOptions(options);
  const format = resolveFormat(task, await formatOfFile(path, options.format), path, options);
  const table = await openTable(path, { ...options, format });
  return collect(table, task, options, known);
}

/** A file whose examples are read one by one. */
export interface OpenedExamples {
  table: Table;
  task: Task;
  items(): AsyncGenerator<NamedExample | RowProblem>;
}

/**
 * Opens a file to read its examples one by one. Without a task, words with tags are noticed.
 * @throws UsageError as `readData`, but not for a file without usable rows.
 */
export async function openExamples(path: string, options: DataOptions): Promise<OpenedExamples> {
  const format = await formatOfFile(path, options.format);
  const isFree = options.task === undefined && options.labelColumns === undefined;
  let task = taskOfOptions(
    isFree && format === 'conll' ? { task: 'token-classification' } : options,
  );
  const table = await openTable(path, {
    ...options,
    format: resolveFormat(task, format, path, options),
  });
  if (isFree && !task.perToken && hasWordsOnly(table.columns)) task = tasks['token-classification'];
  return { table, task, items: () => examplesOf(table, task, { ...options, task: task.name }) };
}

/** The examples and broken rows of a table. */
async function* examplesOf(
  { name, columns, rows }: Table,
  task: Task,
  options: DataOptions,
  known: readonly string[] | undefined = options.labels,
): AsyncGenerator<NamedExample | RowProblem> {
  let reader: RowReader | undefined;
  const unsettled: NamedExample[] = [];
  for await (const item of rows()) {
    if (isRowProblem(item)) {
      yield item;
      continue;
    }
    reader ??= rowReader(columns, name, task, options, known);
    for (const read of reader.read(item)) {
      if (reader.finish && !isRowProblem(read)) unsettled.push(read);
      else yield read;
    }
  }
  if (!reader?.finish) return;
  const { examples, problems } = reader.finish(unsettled);
  yield* examples;
  yield* problems;
}

/** The task that options ask for. */
function taskOfOptions({ task, labelColumns }: DataOptions): Task {
  const name = task ?? (labelColumns ? 'multi-label' : 'classification');
  if (labelColumns && name !== 'multi-label')
    throw new UsageError(
      `\`labelColumns\`: expected \`task: 'multi-label'\`, since each label has a column of 0 ` +
        `and 1, got ${name}`,
    );
  if (!Object.hasOwn(tasks, name))
    throw new UsageError(
      `\`task\`: expected ${Object.keys(tasks).join(', ')}, got ${formatValue(name)}`,
    );
  return tasks[name];
}

async function collect(
  table: Table,
  task: Task,
  options: DataOptions,
  known: readonly string[] | undefined = options.labels,
): Promise<NamedExamples> {
  const { name, duplicateColumns, encoding, wordColumns } = table;
  const problems: RowProblem[] = [];
  const examples: NamedExample[] = [];
  for await (const item of examplesOf(table, task, options, known)) {
    if (isRowProblem(item)) problems.push(item);
    else examples.push(item);
  }
  if (examples.length === 0) throw noUsableRows(name, problems);
  const labels = options.labelColumns
    ? options.labelColumns.map(cleanLabel)
    : distinctLabels(labelNames(examples));
  const isChosen = options.textColumn !== undefined || options.labelColumn !== undefined;
  return {
    ...{ name, task, examples, labels, problems },
    hasLabelColumns: options.labelColumns !== undefined,
    ...(duplicateColumns.length > 0 && { duplicateColumns }),
    ...(encoding !== 'UTF-8' && { encoding }),
    ...(wordColumns && wordColumns.count > 2 && !isChosen && { wordColumns }),
  };
}

const namesOf = (rawLabel?: RawLabel): readonly string[] =>
  Array.isArray(rawLabel) ? rawLabel : [];

function* labelNames(examples: readonly NamedExample[]): Generator<string> {
  for (const { rawLabel } of examples) yield* namesOf(rawLabel);
}

/**
 * Turns labels into ids of the label set `given`, by default the labels of the file.
 * @throws UsageError naming the line of a label that is not in the set.
 */
export function encodeLabels(
  { name, task, examples, labels: own, hasLabelColumns, ...rest }: NamedExamples,
  given: readonly string[] = own,
): LabelledData {
  const labels = [...given];
  const find = labelFinder(labels);
  if (hasLabelColumns) checkLabelColumns(name, own, labels);
  const encoded = examples.map(({ rawLabel, ...example }): Example => {
    const idOf = (label: string): number => {
      const id = find(label);
      if (id !== undefined) return id;
      throw new UsageError(
        `${example.file ?? name}, line ${example.line}: ` +
          `label ${formatValue(label)} is not one of ` +
          formatNames(labels.map((each) => JSON.stringify(each))),
      );
    };
    return {
      ...example,
      label: rawLabel === undefined ? undefined : task.encode(rawLabel, idOf, labels.length),
    };
  });
  return { ...rest, examples: encoded, labels };
}

/** @throws UsageError unless each label of the set has a column, and each column is a label. */
function checkLabelColumns(
  name: string,
  columns: readonly string[],
  labels: readonly string[],
): void {
  const find = labelFinder(labels);
  const ids = columns.map(find);
  if (labels.every((_, id) => ids.includes(id)) && !ids.includes(undefined)) return;
  throw new UsageError(
    `${name}: \`labelColumns\`: expected a column for each of the labels ` +
      `${formatNames(labels)}, got ${formatNames(columns)}`,
  );
}

/** Files of tagged words have no header, so for tags a TSV file is read as CoNLL. */
function resolveFormat(
  task: Task,
  format: DataFormat,
  name: string,
  options: DataOptions,
): DataFormat {
  if (task.perToken && format === 'csv')
    throw new UsageError(
      `${name} is CSV: tagged words are read from CoNLL files (a word and its tag a line) or JSONL`,
    );
  if (!task.perToken && format === 'conll') {
    const hint = isTaskFree(options) ? ": set `task: 'token-classification'`" : '';
    throw new UsageError(
      `${name} holds tagged words, which are for token-classification, not ${task.name}${hint}`,
    );
  }
  return task.perToken && format === 'tsv' ? 'conll' : format;
}

function noUsableRows(name: string, problems: RowProblem[]): UsageError {
  if (problems.length === 0) return new UsageError(`${name} has no rows: expected at least one`);
  const { line, reason } = problems[0];
  return new UsageError(
    `${name} has no usable rows: all ${problems.length} are broken, ` +
      `the first on line ${line}: ${reason}`,
  );
}
