import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { pretrainRecipeDefaults } from '../defaults.ts';
import { checkOneProcess } from '../distributed/initProcessGroup.ts';
import { getWorldSize } from '../distributed/processGroup.ts';
import { agreedSignal } from '../distributed/stopping.ts';
import { readPretraining } from '../pretraining/checkpoint.ts';
import type { BatchSize } from '../trainer/batchSize.ts';
import { getLastCheckpoint } from '../trainer/checkpoints.ts';
import { survivingDeviceLoss } from './deviceLoss.ts';
import type { RunEvent, TrainingCallbacks } from './events.ts';
import { checkIsFolder, checkNoModel, checkNotModel, replaceError } from './outFolder.ts';
import {
  type BegunPretraining,
  type PretrainEvent,
  type PretrainResult,
  type PretrainRun,
  type PretrainSettings,
  pretrainFiles,
  runPretraining,
} from './pretrainRun.ts';
import { findsRun, RunFolder } from './runFolder.ts';
import { checkSameOptions } from './sameOptions.ts';
import { checkPretrainOptions, checkPretrainSettings } from './settings.ts';
import { checkDevice, checkStart, checkUnchanged, deviceSettings, markFiles } from './start.ts';
import { withTensorBoard } from './tensorBoard.ts';

/** Options of `pretrain`. */
export type PretrainRecipeOptions = Partial<Omit<PretrainSettings, 'batchSize'>> & {
  files: readonly string[];
  /** Examples of a step. `auto`: the most, a power of two, that the device has memory for. */
  batchSize?: BatchSize;
  /** Folder of the model, history.json and history.svg, and of the run's checkpoints. */
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
 * Pre-trains a model on plain texts, on the default device: masked tokens, next sentences or both
 * (Devlin et al. 2019).
 *
 * `{ resume: folder }` continues a run that was stopped in whatever way, and ends with the same
 * bits as if it had not been stopped.
 * @throws UsageError if texts, model or an option cannot be used, if `out` holds a run that has
 * begun, or a model, or with `auto` a run of other options, or if another process writes there;
 * NotFiniteError if the training diverges.
 * @example
 * await pretrain({ files: ['texts.txt'], vocab: 'vocab.txt', steps: 1000, out: 'out/pretrained' });
 */
export async function pretrain(
  options: PretrainRecipeOptions | { resume: string },
  given: TrainingCallbacks<PretrainEvent, BegunPretraining> = {},
): Promise<PretrainResult> {
  checkPretrainOptions(options);
  const callbacks = { ...given, signal: agreedSignal(given.signal) };
  const report = callbacks.onEvent ?? (() => {});
  const folder = new RunFolder('out' in options ? options.out : options.resume);
  try {
    const resumes = !('out' in options) || (await findsRun(options));
    let run = resumes ? await openRun(folder, report) : await newRun(options);
    if (run.begun && 'out' in options) checkSameOptions(options, run.begun);
    await callbacks.openDevice?.(run.begun);
    const paths = pretrainFiles(run.settings);
    if (run.begun) await checkUnchanged(folder.path, paths, run.begun);
    const marks = run.begun ?? (await markFiles(paths));
    const { command, version } = run.begun ?? callbacks.about ?? {};
    const by = { ...(command && { command }), ...(version && { version }) };
    const about = { bytes: marks.bytes, hashes: marks.hashes, ...deviceSettings(), ...by };
    return await survivingDeviceLoss(callbacks, folder, run.begun, async (again) => {
      if (again) run = await openRun(folder, report);
      if (run.begun) checkDevice(folder.path, run.begun);
      return withTensorBoard(run.settings, folder.path, callbacks.onEvent, (onEvent) =>
        runPretraining(run, folder, about, { ...callbacks, onEvent }),
      );
    });
  } finally {
    await folder.close();
  }
}

/** @throws UsageError if options do not go together, or if a run or a model is in the way. */
async function checkNewPretraining(options: PretrainRecipeOptions): Promise<void> {
  checkNew(options);
  const { out, overwrite } = options;
  await checkIsFolder(options);
  await checkNotModel(options);
  if (overwrite) return;
  const last = await getLastCheckpoint(out);
  if (last !== undefined) {
    const { state, settings } = await readRun(last);
    if (state.step === 0) return;
    if (state.step < settings.totalSteps)
      throw new UsageError(
        `${out} holds a run that stands at step ${state.step} of ${settings.totalSteps}: ` +
          `continue it with \`resume: '${out}'\`, or choose another \`out\``,
      );
    throw replaceError(out, `a run of ${settings.totalSteps} steps`);
  }
  await checkNoModel(options);
}

async function newRun(given: PretrainRecipeOptions): Promise<PretrainRun> {
  await checkNewPretraining(given);
  const { out: _, overwrite: __, resume: ___, batchSize, ...asked } = given;
  // In one place among the settings, whoever gives it.
  const { gradientAccumulationSteps = getWorldSize(), ...options } = asked;
  if (batchSize === 'auto') checkOneProcess("`batchSize: 'auto'`");
  const settings: PretrainSettings = {
    ...withDefaults(pretrainRecipeDefaults, options),
    gradientAccumulationSteps,
    ...(typeof batchSize === 'number' && { batchSize }),
  };
  return { settings, findsBatchSize: batchSize === 'auto' };
}

/** The run in a folder, to continue it. */
async function openRun(folder: RunFolder, report: (event: RunEvent) => void): Promise<PretrainRun> {
  const checkpoint = await folder.reopen(report);
  const { state, settings } = await readRun(checkpoint);
  const begun = { ...pretrainRecipeDefaults, ...settings };
  await folder.prune(state.step, begun.keep);
  return { settings: begun, begun, saved: state.step > 0 ? { checkpoint, state } : undefined };
}

/**
 * State and settings of a pre-training.
 * @throws UsageError if the folder is no checkpoint, or broken.
 */
export async function readRun(checkpoint: string) {
  const { state, settings } = await readPretraining(checkpoint);
  checkPretrainSettings(settings, checkpoint);
  return { state, settings: settings as unknown as BegunPretraining };
}

const sizes = ['layers', 'hiddenSize', 'heads', 'intermediateSize'] as const;

/** Checks how the options of a new run go together. */
function checkNew(options: Omit<PretrainRecipeOptions, 'out'>): void {
  if (options.files.length === 0)
    throw new UsageError(
      'expected files with texts to train on, got none (`resume` continues a run)',
    );
  checkStart(options);
  const size = sizes.find((name) => options[name] !== undefined);
  if (options.model && size)
    throw new UsageError(`\`${size}\` is for fresh models: ${options.model} has sizes of its own`);
  if (options.steps && options.epochs)
    throw new UsageError('`steps` and `epochs` exclude each other: one of them says when to stop');
}
