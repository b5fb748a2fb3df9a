import { UsageError } from '../../platform/errors.ts';
import type { Task } from '../tasks/task.ts';

/** Names that a column of texts has by default, in order of preference. */
export const textColumns: readonly string[] = [
  ...['text', 'document', 'sentence', 'sentence1', 'review', 'content'],
  ...['comment', 'comments', 'utterance', 'message', 'tweet', 'body', 'title', 'question', 'query'],
];
/** The same of a column with the words of a sentence, which tags belong to. */
export const wordColumns: readonly string[] = ['tokens', 'words'];
/** The same of a column with the second text of a pair. */
export const pairColumns: readonly string[] = ['sentence2', 'text_pair', 'pair'];
/** Two columns that together are the texts of a pair. */
const textPairs: readonly (readonly [string, string])[] = [
  ['sentence1', 'sentence2'],
  ['sentence_a', 'sentence_b'],
  ['premise', 'hypothesis'],
  ['question1', 'question2'],
  ['text1', 'text2'],
  ['text_a', 'text_b'],
  ['question', 'sentence'],
  ['question', 'answer'],
  ['question', 'context'],
  ['question', 'passage'],
  ['query', 'passage'],
  ['query', 'document'],
  ['query', 'title'],
];

/** Which columns of a file to read. Names that differ in case or by blanks are guessed too. */
export interface ColumnOptions {
  /**
   * Default: `text`; else the first of two columns such as `premise` and `hypothesis`; else the
   * first of `textColumns` in the file, or of `wordColumns` for tags.
   */
  textColumn?: string;
  /**
   * Default: none if `textColumn` is given, else the second of two such columns, or the first of
   * `pairColumns` in the file, if any.
   */
  pairColumn?: string;
  /** Default: the first of the task's `labelColumns` in the file, such as `label` or `score`. */
  labelColumn?: string;
  /** Columns with a 0 or 1 for each label, which their names are: labels of `multi-label`. */
  labelColumns?: readonly string[];
}

/**
 * The indices of the columns with the text and, if there is one, the second text of a pair (else
 * -1).
 * @param name names the file in messages
 * @throws UsageError when a requested column is missing, or there is no column of texts.
 */
export function findTextColumns(
  columns: readonly string[],
  { textColumn, pairColumn }: ColumnOptions,
  name: string,
  perToken = false,
): { textIndex: number; pairIndex: number } {
  const find = (candidates: readonly string[]) => firstOf(columns, candidates);
  const requestedPair =
    pairColumn === undefined ? -1 : requestedColumn(columns, pairColumn, 'pair', name);
  if (textColumn !== undefined)
    return {
      textIndex: requestedColumn(columns, textColumn, 'text', name),
      pairIndex: requestedPair,
    };
  const candidates = perToken ? wordColumns : textColumns;
  const pair = perToken || find(['text']) >= 0 ? undefined : findPair(columns);
  if (pair && (requestedPair < 0 || requestedPair === pair.pairIndex)) return pair;
  const others = requestedPair < 0 ? candidates : candidates.filter(isNot(columns[requestedPair]));
  const textIndex = find(others);
  if (textIndex < 0) throw missingColumn('text', candidates, columns, name);
  const pairIndex = requestedPair < 0 && !perToken ? find(pairColumns) : requestedPair;
  return { textIndex, pairIndex };
}

/** Whether a file has a column of words, and none of texts. */
export const hasWordsOnly = (columns: readonly string[]): boolean =>
  firstOf(columns, wordColumns) >= 0 && firstOf(columns, textColumns) < 0;

/** The columns of two texts that belong together, if a file has them. */
function findPair(columns: readonly string[]) {
  for (const [first, second] of textPairs) {
    const [textIndex, pairIndex] = [firstOf(columns, [first]), firstOf(columns, [second])];
    if (textIndex >= 0 && pairIndex >= 0) return { textIndex, pairIndex };
  }
  return undefined;
}

/**
 * The index of the column with the labels; -1 if there is none and labels are optional.
 * @throws UsageError when the requested column, or a required one, is missing.
 */
export function findLabelColumn(
  columns: readonly string[],
  { labelColumn, labelOptional }: ColumnOptions & { labelOptional?: boolean },
  name: string,
  { labelColumns }: Task,
  hint = '',
): number {
  if (labelColumn !== undefined) return requestedColumn(columns, labelColumn, 'label', name);
  const index = firstOf(columns, labelColumns);
  if (index < 0 && !labelOptional) throw missingColumn('label', labelColumns, columns, name, hint);
  return index;
}

type Role = 'text' | 'pair' | 'label';

const fold = (name: string): string => name.trim().normalize('NFC').toLowerCase();
const isNot = (column: string) => (name: string) => name !== fold(column);

/** The index of the first candidate in the file, written alike or nearly so; else -1. */
function firstOf(columns: readonly string[], candidates: readonly string[]): number {
  const folded = columns.map(fold);
  for (const candidate of candidates) {
    const exact = columns.indexOf(candidate);
    const index = exact >= 0 ? exact : folded.indexOf(candidate);
    if (index >= 0) return index;
  }
  return -1;
}

/** @throws UsageError when a column that was asked for is missing. */
export function requestedColumn(
  columns: readonly string[],
  requested: string,
  role: Role,
  name: string,
): number {
  const index = columns.indexOf(requested);
  if (index >= 0) return index;
  const alike = columns.find((column) => fold(column) === fold(requested));
  if (alike?.trim() === requested.trim()) return columns.indexOf(alike);
  const guess = alike === undefined ? '' : ` (did you mean ${JSON.stringify(alike)}?)`;
  throw new UsageError(
    `${name} has no column ${JSON.stringify(requested)} for the ${role}${guess}: ` +
      `its columns are ${formatColumns(columns)}`,
  );
}

function missingColumn(
  role: Role,
  candidates: readonly string[],
  columns: readonly string[],
  name: string,
  hint = '',
): UsageError {
  return new UsageError(
    `${name} has no ${role} column (${candidates.join(', ')}): its columns are ` +
      `${formatColumns(columns)}; name the column to use (\`${role}Column\`)${hint}, or, ` +
      'if the file has no header, add a first line with the names of the columns' +
      delimiterHint(columns),
  );
}

/** What to do if a line of CSV was read as one column. */
const delimiterHint = (columns: readonly string[]): string =>
  columns.length === 1 && /[,;|]/.test(columns[0])
    ? "; if commas or semicolons separate columns, set `format: 'csv'`"
    : '';

/** Names of columns, shortened: without a header they may be a long text. */
function formatColumns(columns: readonly string[]): string {
  const names = columns.join(', ');
  return names.length > 80 ? `${names.slice(0, 80)}…` : names;
}
