import * as v from 'valibot';
import { parseSchema } from '../../formats/parseSchema.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { isObject } from '../../platform/format.ts';
import { fileExists, readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { fineTuneDefaultsOf } from '../defaults.ts';
import { checkOneProcess } from '../distributed/initProcessGroup.ts';
import { checkpointSteps, removeCheckpoints } from '../trainer/checkpoints.ts';
import type { EpochRecord } from '../trainer/history.ts';
import type { RecipeCallbacks, TrainingCallbacks } from './events.ts';
import { type BegunFineTuning, type FineTuneOptions, fineTune } from './fineTune.ts';
import type { FineTuneEvent } from './fineTuneEvents.ts';
import type { FineTuneSettings } from './fineTuneSettings.ts';
import { checkSameOptions } from './sameOptions.ts';
import { checkFineTuneOptions } from './settings.ts';
import { checkUnchanged, deviceSettings, markFiles, watchedFiles } from './start.ts';

const FOLDS = 'folds.json';

/** Options of `crossValidate`: those of `fineTune`, without a file to validate with. */
export type CrossValidateOptions = Omit<FineTuneOptions, 'fold' | 'valid' | 'folds'> & {
  /** Number of parts of the data, each of which validates the model that the others train. */
  folds: number;
};

/** The best epoch of a fold. */
export interface FoldResult {
  /** From 1. */
  fold: number;
  /** Folder of its model. */
  out: string;
  epoch: number;
  /** Loss and metrics on the part set aside, such as `validAccuracy`. */
  metrics: Record<string, number>;
}

/** Mean and deviation over the folds; the latter with n - 1, as of a sample. */
export interface FoldSummary {
  mean: number;
  std: number;
}

/** What `crossValidate` resolves with. */
export interface CrossValidateResult {
  out: string;
  folds: number;
  /** Of the folds that are done. */
  results: FoldResult[];
  /** By metric. */
  summary: Record<string, FoldSummary>;
  /** True if `signal` stopped it. */
  interrupted: boolean;
}

/** What `crossValidate` reports. */
export type CrossValidateEvent =
  | FineTuneEvent
  /** A fold begins. */
  | { event: 'fold'; fold: number; folds: number; out: string }
  /** A fold is done, now or before the run was resumed. */
  | ({ event: 'foldEnd'; kept: boolean } & FoldResult);

/**
 * Trains `folds` models, each on all parts of the data but one, which it is validated with. Labels
 * have equal shares in all parts, and the seed decides which examples these are. `out` gets a
 * folder for each fold and `folds.json` with the metrics.
 *
 * `{ resume: folder }` keeps the folds that are done, and goes on with the others.
 * @throws UsageError as `fineTune`, and when `out` holds another cross-validation.
 * @example
 * const { summary } = await crossValidate({
 *   ...{ data: 'reviews.tsv', model: 'my-bert', out: 'out/folds', folds: 5 },
 * });
 * console.log(summary.validAccuracy.mean, summary.validAccuracy.std);
 */
export async function crossValidate(
  options: CrossValidateOptions | { resume: string },
  callbacks: CrossValidateCallbacks = {},
): Promise<CrossValidateResult> {
  checkFineTuneOptions(options);
  checkOneProcess('`folds`');
  const { run, out, ...start } = await openFolds(options);
  const { onEvent: report = () => {}, signal, about } = callbacks;
  const folds = run.settings.folds!;
  // Of a run that is resumed, the command is not the one that made the folds.
  const other = { ...about, command: undefined };
  let interrupted = false;
  let isOpen = false;
  for (let fold = 1; fold <= folds && !interrupted; fold++) {
    const done = run.results.find((result) => result.fold === fold);
    if (done) {
      report({ event: 'foldEnd', kept: true, ...done });
      continue;
    }
    const folder = joinPath(out, `fold-${fold}`);
    report({ event: 'fold', fold, folds, out: folder });
    let isFirstCall = true;
    const openDevice = async () => {
      // All folds share a device, unless it is lost.
      if (!isFirstCall || !isOpen) await callbacks.openDevice?.(run.begun);
      [isFirstCall, isOpen] = [false, true];
    };
    const opens = callbacks.openDevice ? openDevice : undefined;
    const onBegin = () => begin(out, run, start.overwrite);
    const canResume = run.isResumed && (await checkpointSteps(folder)).length > 0;
    const result = await fineTune(
      canResume ? { resume: folder } : { ...settingsOf(run, fold), ...start, out: folder },
      { signal, onEvent: report, openDevice: opens, onBegin, about: run.isResumed ? other : about },
    );
    result.model.dispose();
    interrupted = result.interrupted;
    if (interrupted) break;
    const found = { fold, out: folder, ...bestOf(result.history.bestEpoch!) };
    run.results.push(found);
    await saveFolds(out, run);
    report({ event: 'foldEnd', kept: false, ...found });
  }
  return { out, folds, results: run.results, summary: summaryOf(run.results), interrupted };
}

/** The settings of a fold, whose event files are in a folder of its own. */
function settingsOf({ settings: kept }: FoldsRun, fold: number): FineTuneSettings {
  const { bytes: _, hashes: __, ...settings } = kept;
  const { tensorboard } = settings;
  if (typeof tensorboard !== 'string') return { ...settings, fold };
  return { ...settings, fold, tensorboard: joinPath(tensorboard, `fold-${fold}`) };
}

/** What `crossValidate` takes besides its options. */
export type CrossValidateCallbacks = RecipeCallbacks<CrossValidateEvent> &
  Pick<TrainingCallbacks<CrossValidateEvent, BegunFineTuning>, 'openDevice' | 'about'>;

/** Settings of the folds, whatever device they are trained on. */
type FoldsSettings = Omit<BegunFineTuning, 'device' | 'precision'>;

/** Whether a folder holds a cross-validation. */
export const isCrossValidation = (dir: string): Promise<boolean> =>
  fileExists(joinPath(dir, FOLDS));

interface FoldsRun {
  settings: FoldsSettings;
  /** The settings with the device, once it is known. */
  begun?: BegunFineTuning;
  results: FoldResult[];
  isResumed: boolean;
}

async function openFolds(
  options: CrossValidateOptions | { resume: string },
): Promise<{ run: FoldsRun; out: string; overwrite: boolean; resume?: 'auto' }> {
  const dir = 'out' in options ? options.out : options.resume;
  const exists = await isCrossValidation(dir);
  if (!('out' in options) || (options.resume === 'auto' && exists)) {
    const run = await readFolds(dir);
    if ('out' in options) checkSameOptions(options, run.settings);
    await checkUnchanged(dir, await watchedFiles(run.settings), run.settings);
    // What a crash left of a fold that has no checkpoint yet is replaced.
    return { run, out: dir, overwrite: true };
  }
  const { out, overwrite = false, resume, ...given } = options;
  const { folds } = given;
  if (!(Number.isInteger(folds) && folds >= 2))
    throw new UsageError(`\`folds\`: expected an integer ≥ 2, got ${folds}`);
  if ('valid' in given && given.valid !== undefined)
    throw new UsageError('`folds` and `valid` exclude each other: each fold validates the others');
  if (exists && !overwrite)
    throw new UsageError(
      `${out} already holds a cross-validation: continue it with \`resume: '${out}'\`, choose ` +
        'another `out`, or set `overwrite: true` to replace it',
    );
  const marks = await markFiles(await watchedFiles(given as FineTuneSettings));
  const settings = { ...withDefaults(fineTuneDefaultsOf(given.task), given), ...marks };
  const run = { settings: settings as FoldsSettings, results: [], isResumed: false };
  // With `auto`, a first fold that a crash ended before folds.json was written goes on.
  return { run, out, overwrite, resume };
}

const resultSchema = v.object({
  fold: v.pipe(v.number(), v.integer()),
  out: v.string(),
  epoch: v.number(),
  metrics: v.record(v.string(), v.number()),
});
const foldsSchema = v.object({
  settings: v.pipe(
    v.custom<BegunFineTuning>(isObject, 'expected an object'),
    v.check(({ folds }) => Number.isInteger(folds), 'expected `folds`'),
  ),
  results: v.array(resultSchema),
});

/** @throws UsageError when the folder holds no cross-validation. */
async function readFolds(dir: string): Promise<FoldsRun> {
  const path = joinPath(dir, FOLDS);
  const { settings: begun, results } = parseSchema(
    foldsSchema,
    await readJson(path),
    path,
    'the state of a cross-validation',
  );
  // As a fold began with them that was not resumed.
  const { device: _, precision: __, ...settings } = begun;
  return { settings, begun, results, isResumed: true };
}

/** Notes the device of the folds, in place of what `out` held of an older cross-validation. */
async function begin(out: string, run: FoldsRun, overwrite: boolean): Promise<void> {
  if (run.begun) return;
  // A resumed run would take the folds of the older one for its own.
  for (let fold = 1; overwrite && fold <= run.settings.folds!; fold++)
    await removeCheckpoints(joinPath(out, `fold-${fold}`));
  run.begun = { ...run.settings, ...deviceSettings() };
  await saveFolds(out, run);
}

const saveFolds = (out: string, { begun, results }: FoldsRun): Promise<void> => {
  const content = { results, summary: summaryOf(results), settings: begun };
  return writeFiles(out, { [FOLDS]: `${JSON.stringify(content, undefined, 1)}\n` });
};

function bestOf(record: EpochRecord): Pick<FoldResult, 'epoch' | 'metrics'> {
  const metrics = Object.entries(record).filter(
    ([name, value]) => name.startsWith('valid') && Number.isFinite(value),
  );
  return { epoch: record.epoch, metrics: Object.fromEntries(metrics) };
}

function summaryOf(results: readonly FoldResult[]): Record<string, FoldSummary> {
  const names = [...new Set(results.flatMap(({ metrics }) => Object.keys(metrics)))];
  return Object.fromEntries(
    names.map((name) => {
      const values = results.flatMap(({ metrics }) => metrics[name] ?? []);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return [
        name,
        { mean, std: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 },
      ];
    }),
  );
}
