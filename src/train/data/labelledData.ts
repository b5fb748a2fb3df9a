import { type DataFormat, formatOf } from '../../formats/tables/format.ts';
import type { Row, RowProblem, WordColumns } from '../../formats/tables/rows.ts';
import {
  isRowProblem,
  openTable,
  openTableInMemory,
  type Table,
  type TableOptions,
} from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';
import { tasks } from '../tasks/index.ts';
import { cleanLabel, distinctLabels, labelFinder } from '../tasks/labelNames.ts';
import type { Label, RawLabel, Task, TaskName } from '../tasks/task.ts';
import { readIndicators, readLabel, readString, readWords, type TextCell } from './cells.ts';
import {
  type ColumnOptions,
  findLabelColumn,
  findTextColumns,
  requestedColumn,
} from './columns.ts';

/** One text, pair of texts, or sentence of words, with its label. */
export interface Example {
  text: string;
  pair?: string;
  /** The words that tags belong to; `text` is these words joined by blanks. */
  words?: string[];
  /**
   * By task: the id of the label (its index in the label set); a 1 or 0 for each label of the set;
   * a score; the id of each word's tag. Undefined for data without labels.
   */
  label: Label | undefined;
  /** The physical line of the file that the example begins on, counted from 1. */
  line: number;
}

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

export interface DataOptions extends ColumnOptions, TableOptions {
  /** The kind of label. Default: `multi-label` with `labelColumns`, else `classification`. */
  task?: TaskName;
  /** Separates several labels in one text. Default: a comma. */
  labelSeparator?: string;
  /** The label set, in the order of its ids. Default: the labels of the file, sorted. */
  labels?: readonly string[];
  /**
   * Whether rows, or the whole file, may lack labels, as data to predict on does. Default false.
   */
  labelOptional?: boolean;
}

/**
 * Reads examples from a TSV, CSV, JSONL or CoNLL file. Rows that are broken or lack a label are
 * skipped and listed in `problems`; an empty text is kept. Labels are the same label when they
 * differ by blanks around them, by composed or decomposed characters, or as 1 and 1.0.
 * @throws UsageError when the file cannot be read, a column is missing, a label is not in the given
 * set, or no row is usable.
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
  const format = resolveFormat(task, options.format ?? formatOf(name), name, options);
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

/** An example whose label is still as in the file. */
type NamedExample = Omit<Example, 'label'> & { rawLabel?: RawLabel };

/** The first half of `readData`; `options.labels` only says which names are no missing values. */
export async function readExamples(path: string, options: DataOptions): Promise<NamedExamples> {
  const task = taskOfOptions(options);
  const format = resolveFormat(task, options.format ?? formatOf(path), path, options);
  const table = await openTable(path, { ...options, format });
  return collect(table, task, options);
}

/** The task that options ask for. */
function taskOfOptions({ task, labelColumns }: DataOptions): Task {
  const name = task ?? (labelColumns ? 'multi-label' : 'classification');
  if (labelColumns && name !== 'multi-label')
    throw new UsageError(
      `\`labelColumns\`: expected \`task: 'multi-label'\`, which has a column of 0 and 1 for each ` +
        `label, got ${name}`,
    );
  return tasks[name];
}

async function collect(table: Table, task: Task, options: DataOptions): Promise<NamedExamples> {
  const { name, columns, duplicateColumns, encoding, wordColumns } = table;
  const problems: RowProblem[] = [];
  const examples: NamedExample[] = [];
  let readExample: ((row: Row) => NamedExample | string) | undefined;
  for await (const item of table.rows()) {
    if (isRowProblem(item)) {
      problems.push(item);
      continue;
    }
    readExample ??= exampleReader(columns, name, task, options);
    const example = readExample(item);
    if (typeof example === 'string') problems.push({ line: item.line, reason: example });
    else examples.push(example);
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

/** A reader of rows; a string is the reason why a row cannot be used. */
function exampleReader(
  columns: readonly string[],
  name: string,
  task: Task,
  options: DataOptions,
): (row: Row) => NamedExample | string {
  const { textIndex, pairIndex } = findTextColumns(columns, options, name, task.perToken);
  const readRowLabel = labelReader(columns, name, task, options);
  const readText = task.perToken ? readWords : readString;
  return ({ values, line }) => {
    const text = readText(values[textIndex], columns[textIndex]);
    if (typeof text === 'string') return text;
    const pair = pairIndex < 0 ? undefined : readString(values[pairIndex], columns[pairIndex]);
    if (typeof pair === 'string') return pair;
    const rawLabel = readRowLabel(values);
    if (typeof rawLabel === 'string') return rawLabel;
    return (
      tagCountProblem(text, rawLabel) ?? {
        ...text,
        ...(pair && { pair: pair.text }),
        rawLabel,
        line,
      }
    );
  };
}

/** A reader of the label in a row, which is in one column, or as 0 or 1 in several. */
function labelReader(
  columns: readonly string[],
  name: string,
  task: Task,
  options: DataOptions,
): (values: readonly unknown[]) => RawLabel | string | undefined {
  if (options.labelColumns) {
    const indices = options.labelColumns.map((column) =>
      requestedColumn(columns, column, 'label', name),
    );
    return (values) =>
      readIndicators(
        indices.map((index) => ({ name: columns[index], value: values[index] })),
        options,
      );
  }
  const hint = options.labels ? '' : ', choose another kind of label (`task`)';
  const index = findLabelColumn(columns, options, name, task, hint);
  return (values) =>
    index < 0 ? undefined : readLabel(values[index], columns[index], task, options);
}

function tagCountProblem({ words }: TextCell, rawLabel: RawLabel | undefined): string | undefined {
  if (!words || !Array.isArray(rawLabel) || rawLabel.length === words.length) return undefined;
  return `${rawLabel.length} tags for ${words.length} words`;
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
        `${name}, line ${example.line}: label ${formatValue(label)} is not one of ` +
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
  { labels }: DataOptions,
): DataFormat {
  if (task.perToken && format === 'csv')
    throw new UsageError(
      `${name} is CSV: tagged words are read from CoNLL files (a word and its tag a line) or JSONL`,
    );
  if (!task.perToken && format === 'conll') {
    const hint = labels ? '' : ": set `task: 'token-classification'`";
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
