import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { fineTuneDefaults } from '../defaults.ts';
import { hasTrainingState, readTrainingState } from '../trainer/checkpoint.ts';
import { hasStoppedEarly } from '../trainer/earlyStopping.ts';
import type { FitPosition } from '../trainer/fit.ts';
import { type EpochRecord, History, type StepRecord } from '../trainer/history.ts';
import type { TrainingCallbacks } from './events.ts';
import {
  checkpointFolder,
  type FineTuneEvent,
  type FineTuneResult,
  type FineTuneRun,
  type FineTuneSettings,
  runFineTuning,
} from './fineTuneRun.ts';
import { checkIsFolder, checkNotModel } from './outFolder.ts';
import { checkFineTuneSettings } from './settings.ts';
import {
  checkDevice,
  checkStart,
  checkUnchanged,
  type DeviceSettings,
  deviceSettings,
  type FileMarks,
  markFiles,
} from './start.ts';

export type FineTuneOptions = Partial<FineTuneSettings> & {
  data: string;
  /** Folder of the best model, history.json and history.svg; its `checkpoint` resumes the run. */
  out: string;
  /** Replaces the model or run that `out` holds. Default: such a folder is refused. */
  overwrite?: boolean;
};

/**
 * Fine-tunes a classifier on a file of labelled texts, on the default device, and saves the best
 * model as a Hugging Face folder.
 *
 * `{ resume: folder }` continues a run that was stopped in whatever way, and ends with the same
 * weights, optimizer state and history, bit for bit, as if it had not been stopped.
 * @throws UsageError if data, model or an option cannot be used, or if `out` holds a run or a
 * model; NotFiniteError if the training diverges.
 * @example
 * await useDevice('auto');
 * const { history } = await fineTune({ data: 'reviews.tsv', model: 'my-bert', out: 'out/model' });
 * console.log(history.bestEpoch?.validAccuracy);
 */
export async function fineTune(
  options: FineTuneOptions | { resume: string },
  callbacks: TrainingCallbacks<FineTuneEvent, BegunFineTuning> = {},
): Promise<FineTuneResult> {
  const { begun, ...run } =
    'resume' in options ? await openRun(options.resume) : await newRun(options);
  await callbacks.openDevice?.(begun);
  if (begun) checkDevice(run.out, begun);
  const kept = { ...(begun ?? { ...run.settings, ...run.marks, ...deviceSettings() }) };
  return runFineTuning({ ...run, kept, callbacks, report: callbacks.onEvent ?? (() => {}) });
}

/** Settings of a run that has begun, as its checkpoint keeps them. */
export type BegunFineTuning = FineTuneSettings & DeviceSettings & FileMarks;

type OpenedRun = Omit<FineTuneRun, 'kept' | 'callbacks' | 'report'> & {
  begun?: BegunFineTuning;
  marks?: FileMarks;
};

/** @throws UsageError if options do not go together, or if `out` holds an unfinished run. */
async function checkNew(options: FineTuneOptions): Promise<void> {
  checkStart(options);
  const { out, overwrite } = options;
  const dir = checkpointFolder(out);
  await checkIsFolder(options);
  await checkNotModel(options, [out, dir]);
  if (overwrite || !(await hasTrainingState(dir))) return;
  const { state, isFinished } = await readFineTuning(dir);
  if (state.step > 0 && !isFinished)
    throw new UsageError(
      `${out} holds a run that stands at step ${state.step}: ` +
        `continue it with \`resume: '${out}'\`, or choose another \`out\``,
    );
}

async function newRun(given: FineTuneOptions): Promise<OpenedRun> {
  await checkNew(given);
  const { out, overwrite = false, ...options } = given;
  const settings: FineTuneSettings = withDefaults(fineTuneDefaults, options);
  const marks = await markFiles(dataFiles(settings));
  return { settings, out, overwrite, marks };
}

/** The run in a folder, to continue it. */
async function openRun(out: string): Promise<OpenedRun> {
  const { state, settings } = await readFineTuning(checkpointFolder(out));
  const begun = settings as unknown as BegunFineTuning;
  await checkUnchanged(out, dataFiles(begun), begun);
  return { settings: begun, out, overwrite: true, begun, ...(state.step > 0 && { state }) };
}

/**
 * State and settings of a fine-tuning.
 * @throws UsageError if there is none in the folder, or it is broken.
 */
async function readFineTuning(dir: string) {
  let history = new History();
  const read = await readTrainingState<FitPosition, StepRecord, EpochRecord>(dir, (value, name) => {
    history = History.parse(value, name);
    return { steps: [...history.steps], evaluations: [...history.epochs] };
  });
  checkFineTuneSettings(read.settings, dir);
  const { epochs, patience } = read.settings as unknown as FineTuneSettings;
  const isFinished =
    history.epochs.length === epochs || hasStoppedEarly(history.epochs, history.monitor, patience);
  return { ...read, isFinished };
}

const dataFiles = ({ data, valid }: FineTuneSettings): string[] =>
  valid === undefined ? [data] : [data, valid];
