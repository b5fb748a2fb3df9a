import type { Row, RowProblem } from '../../formats/tables/rows.ts';
import type { Task } from '../tasks/task.ts';
import { choiceReader } from './choices.ts';
import { type DataOptions, exampleReader, type NamedExample } from './example.ts';
import { questionReader } from './questions.ts';

/** Turns the rows of a file into examples. */
export interface RowReader {
  /** The examples of a row: one, or many questions; or why there is none. */
  read(row: Row): (NamedExample | RowProblem)[];
  /** Settles what only the whole file tells. */
  finish?(examples: NamedExample[]): { examples: NamedExample[]; problems: RowProblem[] };
}

/**
 * A reader for the rows of a task.
 * @param known names that are labels even if they look like missing values
 * @throws UsageError when a column is missing.
 */
export function rowReader(
  columns: readonly string[],
  name: string,
  task: Task,
  options: DataOptions,
  known: readonly string[] | undefined,
): RowReader {
  if (task.name === 'question-answering') return { read: questionReader(columns, name, options) };
  if (task.name === 'multiple-choice') return choiceReader(columns, name, options);
  const read = exampleReader(columns, name, task, options, known);
  return {
    read: (row) => {
      const example = read(row);
      return [typeof example === 'string' ? { line: row.line, reason: example } : example];
    },
  };
}
