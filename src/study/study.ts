import { writeFiles } from '../platform/atomicWrite.ts';
import { joinPath } from '../platform/runtime.ts';
import { RunFolder } from '../train/recipes/runFolder.ts';
import { studyCells } from './cells.ts';
import type { StudyData } from './data.ts';
import type { Pretraining } from './methods.ts';
import { openResults, RESULTS, type StudyResults } from './results.ts';
import type { StudyCallbacks, StudySettings } from './settings.ts';
import { fitSteps, pretrainOrResume, type SeedStart, startSeed, trainCell } from './training.ts';

/** Optimizer steps of the whole study. */
export function studySteps(settings: StudySettings): number {
  const { seeds, pretrainings, pretrainSteps } = settings;
  const fits = studyCells(settings).map(({ size }) => fitSteps(settings, size));
  return seeds * pretrainings.length * pretrainSteps + fits.reduce((sum, steps) => sum + steps, 0);
}

/**
 * Runs a study, or continues the one in `out`: for each seed, a vocabulary learnt from the
 * unlabelled texts, the pre-trainings on them, and a classifier for each method and size. Each
 * result is written as soon as it is known.
 * @returns the results; if `signal` stopped the study, those up to there.
 * @throws UsageError when `out` holds a study of other settings, another process writes there, or
 * there is too little data.
 */
export async function runStudy(
  data: StudyData,
  settings: StudySettings,
  out: string,
  callbacks: StudyCallbacks = {},
): Promise<StudyResults> {
  const folder = new RunFolder(out);
  try {
    await folder.open();
    return await runSeeds({ data, settings, out, callbacks });
  } finally {
    await folder.close();
  }
}

async function runSeeds(begun: Omit<Run, 'results'>): Promise<StudyResults> {
  const { data, settings, out, callbacks } = begun;
  const about = { ...settings, testRows: data.test.length, ...data.marks };
  const results = await openResults(out, about);
  callbacks.onSkipped?.(
    results.pretraining.reduce((sum, { steps }) => sum + steps, 0) +
      results.cells.reduce((sum, { size }) => sum + fitSteps(settings, size), 0),
  );
  const run: Run = { ...begun, results };
  for (let seed = 1; seed <= settings.seeds; seed++) if (!(await runSeed(run, seed))) break;
  return results;
}

interface Run {
  data: StudyData;
  settings: StudySettings;
  out: string;
  callbacks: StudyCallbacks;
  results: StudyResults;
}

const save = ({ out, results }: Run): Promise<void> =>
  writeFiles(out, { [RESULTS]: `${JSON.stringify(results, undefined, 1)}\n` });

/** Runs what one seed still lacks; false if it was stopped. */
async function runSeed(run: Run, seed: number): Promise<boolean> {
  const { data, settings, callbacks, results } = run;
  let start: SeedStart | undefined;
  for (const { method, size, ...wanted } of studyCells(settings)) {
    if (wanted.seed !== seed) continue;
    const isDone = results.cells.some(
      (cell) => cell.method === method.id && cell.seed === seed && cell.size === size,
    );
    if (isDone) continue;
    start ??= startSeed(data, settings, seed);
    const { pretraining } = method;
    if (pretraining && !(await ensurePretrained(run, pretraining, start))) return false;
    const dir = pretraining && pretrainedFolder(run, pretraining, seed);
    const cell = await trainCell(method, size, start, settings, dir, callbacks);
    if (!cell || callbacks.signal?.aborted) return false;
    results.cells.push(cell);
    await save(run);
    callbacks.onCell?.(cell);
  }
  return true;
}

const pretrainedFolder = ({ out }: Run, name: Pretraining, seed: number): string =>
  joinPath(out, `${name}-${seed}`);

/** Pre-trains unless it is done; false if it was stopped. */
async function ensurePretrained(run: Run, name: Pretraining, start: SeedStart): Promise<boolean> {
  const { settings, callbacks, results } = run;
  const { seed } = start;
  if (results.pretraining.some((record) => record.name === name && record.seed === seed))
    return true;
  const dir = pretrainedFolder(run, name, seed);
  const record = await pretrainOrResume(name, start, settings, dir, callbacks);
  if (!record) return false;
  results.pretraining.push(record);
  await save(run);
  callbacks.onPretrained?.(record);
  return true;
}
