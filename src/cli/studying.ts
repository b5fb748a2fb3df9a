import { methods, pretrainingTitles } from '../study/methods.ts';
import { type StudyEvent, type StudyOptions, type StudyResult, study } from '../study/recipe.ts';
import { formatDifference, formatSpread } from '../study/summary.ts';
import { reportInput } from './inputReports.ts';
import { createProgress, type Progress } from './progress.ts';
import { interruptible } from './signals.ts';
import { percent, table } from './table.ts';

/**
 * Runs a study, shows how it goes and prints what it finds.
 * @returns true unless it was stopped.
 */
export async function runStudyCommand(
  options: StudyOptions,
  { json, silent }: { json: boolean; silent: boolean },
): Promise<boolean> {
  const { results, summary, finished, out } = await studyWithProgress(options, silent);
  if (json)
    console.log(JSON.stringify({ out, finished, ...summary, pretraining: results.pretraining }));
  else show({ summary, finished, out });
  return finished;
}

async function studyWithProgress(options: StudyOptions, silent: boolean): Promise<StudyResult> {
  let progress: Progress | undefined;
  let step = 0;
  const { signal, listen, release } = interruptible(() =>
    progress?.log('stopping after this step; press Ctrl-C again to leave at once'),
  );
  listen();
  const onEvent = (event: StudyEvent) => {
    switch (event.event) {
      case 'start':
        progress = createProgress({ totalSteps: event.totalSteps, unit: 'texts', silent });
        break;
      case 'skippedSteps':
        step += event.steps;
        break;
      case 'step':
        progress!.update({ ...event, step: ++step });
        break;
      case 'pretrained':
      case 'cell':
        progress!.log(lineOf(event));
        break;
      default:
        reportInput(event, silent);
    }
  };
  try {
    return await study(options, { signal, onEvent });
  } finally {
    progress?.stop();
    release();
  }
}

function lineOf(event: Extract<StudyEvent, { event: 'pretrained' | 'cell' }>): string {
  if (event.event === 'pretrained') {
    const { seed, name, loss } = event;
    return `seed ${seed}, ${pretrainingTitles[name]}: pre-trained, loss ${loss.toFixed(3)}`;
  }
  const { title } = methods.find(({ id }) => id === event.method)!;
  return `seed ${event.seed}, ${title}, ${event.size} rows: accuracy ${percent(event.accuracy)}`;
}

/** Prints what was found. */
function show({ summary, finished, out }: Omit<StudyResult, 'results'>): void {
  const { sizes, methods, claims } = summary;
  const columns = sizes.map((size) => ({ title: `${size} rows`, right: true }) as const);
  console.log(
    table(
      ['test accuracy, %', ...columns],
      methods.map(({ title, accuracy }) => [title, ...accuracy.map(formatSpread)]),
    ),
  );
  console.log('');
  console.log(
    table(
      ['difference (and in how many seeds it is above 0)', ...columns],
      claims.map(({ claim, difference }) => [claim, ...difference.map(formatDifference)]),
    ),
  );
  console.log(`\n${out}/report.html shows it; ${out}/results.json is for programs`);
  if (!finished) console.log('stopped: the same command continues it');
}
