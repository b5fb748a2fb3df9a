import { UsageError } from '../../platform/errors.ts';
import type { Task } from '../tasks/task.ts';

/** Names that a column of texts has by default, in order of preference. */
export const textColumns: readonly string[] = [
  'text',
  'document',
  'sentence',
  'sentence1',
  'review',
  'content',
];
/** The same of a column with the words of a sentence, which tags belong to. */
export const wordColumns: readonly string[] = ['tokens', 'words'];
/** The same of a column with the second text of a pair. */
export const pairColumns: readonly string[] = ['sentence2', 'text_pair', 'pair'];

/** Which columns of a file to read. */
export interface ColumnOptions {
  /** Default: the first of `textColumns` in the file, or of `wordColumns` for tags. */
  textColumn?: string;
  /**
   * Default: none if `textColumn` is given, else the first of `pairColumns` in the file, if any.
   */
  pairColumn?: string;
  /** Default: the first of the task's `labelColumns` in the file, such as `label` or `score`. */
  labelColumn?: string;
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
  const candidates = perToken ? wordColumns : textColumns;
  const textIndex = findColumn(columns, textColumn, candidates, 'text', name);
  if (textIndex < 0) throw missingColumn('text', candidates, columns, name);
  const pairCandidates = textColumn === undefined && !perToken ? pairColumns : [];
  return { textIndex, pairIndex: findColumn(columns, pairColumn, pairCandidates, 'pair', name) };
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
): number {
  const index = findColumn(columns, labelColumn, labelColumns, 'label', name);
  if (index < 0 && !labelOptional) throw missingColumn('label', labelColumns, columns, name);
  return index;
}

type Role = 'text' | 'pair' | 'label';

/** The index of the requested column, else of the first candidate in the file, else -1. */
function findColumn(
  columns: readonly string[],
  requested: string | undefined,
  candidates: readonly string[],
  role: Role,
  name: string,
): number {
  if (requested === undefined) {
    const found = candidates.find((column) => columns.includes(column));
    return found === undefined ? -1 : columns.indexOf(found);
  }
  const index = columns.indexOf(requested);
  if (index < 0)
    throw new UsageError(
      `${name} has no column ${JSON.stringify(requested)} for the ${role}: ` +
        `its columns are ${formatColumns(columns)}`,
    );
  return index;
}

function missingColumn(
  role: Role,
  candidates: readonly string[],
  columns: readonly string[],
  name: string,
): UsageError {
  const otherTask = role === 'label' ? ', choose another kind of label (`task`)' : '';
  return new UsageError(
    `${name} has no ${role} column (${candidates.join(', ')}): its columns are ` +
      `${formatColumns(columns)}; name the column to use (\`${role}Column\`)${otherTask}, or, ` +
      'if the file has no header, add a first line with the names of the columns',
  );
}

/** Names of columns, shortened: without a header they may be a long text. */
function formatColumns(columns: readonly string[]): string {
  const names = columns.join(', ');
  return names.length > 80 ? `${names.slice(0, 80)}…` : names;
}
