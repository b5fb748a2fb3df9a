import { bertConfig } from '../../bert/config.ts';
import { openModelFolder } from '../../formats/modelFolder.ts';
import { measurePeaks } from '../../measure/peaks.ts';
import { ensureWritableFolder, writeFiles } from '../../platform/atomicWrite.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { defaultDevice, type Tensor } from '../../tensor/index.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { checkMaxLength } from '../data/batch.ts';
import { pretrainRecipeDefaults } from '../defaults.ts';
import { countBatches } from '../pretraining/batches.ts';
import { readPretraining, savePretraining } from '../pretraining/checkpoint.ts';
import type { PretrainEvaluation, PretrainHistory, PretrainStep } from '../pretraining/history.ts';
import { type PretrainModel, pretrainModels } from '../pretraining/objective.ts';
import { pretrainPicture } from '../pretraining/picture.ts';
import {
  type PretrainData,
  type PretrainOptions,
  type PretrainState,
  pretrainModel,
} from '../pretraining/pretrain.ts';
import { checkVocab } from '../tasks/taskModel.ts';
import { hasTrainingState } from '../trainer/checkpoint.ts';
import type { Throughput } from '../trainer/stepReader.ts';
import type { InputEvent, TrainingCallbacks } from './events.ts';
import { checkIsFolder, checkNoModel, checkNotModel, replaceError } from './outFolder.ts';
import { openPretrainData, type PretrainDataOptions } from './pretrainData.ts';
import { checkPretrainSettings } from './settings.ts';
import {
  checkDevice,
  checkStart,
  checkUnchanged,
  type DeviceSettings,
  deviceSettings,
  type FileMarks,
  fetchModel,
  freshConfig,
  markFiles,
  reportWeights,
  type StartOptions,
} from './start.ts';

/** Sizes of a fresh model, instead of its configuration's. */
export interface ModelSizes {
  layers?: number;
  hiddenSize?: number;
  heads?: number;
  intermediateSize?: number;
}

/** Everything that decides the outcome of a pre-training; the same when it is resumed. */
export interface PretrainSettings
  extends Omit<PretrainOptions, 'totalSteps'>,
    PretrainDataOptions,
    StartOptions,
    ModelSizes {
  /** Steps in all. Default: `epochs`. */
  steps?: number;
  /** Times through the texts. Default 3. */
  epochs?: number;
}

export type PretrainRecipeOptions = Partial<PretrainSettings> & {
  files: readonly string[];
  /** Folder of the checkpoint, which is a Hugging Face model too, history.json and history.svg. */
  out: string;
  /** Replaces the model or run that `out` holds. Default: such a folder is refused. */
  overwrite?: boolean;
};

const EPOCHS = 3;

export type PretrainEvent =
  | InputEvent
  | {
      event: 'start';
      model: PretrainModel;
      totalSteps: number;
      /** Steps done before. */
      firstStep: number;
      batchSize: number;
      /** Examples held out to validate with. */
      valid: number;
    }
  | ({ event: 'step' } & PretrainStep & Throughput)
  | ({ event: 'evaluation' } & PretrainEvaluation)
  | { event: 'checkpoint'; step: number }
  | { event: 'interrupted'; step: number; folder: string };

export interface PretrainResult {
  model: PretrainModel;
  tokenizer: BertTokenizer;
  history: PretrainHistory;
  totalSteps: number;
  /** True if `signal` stopped it. */
  interrupted: boolean;
  out: string;
}

/** Settings of a run that has begun, and what was found out then. */
export interface BegunPretraining extends PretrainSettings, DeviceSettings, FileMarks {
  totalSteps: number;
}

/**
 * Pre-trains a model on plain texts, on the default device: masked tokens, next sentences or both
 * (Devlin et al. 2019). The folder is a checkpoint all the time.
 *
 * `{ resume: folder }` continues a run that was stopped in whatever way, and ends with the same
 * bits as if it had not been stopped.
 * @throws UsageError if texts, model or an option cannot be used, or if `out` holds a run that has
 * begun, or a model; NotFiniteError if the training diverges.
 * @example
 * await pretrain({ files: ['texts.txt'], vocab: 'vocab.txt', steps: 1000, out: 'out/pretrained' });
 */
export async function pretrain(
  options: PretrainRecipeOptions | { resume: string },
  callbacks: TrainingCallbacks<PretrainEvent, BegunPretraining> = {},
): Promise<PretrainResult> {
  const { onEvent: report = () => {}, signal } = callbacks;
  const { settings, out, begun, state } =
    'resume' in options ? await openRun(options.resume) : await newRun(options);
  await callbacks.openDevice?.(begun);
  if (begun) checkDevice(out, begun);
  const paths = [...settings.files, ...(settings.valid ? [settings.valid] : [])];
  if (begun) await checkUnchanged(out, paths, begun);
  const marks = begun ? { bytes: begun.bytes, hashes: begun.hashes } : await markFiles(paths);
  const { model, tokenizer } = await startingModel(settings, state && out, report);
  checkMaxLength(settings.maxLength, model.config.maxPositionEmbeddings);
  const data = await openPretrainData(settings, tokenizer, report);
  await ensureWritableFolder(out);
  const totalSteps = begun?.totalSteps ?? (await countSteps(settings, data));
  report({
    event: 'start',
    model,
    totalSteps,
    firstStep: state?.step ?? 0,
    batchSize: settings.batchSize,
    valid: data.valid.reduce((sum, { examples }) => sum + examples, 0),
  });
  const device = defaultDevice();
  // The cpu device does not capture steps, so their operations are not counted.
  const measures = callbacks.onEvent !== undefined && device.kind === 'webgpu';
  const tokenizerFiles = tokenizer.files({ modelMaxLength: model.config.maxPositionEmbeddings });
  const kept = { ...settings, totalSteps, ...marks, ...deviceSettings() };
  const history = await pretrainModel(
    model,
    data,
    { ...settings, totalSteps },
    {
      signal,
      peakFlops: measures ? (await measurePeaks(device)).flops : undefined,
      onStep: (record, pace) => report({ event: 'step', ...record, ...pace }),
      onEvaluation: (record) => report({ event: 'evaluation', ...record }),
      onCheckpoint: async (at: PretrainState<Tensor>) => {
        await savePretraining(out, model, at, kept, tokenizerFiles);
        report({ event: 'checkpoint', step: at.step });
      },
    },
    state,
  );
  const step = history.steps.length;
  if (step > 0) await writePicture(out, history, settings.files[0]);
  const interrupted = step < totalSteps;
  if (interrupted) report({ event: 'interrupted', step, folder: out });
  return { model, tokenizer, history, totalSteps, interrupted, out };
}

type SavedPretraining = Awaited<ReturnType<typeof readPretraining>>['state'];
interface Run {
  settings: PretrainSettings;
  out: string;
  begun?: BegunPretraining;
  state?: SavedPretraining;
}

/** @throws UsageError if options do not go together, or if a run or a model is in the way. */
async function checkNewPretraining(options: PretrainRecipeOptions): Promise<void> {
  checkNew(options);
  const { out, overwrite } = options;
  await checkIsFolder(options);
  await checkNotModel(options);
  if (overwrite) return;
  if (await hasTrainingState(out)) {
    const { state, settings } = await openPretraining(out);
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

async function newRun(given: PretrainRecipeOptions): Promise<Run> {
  await checkNewPretraining(given);
  const { out, overwrite: _, ...options } = given;
  return { settings: withDefaults(pretrainRecipeDefaults, options), out };
}

async function openRun(out: string): Promise<Run> {
  const { state, settings: begun } = await openPretraining(out);
  return { settings: begun, out, begun, state };
}

/**
 * State and settings of a pre-training.
 * @throws UsageError if there is none in the folder, or it is broken.
 */
async function openPretraining(out: string) {
  const { state, settings } = await readPretraining(out);
  checkPretrainSettings(settings, out);
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

const countSteps = async (settings: PretrainSettings, data: PretrainData): Promise<number> =>
  settings.steps ??
  (settings.epochs ?? EPOCHS) * (await countBatches(data.documents, data.exampleBuilder, settings));

/** The model of a folder (`from` if a run is resumed), or a fresh one. */
async function startingModel(
  settings: PretrainSettings,
  from: string | undefined,
  report: (event: InputEvent) => void,
): Promise<{ model: PretrainModel; tokenizer: BertTokenizer }> {
  const { objective, model: name, vocab, config, cased, seed } = settings;
  const Model = pretrainModels[objective];
  if (from || name) {
    const folder = from ? await openModelFolder(from) : await fetchModel(name!, report);
    const tokenizer = await BertTokenizer.fromPretrained(folder);
    const model = await Model.fromPretrained<PretrainModel>(folder, { seed });
    reportWeights(folder.name, model, report);
    checkVocab(tokenizer, model.config, folder.name);
    return { model, tokenizer };
  }
  const base = await freshConfig({ vocab: vocab!, config, cased });
  const given = withDefaults(base.config, {
    numHiddenLayers: settings.layers,
    hiddenSize: settings.hiddenSize,
    numAttentionHeads: settings.heads,
    intermediateSize: settings.intermediateSize,
  });
  const model = Model.fromConfig<PretrainModel>(bertConfig(given as typeof base.config), seed);
  return { model, tokenizer: base.tokenizer };
}

async function writePicture(out: string, history: PretrainHistory, file: string): Promise<void> {
  const title = `${file.split('/').at(-1)}: pre-training`;
  await writeFiles(out, { 'history.svg': await pretrainPicture(history, title) });
}
