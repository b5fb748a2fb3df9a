import { writeFiles } from '../platform/atomicWrite.ts';
import { withDefaults } from '../platform/defaults.ts';
import { UsageError } from '../platform/errors.ts';
import { defaultDevice } from '../tensor/index.ts';
import type { InputEventOf, RecipeCallbacks } from '../train/recipes/events.ts';
import { studyDefaults } from './defaults.ts';
import type { Cell, StudyResults } from './results.ts';
import type { StudySettings, StudyStep } from './study.ts';
import type { Summary } from './summary.ts';

const REPORT = 'report.html';

/** Options of `study`. */
export type StudyOptions = Partial<Omit<StudySettings, 'device' | 'data'>> & {
  /** Labelled file, or a folder with one file to train on and one to test with. */
  data: string;
  /** Folder of results.json, report.html and the pre-trained models. */
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
  if (sizes.length === 0 || new Set(sizes).size < sizes.length)
    throw new UsageError(
      `\`sizes\`: expected different numbers of rows, got [${sizes.join(', ')}]`,
    );
  // An application above the library: a program that only imports the library does not load it.
  const [{ readStudyData }, { reportRows }, { methodsOn, pretrainings }, { runStudy, studySteps }] =
    await Promise.all([
      import('./data.ts'),
      import('../train/recipes/reports.ts'),
      import('./methods.ts'),
      import('./study.ts'),
    ]);
  const unknown = chosen.find((name) => !pretrainings.includes(name));
  if (chosen.length === 0 || unknown !== undefined)
    throw new UsageError(
      `\`pretrainings\`: expected one or more of ${pretrainings.join(', ')}, ` +
        `got ${unknown ?? 'none'}`,
    );
  const settings: StudySettings = {
    ...rest,
    pretrainings: pretrainings.filter((name) => chosen.includes(name)),
    sizes: [...sizes].sort((a, b) => a - b),
    device: defaultDevice().kind,
  };
  const data = await readStudyData(settings, (path, read) => reportRows(path, read, report));
  report({ event: 'start', totalSteps: studySteps(settings) });
  const results = await runStudy(data, settings, out, {
    signal,
    onSkipped: (steps) => report({ event: 'skippedSteps', steps }),
    onStep: (step) => report({ event: 'step', ...step }),
    onPretrained: (record) => report({ event: 'pretrained', ...record }),
    onCell: (cell) => report({ event: 'cell', ...cell }),
  });
  const [{ studyReport }, { summarise }] = await Promise.all([
    import('./report.ts'),
    import('./summary.ts'),
  ]);
  await writeFiles(out, { [REPORT]: studyReport(results) });
  const methods = methodsOn(settings.pretrainings).length;
  const cells = methods * settings.seeds * settings.sizes.length;
  const finished = results.cells.length === cells;
  return { results, summary: summarise(results), finished, out };
}
