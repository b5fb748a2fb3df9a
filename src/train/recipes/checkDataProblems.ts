import { labelFinder } from '../tasks/labelNames.ts';
import type { TaskName } from '../tasks/task.ts';
import type { FileCheck, SharedTexts } from './fileChecker.ts';

/** What would spoil a training. */
export interface DataProblem {
  kind: /** No row can be used. */
    | 'noRows'
    /** Rows without a label, in a file that has others with one, or all of them. */
    | 'unlabelled'
    /** Rows that are broken. */
    | 'broken'
    /** Texts that are empty. */
    | 'empty'
    /** Texts with different labels. */
    | 'conflicts'
    /** Texts of decomposed Hangul. */
    | 'decomposed'
    /** Pieces that are [UNK]. */
    | 'unknown'
    /** Labels that are all the same. */
    | 'oneLabel'
    /** Labels that the first file does not have. */
    | 'otherLabels'
    /** Texts that another file has too. */
    | 'shared';
  /** The file, or the two. */
  files: string[];
  /** How many rows, texts, pieces or labels, and of how many. */
  count: number;
  of: number;
  /** The labels of `otherLabels`. */
  labels?: string[];
}

/** Share of a file's rows from which something spoils a training; and that of unknown pieces. */
export const SPOILING_SHARE = 0.01;
export const SPOILING_UNKNOWN = 0.2;

/** Finds what would spoil a training. */
export function findProblems(
  task: TaskName,
  files: readonly FileCheck[],
  shared: readonly SharedTexts[],
): DataProblem[] {
  const [first, ...others] = files;
  return [
    ...files.flatMap((file) => problemsOf(file, task)),
    ...others.flatMap((file) => otherLabels(first, file)),
    ...shared.flatMap(({ files: names, texts }): DataProblem[] => {
      const rows = names.map((name) => files.find(({ file }) => file === name)!.rows);
      const of = Math.min(...rows);
      return texts > SPOILING_SHARE * of
        ? [{ kind: 'shared', files: [...names], count: texts, of }]
        : [];
    }),
  ];
}

function problemsOf(check: FileCheck, task: TaskName): DataProblem[] {
  const { file, rows, broken, unknown, labels, scores, unlabelled } = check;
  const all = rows + broken.count;
  const problem = (kind: DataProblem['kind'], count: number, of: number): DataProblem => ({
    ...{ kind, files: [file], count, of },
  });
  if (rows === 0) return [problem('noRows', broken.count, all)];
  const counts: [DataProblem['kind'], number, number][] = [
    ['broken', broken.count, all],
    ['unlabelled', unlabelled.count, rows],
    ['empty', check.empty.count, rows],
    ['conflicts', check.conflicts.texts, rows],
    ['decomposed', check.decomposed.count, rows],
  ];
  const found = counts
    .filter(([, count, of]) => count > SPOILING_SHARE * of)
    .map((each) => problem(...each));
  if (unknown && unknown.unknown > SPOILING_UNKNOWN * unknown.pieces)
    found.push(problem('unknown', unknown.unknown, unknown.pieces));
  const isOne =
    task === 'regression' || task === 'similarity'
      ? scores !== undefined && scores.min === scores.max
      : task !== 'multi-label' && labels?.length === 1;
  if (isOne) found.push(problem('oneLabel', rows, rows));
  return found;
}

function otherLabels(first: FileCheck, { file, labels = [] }: FileCheck): DataProblem[] {
  if (!first.labels) return [];
  const find = labelFinder(first.labels.map(({ label }) => label));
  const unknown = labels.map(({ label }) => label).filter((label) => find(label) === undefined);
  if (unknown.length === 0) return [];
  const files = [first.file, file];
  return [
    { kind: 'otherLabels', files, count: unknown.length, of: labels.length, labels: unknown },
  ];
}
