import {
  type DataFormat,
  formatOf,
  type Row,
  type RowProblem,
  readRows,
} from '../../formats/tables/rows.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { readBytes } from '../../platform/readFiles.ts';
import { tasks } from '../tasks/index.ts';
import type { Label, RawLabel, Task, TaskName } from '../tasks/task.ts';

/** One text, pair of texts, or sentence of words, with its label. */
export interface Example {
  text: string;
  pair?: string;
  /** The words that tags belong to; `text` has blanks between them. */
  words?: string[];
  /**
   * By task: the label's id (its place in the label set); a 1 or 0 for each label of the set; a score; the id of each
   * word's tag. Undefined where the data is not labelled.
   */
  label: Label | undefined;
  /** The physical line of the file it begins on, from 1. */
  line: number;
}

export interface LabelledData {
  examples: Example[];
  /** The label set: a label's id is its place here. Empty for scores. */
  labels: string[];
  /** Rows that were skipped, in file order. */
  problems: RowProblem[];
}

export interface DataOptions {
  /** What the labels are for. Default: `classification`. */
  task?: TaskName;
  /** Default: by the extension of the file; for tags, `txt` and `tsv` are `conll`. */
  format?: DataFormat;
  /**
   * Default: the first of `text`, `document`, `sentence`, `sentence1`, `review`, `content` that there is; for tags
   * `tokens` or `words`.
   */
  textColumn?: string;
  /** Default: none when `textColumn` is given, else the first of `sentence2`, `text_pair`, `pair` if there is one. */
  pairColumn?: string;
  /** Default: the first that there is of the task's `labelColumns`, such as `label`, `labels`, `score` or `tags`. */
  labelColumn?: string;
  /** What stands between several labels in one text. Default: a comma. */
  labelSeparator?: string;
  /** The label set, in the order of its ids. Default: the labels of the file, sorted. */
  labels?: readonly string[];
  /** Whether rows, or the whole file, may lack a label, as data to predict on does. Default false. */
  labelOptional?: boolean;
}

const textColumns = ['text', 'document', 'sentence', 'sentence1', 'review', 'content'];
const wordColumns = ['tokens', 'words'];
const pairColumns = ['sentence2', 'text_pair', 'pair'];

/**
 * Reads examples from a TSV, CSV, JSONL or CoNLL file. Rows that are broken or lack a label are skipped and listed in
 * `problems`; an empty text is kept.
 * @throws UsageError when the file cannot be read, a column is missing, a label is not in the given set, or no row is usable.
 */
export async function readData(path: string, options: DataOptions = {}): Promise<LabelledData> {
  return parseData(await readBytes(path), path, options);
}

/** `readData` for bytes at hand; `name` stands for them in messages and tells the format. */
export async function parseData(
  bytes: Uint8Array,
  name: string,
  options: DataOptions = {},
): Promise<LabelledData> {
  const task = tasks[options.task ?? 'classification'];
  const { columns, rows, problems } = await readRows(
    bytes,
    resolveFormat(task, options.format ?? formatOf(name), name),
    name,
  );
  if (rows.length === 0) throw noUsableRows(name, problems);

  const { textIndex, pairIndex } = findTextColumns(columns, options, name, task.perToken);
  const labelIndex = findColumn(columns, options.labelColumn, task.labelColumns, 'label', name);
  if (labelIndex < 0 && !options.labelOptional)
    throw missingColumn('label', task.labelColumns, columns, name);

  const readText = task.perToken ? readWords : readString;
  /** An example but for its label's ids; a text says why the row cannot be used. */
  const readExample = ({
    values,
    line,
  }: Row): (Omit<Example, 'label'> & { rawLabel?: RawLabel }) | string => {
    const text = readText(values[textIndex], columns[textIndex]);
    if (typeof text === 'string') return text;
    const pair = pairIndex < 0 ? undefined : readString(values[pairIndex], columns[pairIndex]);
    if (typeof pair === 'string') return pair;
    const rawLabel =
      labelIndex < 0
        ? undefined
        : readLabel(values[labelIndex], columns[labelIndex], task, options);
    if (typeof rawLabel === 'string') return rawLabel;
    if (text.words && Array.isArray(rawLabel) && rawLabel.length !== text.words.length)
      return `${rawLabel.length} tags for ${text.words.length} words`;
    return { ...text, ...(pair && { pair: pair.text }), rawLabel, line };
  };
  const usable: Exclude<ReturnType<typeof readExample>, string>[] = [];
  for (const row of rows) {
    const example = readExample(row);
    if (typeof example === 'string') problems.push({ line: row.line, reason: example });
    else usable.push(example);
  }
  problems.sort((a, b) => a.line - b.line);
  if (usable.length === 0) throw noUsableRows(name, problems);

  const names = usable.flatMap(({ rawLabel }) => (Array.isArray(rawLabel) ? rawLabel : []));
  const labels = options.labels ? [...options.labels] : sortedLabels(names);
  const ids = new Map(labels.map((label, id) => [label, id]));
  const examples = usable.map(({ rawLabel, ...example }): Example => {
    const unknown = Array.isArray(rawLabel) ? rawLabel.find((label) => !ids.has(label)) : undefined;
    if (unknown !== undefined)
      throw new UsageError(
        `${name}, line ${example.line}: label ${JSON.stringify(unknown)} is not one of ${labels.map((known) => JSON.stringify(known)).join(', ')}`,
      );
    return { ...example, label: rawLabel === undefined ? undefined : task.encode(rawLabel, ids) };
  });
  return { examples, labels, problems };
}

/** Tables of tags have no header, so they are CoNLL files whatever their extension. */
function resolveFormat(task: Task, format: DataFormat, name: string): DataFormat {
  if (task.perToken && format === 'csv')
    throw new UsageError(
      `${name} is CSV: tagged words are read from CoNLL files (a word and its tag a line) or JSONL`,
    );
  if (!task.perToken && format === 'conll')
    throw new UsageError(
      `${name} holds tagged words, which are for token-classification, not ${task.name} (--task)`,
    );
  return task.perToken && format === 'tsv' ? 'conll' : format;
}

/**
 * Where the text stands, and its pair (-1: nowhere).
 * @throws UsageError when a column that was named, or any for the text, is not there.
 */
export function findTextColumns(
  columns: string[],
  { textColumn, pairColumn }: Pick<DataOptions, 'textColumn' | 'pairColumn'>,
  name: string,
  perToken = false,
): { textIndex: number; pairIndex: number } {
  const candidates = perToken ? wordColumns : textColumns;
  const textIndex = findColumn(columns, textColumn, candidates, 'text', name);
  if (textIndex < 0) throw missingColumn('text', candidates, columns, name);
  const pairCandidates = textColumn === undefined && !perToken ? pairColumns : [];
  return { textIndex, pairIndex: findColumn(columns, pairColumn, pairCandidates, 'pair', name) };
}

/** Where a column stands: the one asked for, else the first of the guesses that there is, else -1. */
function findColumn(
  columns: string[],
  requested: string | undefined,
  candidates: readonly string[],
  role: string,
  name: string,
): number {
  if (requested === undefined) {
    const guess = candidates.find((column) => columns.includes(column));
    return guess === undefined ? -1 : columns.indexOf(guess);
  }
  const at = columns.indexOf(requested);
  if (at < 0)
    throw new UsageError(
      `${name} has no column ${JSON.stringify(requested)} for the ${role}: its columns are ${formatColumns(columns)}`,
    );
  return at;
}

function missingColumn(
  role: string,
  candidates: readonly string[],
  columns: string[],
  name: string,
): UsageError {
  const otherTask = role === 'label' ? ', or another kind of label (--task)' : '';
  return new UsageError(
    `${name} has no ${role} column (${candidates.join(', ')}): its columns are ${formatColumns(columns)}; name the one to use (--${role}-column)${otherTask}, or, if these are no names, put a line with the names above`,
  );
}

/** Names of columns; where there is no header, they may be a long text. */
function formatColumns(columns: string[]): string {
  const names = columns.join(', ');
  return names.length > 80 ? `${names.slice(0, 80)}…` : names;
}

function noUsableRows(name: string, problems: RowProblem[]): UsageError {
  if (problems.length === 0) return new UsageError(`${name} has no rows: expected at least one`);
  const { line, reason } = problems[0];
  return new UsageError(
    `${name} has no usable rows: all ${problems.length} are broken, the first on line ${line}: ${reason}`,
  );
}

/** The text in a cell; a string says what is wrong with it. */
export function readString(
  value: unknown,
  column: string,
): { text: string; words?: string[] } | string {
  if (typeof value === 'string') return { text: value };
  return isEmpty(value) ? `no ${column}` : `${column} is not a string`;
}

function readWords(value: unknown, column: string): { text: string; words?: string[] } | string {
  if (isEmpty(value)) return `no ${column}`;
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    !value.every((word) => typeof word === 'string')
  )
    return `${column} is not an array of words`;
  return { text: value.join(' '), words: value };
}

function readLabel(
  value: unknown,
  column: string,
  task: Task,
  { labelOptional, labelSeparator = ',' }: DataOptions,
): RawLabel | string | undefined {
  const rawLabel = task.parse(value, labelSeparator);
  if (typeof rawLabel !== 'string') return rawLabel;
  if (!isEmpty(value) && (typeof value !== 'string' || value.trim() !== ''))
    return `${column} is ${formatValue(value)}; expected ${rawLabel}`;
  return labelOptional ? undefined : `no label in column ${column}`;
}

const isEmpty = (value: unknown): boolean => value === undefined || value === null;

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
