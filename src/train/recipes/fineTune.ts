import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { fineTuneDefaults, fineTuneDefaultsOf } from '../defaults.ts';
import { checkOneProcess } from '../distributed/initProcessGroup.ts';
import { getWorldSize } from '../distributed/processGroup.ts';
import { agreedSignal } from '../distributed/stopping.ts';
import type { BatchSize } from '../trainer/batchSize.ts';
import { readTrainingState } from '../trainer/checkpoint.ts';
import { getLastCheckpoint } from '../trainer/checkpoints.ts';
import { hasStoppedEarly } from '../trainer/earlyStopping.ts';
import type { FitPosition } from '../trainer/fit.ts';
import { type EpochRecord, History, type StepRecord } from '../trainer/history.ts';
import { survivingDeviceLoss } from './deviceLoss.ts';
import type { TrainingCallbacks } from './events.ts';
import type { FineTuneEvent } from './fineTuneEvents.ts';
import { type FineTuneResult, type FineTuneRun, runFineTuning } from './fineTuneRun.ts';
import type { FineTuneSettings } from './fineTuneSettings.ts';
import { checkLora } from './lora.ts';
import { checkIsFolder, checkNotModel } from './outFolder.ts';
import { findsRun, RunFolder } from './runFolder.ts';
import { checkSameOptions } from './sameOptions.ts';
import { checkFineTuneOptions, checkFineTuneSettings } from './settings.ts';
import {
  checkDevice,
  checkStart,
  checkUnchanged,
  type DeviceSettings,
  deviceSettings,
  type FileMarks,
  markFiles,
  watchedFiles,
} from './start.ts';
import { withTensorBoard } from './tensorBoard.ts';

/** Options of `fineTune`. */
export type FineTuneOptions = Partial<Omit<FineTuneSettings, 'batchSize'>> & {
  data: string | readonly string[];
  /** Texts of a step. `auto`: the most, a power of two, that the device has memory for. */
  batchSize?: BatchSize;
  /** Folder of the best model, history.json and history.svg, and of the run's checkpoints. */
  out: string;
  /** Replaces the model or run that `out` holds. Default: such a folder is refused. */
  overwrite?: boolean;
  /**
   * `auto`: continues the run in `out`, whose options are to be the same; begins it if there is
   * none.
   */
  resume?: 'auto';
};

/**
 * Fine-tunes a classifier on a file of labelled texts, on the default device, and saves the best
 * model as a Hugging Face folder.
 *
 * `{ resume: folder }` continues a run that was stopped in whatever way, and ends with the same
 * weights, optimizer state and history, bit for bit, as if it had not been stopped.
 * @throws UsageError if data, model or an option cannot be used, if `out` holds a run or a model,
 * with `auto` a run of other options, or if another process writes there; NotFiniteError if the
 * training diverges.
 * @example
 * await useDevice('auto');
 * const { history } = await fineTune({ data: 'reviews.tsv', model: 'my-bert', out: 'out/model' });
 * console.log(history.bestEpoch?.validAccuracy);
 */
export async function fineTune(
  options: FineTuneOptions | { resume: string },
  given: TrainingCallbacks<FineTuneEvent, BegunFineTuning> = {},
): Promise<FineTuneResult> {
  checkFineTuneOptions(options);
  const callbacks = { ...given, signal: agreedSignal(given.signal) };
  const report = callbacks.onEvent ?? (() => {});
  const folder = new RunFolder('out' in options ? options.out : options.resume);
  try {
    const resumes = !('out' in options) || (await findsRun(options));
    let run = resumes ? await openRun(folder, report) : await newRun(options, report);
    if (run.kept && 'out' in options) checkSameOptions(options, run.kept);
    await callbacks.openDevice?.(run.kept);
    const about = { ...deviceSettings(), ...callbacks.about };
    const kept = run.kept ?? { ...run.settings, ...run.marks!, ...about };
    return await survivingDeviceLoss(callbacks, folder, run.kept, async (again) => {
      if (again) run = await openRun(folder, report);
      if (run.kept) checkDevice(folder.path, run.kept);
      return withTensorBoard(run.settings, folder.path, callbacks.onEvent, (onEvent) =>
        runFineTuning({
          ...{ ...run, folder, kept: { ...kept, ...run.kept } },
          begin: async () => {
            await folder.begin();
            await callbacks.onBegin?.();
          },
          ...{ callbacks: { ...callbacks, onEvent }, report: onEvent ?? report },
        }),
      );
    });
  } finally {
    await folder.close();
  }
}

/** Settings of a run that has begun, as its checkpoint keeps them. */
export type BegunFineTuning = FineTuneSettings &
  DeviceSettings &
  FileMarks & { totalSteps?: number };

type OpenedRun = Pick<FineTuneRun, 'settings' | 'findsBatchSize' | 'overwrite' | 'begun'> & {
  kept?: BegunFineTuning;
  marks?: FileMarks;
};

/** @throws UsageError if options do not go together, or if `out` holds an unfinished run. */
async function checkNew(options: FineTuneOptions): Promise<void> {
  checkStart(options);
  checkLora(options);
  const { out, overwrite } = options;
  await checkIsFolder(options);
  await checkNotModel(options);
  const last = overwrite ? undefined : await getLastCheckpoint(out);
  if (last === undefined) return;
  const { state, isFinished } = await readFineTuning(last);
  if (state.step > 0 && !isFinished)
    throw new UsageError(
      `${out} holds a run that stands at step ${state.step}: ` +
        `continue it with \`resume: '${out}'\`, or choose another \`out\``,
    );
}

async function newRun(
  given: FineTuneOptions,
  report: (event: FineTuneEvent) => void,
): Promise<OpenedRun> {
  await checkNew(given);
  const { out: _, overwrite = false, resume: __, batchSize, ...asked } = given;
  // In one place among the settings, whoever gives it.
  const { gradientAccumulationSteps = getWorldSize(), ...options } = asked;
  const findsBatchSize = batchSize === 'auto';
  if (findsBatchSize) checkOneProcess("`batchSize: 'auto'`");
  const settings: FineTuneSettings = {
    ...withDefaults(fineTuneDefaultsOf(options.task), options),
    gradientAccumulationSteps,
    ...(typeof batchSize === 'number' && { batchSize }),
  };
  return {
    settings,
    findsBatchSize,
    overwrite,
    marks: await markFiles(await watchedFiles(settings, report)),
  };
}

/** The run in a folder, to continue it. */
async function openRun(
  folder: RunFolder,
  report: (event: FineTuneEvent) => void,
): Promise<OpenedRun> {
  const checkpoint = await folder.reopen(report);
  const { state, settings, bestModel, interimModel } = await readFineTuning(checkpoint);
  const kept = { ...fineTuneDefaults, ...settings } as unknown as BegunFineTuning;
  await checkUnchanged(folder.path, await watchedFiles(kept), kept);
  await folder.prune(state.step, kept.keep);
  const begun = state.step > 0 ? { checkpoint, state, bestModel, interimModel } : undefined;
  return { settings: kept, overwrite: true, kept, begun };
}

/**
 * State and settings of a fine-tuning.
 * @throws UsageError if the folder is no checkpoint, or broken.
 */
export async function readFineTuning(dir: string) {
  let history = new History();
  const read = await readTrainingState<FitPosition, StepRecord, EpochRecord>(dir, (value, name) => {
    history = History.parse(value, name);
    return { steps: [...history.steps], evaluations: [...history.epochs] };
  });
  checkFineTuneSettings(read.settings, dir);
  const { epochs, patience, totalSteps } = read.settings as unknown as BegunFineTuning;
  // Runs that began before the total was kept end with their last epoch.
  const isDone =
    totalSteps === undefined ? history.epochs.length === epochs : read.state.step >= totalSteps;
  const isFinished = isDone || hasStoppedEarly(history.epochs, history.monitor, patience);
  return { ...read, isFinished };
}
