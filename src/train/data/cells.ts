import { formatValue } from '../../platform/format.ts';
import { cleanLabel, isMissingLabel, labelKey } from '../tasks/labelNames.ts';
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

interface LabelCellOptions {
  labelOptional?: boolean;
  labelSeparator?: string;
  /** Names that are labels even if they look like missing values. */
  labels?: readonly string[];
}

/** A cell with a label; undefined if it is empty and labels are optional. */
export function readLabel(
  value: unknown,
  column: string,
  task: Task,
  { labelOptional, labelSeparator = ',', labels }: LabelCellOptions,
): RawLabel | string | undefined {
  const rawLabel = task.parse(value, labelSeparator, labels);
  if (typeof rawLabel !== 'string') return rawLabel;
  if (!isMissingLabel(value, labels))
    return `${column}: expected ${rawLabel}, got ${formatValue(value)}`;
  return labelOptional ? undefined : noLabel(value, column);
}

const noLabel = (value: unknown, column: string): string =>
  `no label in column ${column}` +
  (typeof value === 'string' && value.trim() !== '' ? `: got ${formatValue(value)}` : '');

/** Cells with a 0 or 1 for each label: the names of those with a 1. */
export function readIndicators(
  cells: readonly { name: string; value: unknown }[],
  { labelOptional }: LabelCellOptions,
): string[] | string | undefined {
  if (labelOptional && cells.every(({ value }) => isMissingLabel(value))) return undefined;
  const found: string[] = [];
  for (const { name, value } of cells) {
    const indicator = indicators.get(labelKey(String(value)));
    if (indicator === undefined)
      return isMissingLabel(value)
        ? noLabel(value, name)
        : `${name}: expected 0 or 1, got ${formatValue(value)}`;
    if (indicator) found.push(cleanLabel(name));
  }
  return found;
}

const indicators = new Map([
  ['0', false],
  ['1', true],
  ['false', false],
  ['true', true],
]);

const isMissing = (value: unknown): boolean => value === undefined || value === null;
