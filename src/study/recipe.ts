import { writeFiles } from '../platform/atomicWrite.ts';
import { withDefaults } from '../platform/defaults.ts';
import { UsageError } from '../platform/errors.ts';
import { defaultDevice } from '../tensor/index.ts';
import type { InputEventOf, RecipeCallbacks } from '../train/recipes/events.ts';
import { studyDefaults } from './defaults.ts';
import type { Cell, StudyResults } from './results.ts';
import type { StudySettings, StudyStep } from './settings.ts';
import type { Summary } from './summary.ts';

const REPORT = 'report.html';
const PICTURE = 'accuracy.svg';

/** Options of `study`. */
export type StudyOptions = Partial<
  Omit<StudySettings, 'device' | 'data' | 'sizes' | 'trainRows'>
> & {
  /** Numbers of labelled rows; `'all'`: all of them, with the first seed alone. */
  sizes?: (number | 'all')[];
  /** Labelled file, or a folder with one file to train on and one to test with. */
  data: string;
  /** Folder of results.json, report.html, accuracy.svg and the pre-trained models. */
  out: string;
};

/** What `study` reports. */
export type StudyEvent =
  | InputEventOf<'skippedRows' | 'duplicateColumns' | 'encoding' | 'columns'>
  | { event: 'start'; totalSteps: number }
  /** Steps of an earlier run, which are not repeated. */
  | { event: 'skippedSteps'; steps: number }
  | ({ event: 'step' } & StudyStep)
  | ({ event: 'pretrained' } & StudyResults['pretraining'][number])
  | ({ event: 'cell' } & Cell);

/** What `study` resolves with. */
export interface StudyResult {
  results: StudyResults;
  summary: Summary;
  /** True unless `signal` stopped it. */
  finished: boolean;
  out: string;
}

/**
 * Compares ways to pre-train, as features and fine-tuned, on equal budgets and on the default
 * device, and writes report.html. A study that was stopped is continued by the same call.
 * @throws UsageError if data or an option cannot be used, or `out` holds a study of other settings.
 * @example
 * const { summary } = await study({ data: 'reviews.tsv', out: 'out/study' });
 */
export async function study(
  { out, ...options }: StudyOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<StudyEvent> = {},
): Promise<StudyResult> {
  const { sizes, pretrainings: chosen, ...rest } = withDefaults(studyDefaults, options);
  // An application above the library: a program that only imports the library does not load it.
  const [
    { readStudyData },
    { reportRows },
    { pretrainings },
    { studyCells },
    { runStudy, studySteps },
  ] = await Promise.all([
    import('./data.ts'),
    import('../train/recipes/reports.ts'),
    import('./methods.ts'),
    import('./cells.ts'),
    import('./study.ts'),
  ]);
  const unknown = chosen.find((name) => !pretrainings.includes(name));
  if (chosen.length === 0 || unknown !== undefined)
    throw new UsageError(
      `\`pretrainings\`: expected one or more of ${pretrainings.join(', ')}, ` +
        `got ${unknown ?? 'none'}`,
    );
  const data = await readStudyData(rest, (path, read) => reportRows(path, read, report));
  const trainRows = data.train.length;
  const settings: StudySettings = {
    ...rest,
    trainRows,
    pretrainings: pretrainings.filter((name) => chosen.includes(name)),
    sizes: checkSizes(sizes, trainRows),
    device: defaultDevice().kind,
  };
  report({ event: 'start', totalSteps: studySteps(settings) });
  const results = await runStudy(data, settings, out, {
    signal,
    onSkipped: (steps) => report({ event: 'skippedSteps', steps }),
    onStep: (step) => report({ event: 'step', ...step }),
    onPretrained: (record) => report({ event: 'pretrained', ...record }),
    onCell: (cell) => report({ event: 'cell', ...cell }),
  });
  const [{ studyReport }, { studyPicture }, { summarise }] = await Promise.all([
    import('./report.ts'),
    import('./picture.ts'),
    import('./summary.ts'),
  ]);
  const summary = summarise(results);
  await writeFiles(out, { [REPORT]: studyReport(results), [PICTURE]: studyPicture(summary) });
  const finished = results.cells.length === studyCells(settings).length;
  return { results, summary, finished, out };
}

/**
 * The sizes as numbers, smallest first.
 * @throws UsageError for the same number twice, or more rows than there are.
 */
function checkSizes(sizes: readonly (number | 'all')[], trainRows: number): number[] {
  const rows = sizes.map((size) => (size === 'all' ? trainRows : size));
  const areCounts = rows.every((size) => Number.isInteger(size) && size >= 1 && size <= trainRows);
  if (rows.length === 0 || !areCounts || new Set(rows).size < rows.length)
    throw new UsageError(
      `\`sizes\`: expected different numbers of rows from 1 to the ${trainRows} of the data, or ` +
        `"all", got [${sizes.join(', ')}]`,
    );
  return rows.sort((a, b) => a - b);
}
