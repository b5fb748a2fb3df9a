import { formatValue } from '../../platform/format.ts';
import type { RawLabel, Task } from '../tasks/task.ts';

/** Readers of single cells. Each returns what it read, or a string: why the cell cannot be used. */

export interface TextCell {
  text: string;
  /** The words that tags belong to. */
  words?: string[];
}

/** A cell with a text. */
export function readString(value: unknown, column: string): TextCell | string {
  if (typeof value === 'string') return { text: value };
  return isMissing(value) ? `no ${column}` : `${column} is not a string`;
}

/** A cell with the words of a sentence. */
export function readWords(value: unknown, column: string): TextCell | string {
  if (isMissing(value)) return `no ${column}`;
  const isList = Array.isArray(value) && value.length > 0;
  if (!isList || !value.every((word) => typeof word === 'string'))
    return `${column} is not an array of words`;
  return { text: value.join(' '), words: value };
}

/** A cell with a label; undefined if it is empty and labels are optional. */
export function readLabel(
  value: unknown,
  column: string,
  task: Task,
  { labelOptional, labelSeparator = ',' }: { labelOptional?: boolean; labelSeparator?: string },
): RawLabel | string | undefined {
  const rawLabel = task.parse(value, labelSeparator);
  if (typeof rawLabel !== 'string') return rawLabel;
  if (!isMissing(value) && (typeof value !== 'string' || value.trim() !== ''))
    return `${column}: expected ${rawLabel}, got ${formatValue(value)}`;
  return labelOptional ? undefined : `no label in column ${column}`;
}

const isMissing = (value: unknown): boolean => value === undefined || value === null;
