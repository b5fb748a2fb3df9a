import { UsageError } from '../platform/errors.ts';
import { readBytes } from '../platform/files.ts';
import { type DataFormat, formatOf, type Problem, type Row, readRows } from './readRows.ts';

/** One text, or pair of texts, with the id of its label (its place in the label set). */
export interface Example {
  text: string;
  pair?: string;
  /** Undefined where the data is not labelled. */
  label: number | undefined;
  /** The physical line of the file it begins on, from 1. */
  line: number;
}

export interface LabelledData {
  examples: Example[];
  /** The label set: a label's id is its place here. */
  labels: string[];
  /** Rows that were skipped, in file order. */
  problems: Problem[];
}

export interface DataOptions {
  /** Default: by the extension of the file. */
  format?: DataFormat;
  /** Default: the first of `text`, `document`, `sentence`, `sentence1`, `review`, `content` that there is. */
  textColumn?: string;
  /** Default: none when `textColumn` is given, else the first of `sentence2`, `text_pair`, `pair` if there is one. */
  pairColumn?: string;
  /** Default: the first of `label`, `gold_label`, `labels`, `class`, `category` that there is. */
  labelColumn?: string;
  /** The label set, in the order of its ids. Default: the labels of the file, sorted. */
  labels?: readonly string[];
  /** Whether rows, or the whole file, may lack a label, as data to predict on does. Default false. */
  labelOptional?: boolean;
}

const textColumns = ['text', 'document', 'sentence', 'sentence1', 'review', 'content'];
const pairColumns = ['sentence2', 'text_pair', 'pair'];
const labelColumns = ['label', 'gold_label', 'labels', 'class', 'category'];

/**
 * Reads examples from a TSV, CSV or JSONL file. Rows that are broken or lack a label are skipped and listed in
 * `problems`; an empty text is kept.
 * @throws UsageError when the file cannot be read, a column is missing, a label is not in the given set, or no row is usable.
 */
export async function readData(path: string, options: DataOptions = {}): Promise<LabelledData> {
  return parseData(await readBytes(path), path, options);
}

/** `readData` for bytes at hand; `name` stands for them in messages and tells the format. */
export async function parseData(bytes: Uint8Array, name: string, options: DataOptions = {}): Promise<LabelledData> {
  const { columns, rows, problems } = await readRows(bytes, options.format ?? formatOf(name), name);
  if (rows.length === 0) throw noUsableRows(name, problems);

  const textAt = findColumn(columns, options.textColumn, textColumns, 'text', name);
  if (textAt < 0) throw missingColumn('text', textColumns, columns, name);
  const pairGuesses = options.textColumn === undefined ? pairColumns : [];
  const pairAt = findColumn(columns, options.pairColumn, pairGuesses, 'pair', name);
  const labelAt = findColumn(columns, options.labelColumn, labelColumns, 'label', name);
  if (labelAt < 0 && !options.labelOptional) throw missingColumn('label', labelColumns, columns, name);

  const usable: { row: Row; label: string | undefined }[] = [];
  for (const row of rows) {
    const label = labelAt < 0 ? undefined : labelText(row.values[labelAt]);
    const reason =
      textProblem(row.values[textAt], columns[textAt]) ??
      (pairAt < 0 ? undefined : textProblem(row.values[pairAt], columns[pairAt])) ??
      (label === undefined && !options.labelOptional ? `no label in column ${columns[labelAt]}` : undefined);
    if (reason === undefined) usable.push({ row, label });
    else problems.push({ line: row.line, reason });
  }
  problems.sort((a, b) => a.line - b.line);
  if (usable.length === 0) throw noUsableRows(name, problems);

  const labels = options.labels ? [...options.labels] : labelSet(usable.map(({ label }) => label));
  const ids = new Map(labels.map((label, id) => [label, id]));
  const examples = usable.map(({ row, label }): Example => {
    const id = label === undefined ? undefined : ids.get(label);
    if (label !== undefined && id === undefined)
      throw new UsageError(
        `${name}, line ${row.line}: label ${JSON.stringify(label)} is not one of ${labels.map((known) => JSON.stringify(known)).join(', ')}`,
      );
    const text = row.values[textAt] as string;
    if (pairAt < 0) return { text, label: id, line: row.line };
    return { text, pair: row.values[pairAt] as string, label: id, line: row.line };
  });
  return { examples, labels, problems };
}

/** Where a column stands: the one asked for, else the first of the guesses that there is, else -1. */
function findColumn(columns: string[], asked: string | undefined, guesses: string[], role: string, name: string): number {
  if (asked === undefined) {
    const guess = guesses.find((column) => columns.includes(column));
    return guess === undefined ? -1 : columns.indexOf(guess);
  }
  const at = columns.indexOf(asked);
  if (at < 0)
    throw new UsageError(`${name} has no column ${JSON.stringify(asked)} for the ${role}: its columns are ${columns.join(', ')}`);
  return at;
}

function missingColumn(role: string, guesses: string[], columns: string[], name: string): UsageError {
  return new UsageError(
    `${name} has no ${role} column (${guesses.join(', ')}): its columns are ${columns.join(', ')}; name the one to use (--${role}-column)`,
  );
}

function noUsableRows(name: string, problems: Problem[]): UsageError {
  if (problems.length === 0) return new UsageError(`${name} has no rows: expected at least one`);
  const { line, reason } = problems[0];
  return new UsageError(`${name} has no usable rows: all ${problems.length} are broken, the first on line ${line}: ${reason}`);
}

/** A label as text; undefined where there is none. JSON numbers and booleans count by how they are written. */
function labelText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function textProblem(value: unknown, column: string): string | undefined {
  if (typeof value === 'string') return undefined;
  return value === undefined || value === null ? `no ${column}` : `${column} is not a string`;
}

/** The distinct labels: by value when all are integers, else by code point. */
function labelSet(all: (string | undefined)[]): string[] {
  const labels = [...new Set(all)].filter((label) => label !== undefined);
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
