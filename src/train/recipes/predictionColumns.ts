import type { ChosenText } from '../pipelines/multipleChoice.ts';
import type { TaskName } from '../tasks/task.ts';
import type { AnswerPrediction } from './answering.ts';
import type { LabelPrediction, PredictResult } from './predictor.ts';

/** The columns that predictions add to a table. */
export interface PredictionColumns {
  readonly names: readonly string[];
  /** The value of each column for each prediction. */
  values(result: PredictResult): unknown[][];
}

type Column<P> = [name: string, value: (prediction: P) => unknown];
type PredictionOf<T extends TaskName> = Extract<PredictResult, { task: T }>['predictions'][number];

/**
 * The columns for a task. If the table has one of these names already, all of them begin with
 * `predicted_`.
 * @param form for the cells of TSV and CSV, or for JSON, whose values may be lists and objects
 * @param labels of the model
 * @param topK how many labels are asked for, if not only the most probable one
 */
export function predictionColumns(
  task: TaskName,
  form: 'cells' | 'objects',
  labels: readonly string[],
  topK: number | 'all' | undefined,
  taken: readonly string[],
): PredictionColumns {
  const columns = (
    form === 'objects' ? objectColumns(task, topK) : cellColumns(task, labels, topK)
  ) as Column<unknown>[];
  return {
    names: freeNames(
      columns.map(([name]) => name),
      taken,
    ),
    values: ({ predictions }) =>
      predictions.map((prediction) => columns.map(([, value]) => value(prediction))),
  };
}

/** Names of which none is taken: all begin with `predicted_` if one is. */
export const freeNames = (names: readonly string[], taken: readonly string[]): readonly string[] =>
  names.some((name) => taken.includes(name))
    ? freeNames(
        names.map((name) => `predicted_${name}`),
        taken,
      )
    : names;

/** Nine digits identify a float32. */
const round = (score: number): number => Number(score.toPrecision(9));
const rounded = <T extends { score: number }>(each: T): T => ({
  ...each,
  score: round(each.score),
});
const roundedScores = (scores: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(scores).map(([label, score]) => [label, round(score)]));

const scoreColumn: Column<{ score: number }> = ['score', ({ score }) => round(score)];
const wordColumns: Column<PredictionOf<'token-classification'>>[] = [
  ['words', ({ words }) => words.map(rounded)],
  ['entities', ({ entities }) => entities?.map(rounded)],
];

const choiceColumns: Column<ChosenText>[] = [
  ['choice', ({ choice }) => choice],
  ['choice_text', ({ text }) => text],
  scoreColumn,
];

/** Of the best answer, or of the one after `rank` others; windows may give fewer. */
function answerColumns(rank = 0): Column<AnswerPrediction>[] {
  const suffix = rank === 0 ? '' : `_${rank + 1}`;
  return (['answer', 'score', 'start', 'end'] as const).map((name) => [
    name + suffix,
    (prediction) => {
      const value = (prediction.top ?? [prediction])[rank]?.[name];
      return name === 'score' && value !== undefined ? round(value as number) : value;
    },
  ]);
}

/** For JSON, whose values may be lists and objects. */
function objectColumns(task: TaskName, topK: number | 'all' | undefined): Column<never>[] {
  const scores: Column<{ scores: Record<string, number> }> = [
    'scores',
    ({ scores }) => roundedScores(scores),
  ];
  const top: Column<{ top?: { score: number }[] }>[] =
    topK === undefined ? [] : [['top', ({ top }) => top!.map(rounded)]];
  switch (task) {
    case 'classification':
      return [['label', ({ label }: LabelPrediction) => label], scoreColumn, scores, ...top];
    case 'multi-label':
      return [['labels', ({ labels }: PredictionOf<'multi-label'>) => labels], scores, ...top];
    case 'regression':
    case 'similarity':
      return [scoreColumn];
    case 'token-classification':
      return wordColumns;
    case 'question-answering':
      return [...answerColumns(), ...top];
    case 'multiple-choice':
      return [...choiceColumns, ['scores', ({ scores }: ChosenText) => scores.map(round)]];
  }
}

/** Labels in one cell: with commas between, as JSON if that could not be read back. */
const labelCell = (labels: readonly string[]): string =>
  labels.some((label) => label.includes(',')) || labels[0]?.startsWith('[')
    ? JSON.stringify(labels)
    : labels.join(',');

/** For TSV and CSV: several labels become several columns. */
function cellColumns(
  task: TaskName,
  labels: readonly string[],
  topK: number | 'all' | undefined,
): Column<never>[] {
  switch (task) {
    case 'classification': {
      const count = topK === 'all' ? labels.length : Math.min(topK ?? 1, labels.length);
      return Array.from({ length: count }, (_, i): Column<PredictionOf<'classification'>>[] => {
        const suffix = i === 0 ? '' : `_${i + 1}`;
        const each = ({ top, ...first }: LabelPrediction) => (i === 0 ? first : top![i]);
        return [
          [`label${suffix}`, (prediction) => each(prediction).label ?? ''],
          [`score${suffix}`, (prediction) => round(each(prediction).score)],
        ];
      }).flat();
    }
    case 'multi-label':
      return [
        ['labels', ({ labels }: PredictionOf<'multi-label'>) => labelCell(labels)],
        ...labels.map((label): Column<PredictionOf<'multi-label'>> => {
          return [`score_${label}`, ({ scores }) => round(scores[label])];
        }),
      ];
    case 'regression':
    case 'similarity':
      return [scoreColumn];
    case 'token-classification':
      return wordColumns;
    case 'question-answering':
      return Array.from({ length: (topK as number) ?? 1 }, (_, i) => answerColumns(i)).flat();
    case 'multiple-choice':
      return choiceColumns;
  }
}
