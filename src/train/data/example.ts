import type { Row } from '../../formats/tables/rows.ts';
import type { TableOptions } from '../../formats/tables/table.ts';
import type { Question } from '../tasks/spans.ts';
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
  /** The question that `text` is, about the context that `pair` is. */
  question?: Question;
  /** Texts that may follow `text`; its label is the number of the right one. */
  choices?: readonly string[];
  /**
   * By task: the id of the label (its index in the label set); a 1 or 0 for each label of the set;
   * a score; the id of each word's tag. Undefined for data without labels.
   */
  label: Label | undefined;
  /** The physical line of the file that the example begins on, counted from 1. */
  line: number;
  /** Of several files, the one that it is from. */
  file?: string;
}

/** An example whose label is still as in the file. */
export type NamedExample = Omit<Example, 'label'> & { rawLabel?: RawLabel };

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

/** Whether the caller chooses the task: neither it nor a model's labels are given. */
export const isTaskFree = ({ task, labels }: DataOptions): boolean =>
  task === undefined && labels === undefined;

/** A reader of rows; a string is the reason why a row cannot be used. */
export function exampleReader(
  columns: readonly string[],
  name: string,
  task: Task,
  options: DataOptions,
  known: readonly string[] | undefined,
): (row: Row) => NamedExample | string {
  const { textIndex, pairIndex } = findTextColumns(columns, options, name, task.perToken);
  const readRowLabel = labelReader(columns, name, task, options, known);
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
  known: readonly string[] | undefined,
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
  const hint = isTaskFree(options) ? ', choose another kind of label (`task`)' : '';
  const index = findLabelColumn(columns, options, name, task, hint);
  return (values) =>
    index < 0
      ? undefined
      : readLabel(values[index], columns[index], task, { ...options, labels: known });
}

function tagCountProblem({ words }: TextCell, rawLabel: RawLabel | undefined): string | undefined {
  if (!words || !Array.isArray(rawLabel) || rawLabel.length === words.length) return undefined;
  return `${rawLabel.length} tags for ${words.length} words`;
}
