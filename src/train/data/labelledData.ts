import { type DataFormat, formatOf } from '../../formats/tables/format.ts';
import { readRows } from '../../formats/tables/read.ts';
import type { Row, RowProblem } from '../../formats/tables/rows.ts';
import { UsageError } from '../../platform/errors.ts';
import { readBytes } from '../../platform/readFiles.ts';
import { tasks } from '../tasks/index.ts';
import type { Label, RawLabel, Task, TaskName } from '../tasks/task.ts';
import { readLabel, readString, readWords, type TextCell } from './cells.ts';
import { type ColumnOptions, findLabelColumn, findTextColumns } from './columns.ts';

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
}

export interface DataOptions extends ColumnOptions {
  /** The kind of label. Default: `classification`. */
  task?: TaskName;
  /** Default: by the extension of the file; for tags, `txt` and `tsv` are `conll`. */
  format?: DataFormat;
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
 * skipped and listed in `problems`; an empty text is kept.
 * @throws UsageError when the file cannot be read, a column is missing, a label is not in the given
 * set, or no row is usable.
 */
export async function readData(path: string, options: DataOptions = {}): Promise<LabelledData> {
  return parseData(await readBytes(path), path, options);
}

/** `readData` for bytes in memory; `name` gives the format and names the data in messages. */
export async function parseData(
  bytes: Uint8Array,
  name: string,
  options: DataOptions = {},
): Promise<LabelledData> {
  const task = tasks[options.task ?? 'classification'];
  const format = resolveFormat(task, options.format ?? formatOf(name), name);
  const { columns, rows, problems } = await readRows(bytes, format, name);
  if (rows.length === 0) throw noUsableRows(name, problems);

  const readExample = exampleReader(columns, name, task, options);
  const usable: UnlabelledExample[] = [];
  for (const row of rows) {
    const example = readExample(row);
    if (typeof example === 'string') problems.push({ line: row.line, reason: example });
    else usable.push(example);
  }
  problems.sort((a, b) => a.line - b.line);
  if (usable.length === 0) throw noUsableRows(name, problems);
  return { ...encodeLabels(usable, name, task, options.labels), problems };
}

/** An example whose label is still as in the file. */
type UnlabelledExample = Omit<Example, 'label'> & { rawLabel?: RawLabel };

/** A reader of rows; a string is the reason why a row cannot be used. */
function exampleReader(
  columns: string[],
  name: string,
  task: Task,
  options: DataOptions,
): (row: Row) => UnlabelledExample | string {
  const { textIndex, pairIndex } = findTextColumns(columns, options, name, task.perToken);
  const labelIndex = findLabelColumn(columns, options, name, task);
  const readText = task.perToken ? readWords : readString;
  const readCell = <T>(
    values: unknown[],
    index: number,
    read: (value: unknown, column: string) => T,
  ): T | undefined => (index < 0 ? undefined : read(values[index], columns[index]));

  return ({ values, line }) => {
    const text = readText(values[textIndex], columns[textIndex]);
    if (typeof text === 'string') return text;
    const pair = readCell(values, pairIndex, readString);
    if (typeof pair === 'string') return pair;
    const rawLabel = readCell(values, labelIndex, (value, column) =>
      readLabel(value, column, task, options),
    );
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

function tagCountProblem({ words }: TextCell, rawLabel: RawLabel | undefined): string | undefined {
  if (!words || !Array.isArray(rawLabel) || rawLabel.length === words.length) return undefined;
  return `${rawLabel.length} tags for ${words.length} words`;
}

/** Finds the label set, unless it is given, and turns labels into ids. */
function encodeLabels(
  examples: readonly UnlabelledExample[],
  name: string,
  task: Task,
  given: readonly string[] | undefined,
): { examples: Example[]; labels: string[] } {
  const namesOf = (rawLabel?: RawLabel) => (Array.isArray(rawLabel) ? rawLabel : []);
  const labels = given
    ? [...given]
    : sortedLabels(examples.flatMap(({ rawLabel }) => namesOf(rawLabel)));
  const ids = new Map(labels.map((label, id) => [label, id]));
  const encoded = examples.map(({ rawLabel, ...example }): Example => {
    const unknown = namesOf(rawLabel).find((label) => !ids.has(label));
    if (unknown !== undefined)
      throw new UsageError(
        `${name}, line ${example.line}: label ${JSON.stringify(unknown)} is not one of ` +
          labels.map((label) => JSON.stringify(label)).join(', '),
      );
    return { ...example, label: rawLabel === undefined ? undefined : task.encode(rawLabel, ids) };
  });
  return { examples: encoded, labels };
}

/** Files of tagged words have no header, so for tags a TSV file is read as CoNLL. */
function resolveFormat(task: Task, format: DataFormat, name: string): DataFormat {
  if (task.perToken && format === 'csv')
    throw new UsageError(
      `${name} is CSV: tagged words are read from CoNLL files (a word and its tag a line) or JSONL`,
    );
  if (!task.perToken && format === 'conll')
    throw new UsageError(
      `${name} holds tagged words, which are for token-classification, not ${task.name}: ` +
        "set `task: 'token-classification'`",
    );
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

/** The distinct labels: by value when all are integers, else by code point. */
function sortedLabels(all: string[]): string[] {
  const labels = [...new Set(all)];
  const areIntegers = labels.every((label) => /^[+-]?\d+$/.test(label));
  return labels.sort((a, b) => (areIntegers ? Number(a) - Number(b) : 0) || byCodePoint(a, b));
}

/** JavaScript's `<` compares UTF-16 units, which puts the planes beyond the first before U+E000. */
function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  const at = left.findIndex((char, index) => char !== right[index]);
  if (at < 0) return left.length - right.length;
  return at < right.length ? left[at].codePointAt(0)! - right[at].codePointAt(0)! : 1;
}
