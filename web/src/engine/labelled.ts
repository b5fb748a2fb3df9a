/** The labelled rows of a data set, and those of them that are set aside. */
import { readData, stratifiedSplit } from 'wigbert/train';
import { UsageError } from '../../../src/platform/errors.ts';
import { rowsOfOtherLabels } from './lessons.ts';
import type { DataSet, Run } from './protocol.ts';
import type { Row } from './runs.ts';

const VALID_SPLIT = 0.2;

/** The rows of a set that have a label. */
export async function labelledRows({ path, chosen }: DataSet): Promise<Row[]> {
  const { examples, labels } = await readData(path, chosen);
  return examples.map(({ text, pair, label }) => ({
    text,
    ...(pair !== undefined && { pair }),
    label: namedLabel(label as number | number[], labels, chosen.task),
  }));
}

function namedLabel(
  label: number | number[],
  labels: readonly string[],
  task: Run['task'],
): Row['label'] {
  if (Array.isArray(label)) return labels.filter((_, i) => label[i] === 1);
  return task === 'regression' ? label : labels[label];
}

/**
 * Rows to train on and to validate with; each label of the latter is one of the former, or the
 * model would have no output for it.
 * @throws UsageError when there is nothing to validate with.
 */
export function splitRows(
  rows: readonly Row[],
  task: Run['task'],
  seed: number,
): { train: Row[]; valid: Row[] } {
  const labels = [...new Set(rows.map(({ label }) => label))];
  // Only single labels can keep their share in both parts.
  const kinds = rows.map(({ label }) => (task === 'classification' ? labels.indexOf(label) : 0));
  const split = stratifiedSplit(kinds, VALID_SPLIT, seed);
  const [train, valid] = [split.train, split.valid].map((part) => part.map((i) => rows[i]));
  const moved = new Set(rowsOfOtherLabels(valid, train));
  if (moved.size === valid.length)
    throw new UsageError(
      '`data`: expected texts to validate with that share their labels with others, got none',
    );
  return { train: [...train, ...moved], valid: valid.filter((row) => !moved.has(row)) };
}
