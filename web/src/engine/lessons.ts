/** What a model learns from the answers that a person gave. */
import { type Answer, keyOf, type Run } from './protocol.ts';
import type { Row } from './runs.ts';

/** How often an answer is repeated, and how many other rows keep what was learnt before. */
const [REPEATS, REHEARSED] = [4, 192];

/** Rows of the files of a run that learns from answers. */
export interface Lesson {
  train: Row[];
  valid: Row[];
  /** All rows that later runs may learn from. */
  rows: Row[];
}

/** Answers take the place of the rows of the same texts, of which `before` are those learnt. */
export function lessonOf(
  before: readonly Row[],
  validated: readonly Row[],
  answers: readonly Answer[],
  task: Run['task'],
): Lesson {
  const answered = new Set(answers.map(keyOf));
  const others = (rows: readonly Row[]) => rows.filter((row) => !answered.has(keyOf(row)));
  const rows = [...others(before), ...answers.map((answer) => answeredRow(answer, task))];
  const given = rows.filter((row) => row.answered);
  const old = rows.filter((row) => !row.answered);
  const every = Math.max(1, old.length / REHEARSED);
  const rehearsed = old.filter((_, i) => Math.floor(i / every) > Math.floor((i - 1) / every));
  const valid = others(validated);
  return {
    rows,
    train: [
      ...rehearsed,
      ...rowsOfOtherLabels(old, [...rehearsed, ...given]),
      ...Array.from({ length: REPEATS }, () => given).flat(),
    ],
    // All that there was may have been answered.
    valid: valid.length > 0 ? valid : given,
  };
}

const labelsOf = ({ label }: Row): string[] => (typeof label === 'number' ? [] : [label].flat());

/** A row of each label that no row of `chosen` has: a rare label is not to be forgotten. */
export function rowsOfOtherLabels(rows: readonly Row[], chosen: readonly Row[]): Row[] {
  const seen = new Set(chosen.flatMap(labelsOf));
  return rows.filter((row) => {
    const isNew = labelsOf(row).some((label) => !seen.has(label));
    if (isNew) for (const label of labelsOf(row)) seen.add(label);
    return isNew;
  });
}

function answeredRow({ text, pair, label, score }: Answer, task: Run['task']): Row {
  const value = task === 'regression' ? score! : task === 'multi-label' ? label : label[0];
  return { text, ...(pair !== undefined && { pair }), label: value, answered: true };
}
