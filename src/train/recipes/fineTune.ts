import { readCheckpoint } from '../../bert/checkpoint/read.ts';
import { bertConfig, labelFields } from '../../bert/config.ts';
import { freezeEncoder } from '../../bert/layers/freeze.ts';
import { measurePeaks } from '../../measure/peaks.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { ensureWritableFolder, fileExists, joinPath, writeFiles } from '../../platform/files.ts';
import type { Tensor } from '../../tensor/index.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import { metricNames } from '../tasks/metric.ts';
import {
  checkVocab,
  createTaskModel,
  labelsOf,
  loadForTask,
  type TaskModel,
  taskOf,
} from '../tasks/taskModel.ts';
import {
  HISTORY,
  hasTrainingState,
  readTrainingState,
  saveInitialState,
  saveTrainingState,
} from '../trainer/checkpoint.ts';
import { hasStoppedEarly } from '../trainer/earlyStopping.ts';
import {
  type FitOptions,
  type FitPosition,
  type FitState,
  fit,
  fitDefaults,
  stepsPerEpoch,
} from '../trainer/fit.ts';
import { type EpochRecord, History, type StepRecord } from '../trainer/history.ts';
import { historyPicture } from '../trainer/picture.ts';
import type { Throughput } from '../trainer/stepReader.ts';
import type { SavedState } from '../trainer/trainer.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import {
  encodeAndSplit,
  type FineTuneDataOptions,
  type ReadFiles,
  readFiles,
} from './fineTuneData.ts';
import {
  checkDevice,
  checkSizes,
  checkStart,
  type DeviceSettings,
  deviceSettings,
  fetchModel,
  fileSizes,
  freshConfig,
  reportWeights,
  type StartOptions,
} from './start.ts';

const WEIGHTS = 'model.safetensors';

/** Everything that decides the outcome of a fine-tuning; the same when it is resumed. */
export interface FineTuneSettings extends StartOptions, FineTuneDataOptions, FitOptions {
  /** Layers of the encoder to freeze, from the lowest, with the embeddings. Default: none. */
  freeze?: number | 'all';
}

export type FineTuneOptions = Partial<FineTuneSettings> & {
  data: string;
  /** Folder of the best model, history.json and history.svg; its `checkpoint` resumes the run. */
  out: string;
};

export const fineTuneDefaults = {
  ...fitDefaults,
  /** The usual study of NSMC. */
  maxLength: 39,
  validSplit: 0.2,
} as const;

export type FineTuneEvent =
  | InputEvent
  | {
      event: 'start';
      train: number;
      valid: number;
      /** Labels, tags, or none for scores. */
      labels: readonly string[];
      files: ReadFiles;
      model: TaskModel;
      totalSteps: number;
      totalEpochs: number;
      /** Steps done before. */
      firstStep: number;
    }
  | ({ event: 'step' } & StepRecord & Throughput)
  | ({ event: 'epoch'; seconds: number } & EpochRecord)
  | { event: 'checkpoint'; step: number }
  | { event: 'earlyStop'; patience: number; monitor: History['monitor'] }
  | { event: 'interrupted'; step: number; folder: string };

export interface FineTuneResult {
  /** The best model. */
  model: TaskModel;
  tokenizer: BertTokenizer;
  labels: string[];
  history: History;
  /** True if `signal` stopped it. */
  interrupted: boolean;
  /** True if it is trained on pairs of texts. */
  isForPairs: boolean;
  out: string;
}

interface Run {
  settings: FineTuneSettings;
  out: string;
  callbacks: RecipeCallbacks<FineTuneEvent>;
  report: (event: FineTuneEvent) => void;
  state?: SavedState<FitPosition, StepRecord, EpochRecord>;
  /** As settings are kept in a checkpoint. */
  kept: Record<string, unknown>;
}

/** Where the state of a run is, inside its folder. */
export const checkpointFolder = (out: string): string => joinPath(out, 'checkpoint');

/**
 * Fine-tunes a classifier on a file of labelled texts, on the default device, and saves the best
 * model as a Hugging Face folder.
 *
 * `{ resume: folder }` continues a run that was stopped in whatever way, and ends with the same
 * weights, optimizer state and history, bit for bit, as if it had not been stopped.
 * @throws UsageError if data, model or an option cannot be used, or if `out` holds an unfinished
 * run; NotFiniteError if the training diverges.
 * @example
 * await useDevice('auto');
 * const { history } = await fineTune({ data: 'reviews.tsv', model: 'my-bert', out: 'out/model' });
 * console.log(history.bestEpoch?.validAccuracy);
 */
export async function fineTune(
  options: FineTuneOptions | { resume: string },
  callbacks: RecipeCallbacks<FineTuneEvent> = {},
): Promise<FineTuneResult> {
  const run = 'resume' in options ? await openRun(options.resume) : await newRun(options);
  return runFineTuning({ ...run, callbacks, report: callbacks.onEvent ?? (() => {}) });
}

type OpenedRun = Omit<Run, 'callbacks' | 'report'>;

async function newRun({ out, ...options }: FineTuneOptions): Promise<OpenedRun> {
  checkStart(options);
  const settings: FineTuneSettings = withDefaults(fineTuneDefaults, options);
  const dir = checkpointFolder(out);
  if (await hasTrainingState(dir)) {
    const { state, isFinished } = await readFineTuning(dir);
    if (state.step > 0 && !isFinished)
      throw new UsageError(
        `${out} holds a run that stands at step ${state.step}: continue it with \`resume: '${out}'\`, or choose another \`out\``,
      );
  }
  const bytes = await fileSizes(dataFiles(settings));
  return { settings, out, kept: { ...settings, bytes, ...deviceSettings() } };
}

/** The run in a folder, to continue it. */
async function openRun(out: string): Promise<OpenedRun> {
  const { state, settings: kept } = await readFineTuning(checkpointFolder(out));
  const settings = kept as unknown as FineTuneSettings & DeviceSettings & { bytes: number[] };
  const paths = dataFiles(settings);
  checkSizes(out, paths, await fileSizes(paths), settings.bytes);
  checkDevice(out, settings);
  return { settings, out, kept, ...(state.step > 0 && { state }) };
}

/**
 * State and settings of a fine-tuning.
 * @throws UsageError if there is none in the folder, or it is broken.
 */
export async function readFineTuning(dir: string) {
  let history = new History();
  const read = await readTrainingState<FitPosition, StepRecord, EpochRecord>(dir, (value, name) => {
    history = History.parse(value, name);
    return { steps: [...history.steps], evaluations: [...history.epochs] };
  });
  const { epochs, patience } = read.settings as unknown as FineTuneSettings;
  const isFinished =
    history.epochs.length === epochs || hasStoppedEarly(history.epochs, history.monitor, patience);
  return { ...read, isFinished };
}

const dataFiles = ({ data, valid }: FineTuneSettings): string[] =>
  valid === undefined ? [data] : [data, valid];

async function runFineTuning(run: Run): Promise<FineTuneResult> {
  const { settings, out, report, state } = run;
  const files = await readFiles(settings, report);
  const { model, tokenizer } = await startingModel(run, files);
  if (settings.freeze !== undefined) freezeEncoder(model, settings.freeze);
  const { maxPositionEmbeddings } = model.config;
  const { train, valid } = encodeAndSplit(
    files,
    settings,
    tokenizer,
    maxPositionEmbeddings,
    report,
  );
  await ensureWritableFolder(out);
  const totalSteps = settings.epochs * stepsPerEpoch(train.length, settings.batchSize);
  report({
    event: 'start',
    train: train.length,
    valid: valid.length,
    labels: files.labels,
    files,
    model,
    totalSteps,
    totalEpochs: settings.epochs,
    firstStep: state?.step ?? 0,
  });
  const history = await trainAndSave(run, { model, tokenizer, train, valid });
  const interrupted = run.callbacks.signal?.aborted === true;
  const { labels } = files;
  return {
    model,
    tokenizer,
    labels,
    history,
    interrupted,
    isForPairs: files.data.examples[0].pair !== undefined,
    out,
  };
}

/** The model of a folder or a fresh one; that of the checkpoint if the run is resumed. */
async function startingModel(
  { settings, out, state, report }: Run,
  { task, labels }: ReadFiles,
): Promise<{ model: TaskModel; tokenizer: BertTokenizer }> {
  const { model: name, vocab, config, cased, seed } = settings;
  if (!state && !name) {
    const fresh = await freshConfig({ vocab: vocab!, config, cased });
    const labelled = bertConfig({ ...fresh.config, ...labelFields(labels) });
    return { model: createTaskModel(task, labelled, seed), tokenizer: fresh.tokenizer };
  }
  const dir = state ? checkpointFolder(out) : await fetchModel(name!, report);
  const tokenizer = await BertTokenizer.fromPretrained(dir);
  const model = await loadForTask(dir, task, labels, seed);
  reportWeights(dir, model, report);
  checkVocab(tokenizer, model.config, dir);
  return { model, tokenizer };
}

interface Prepared {
  model: TaskModel;
  tokenizer: BertTokenizer;
  train: EncodedExample[];
  valid: EncodedExample[];
}

/** Trains; keeps the best model in `out` and the state in its checkpoint. */
async function trainAndSave(
  run: Run,
  { model, tokenizer, train, valid }: Prepared,
): Promise<History> {
  const { settings, out, kept, state, report } = run;
  const { signal, onEvent } = run.callbacks;
  const { device } = model.classifier.weight;
  // The cpu device does not capture steps, so their operations are not counted.
  const measures = onEvent !== undefined && device.kind === 'webgpu';
  const peakFlops = measures ? (await measurePeaks(device)).flops : undefined;
  const checkpoint = checkpointFolder(out);
  const tokenizerFiles = tokenizer.files();
  let isBestSaved = state?.log.evaluations.some(({ best }) => best) === true;
  const history = await fit(
    model,
    train,
    valid,
    {
      ...settings,
      signal,
      peakFlops,
      onStep: (record, pace) => report({ event: 'step', ...record, ...pace }),
      onEpoch: (record, seconds) => report({ event: 'epoch', ...record, seconds }),
      onBest: async () => {
        await model.savePretrained(out, tokenizerFiles);
        isBestSaved = true;
      },
      onCheckpoint: async (at: FitState<Tensor>) => {
        await saveFineTuning(checkpoint, at, { model, settings: kept, tokenizerFiles });
        report({ event: 'checkpoint', step: at.step });
      },
    },
    state,
  );
  const isAborted = signal?.aborted === true;
  if (!isAborted && history.epochs.length < settings.epochs)
    report({ event: 'earlyStop', patience: settings.patience, monitor: history.monitor });
  // An earlier model stays where it is until a better one is there.
  const hasModel = isBestSaved || (await fileExists(joinPath(out, WEIGHTS)));
  if (isAborted && !hasModel) await model.savePretrained(out, tokenizerFiles);
  const folder = isBestSaved || !hasModel ? out : checkpoint;
  if (history.steps.length > 0) {
    await writeHistory(folder, history, settings.data);
    if (isAborted) report({ event: 'interrupted', step: history.steps.length, folder: checkpoint });
  }
  if (isBestSaved && !isAborted && !history.epochs.at(-1)!.best)
    model.loadWeights((await readCheckpoint(out)).tensors, out);
  return history;
}

/** Before the first step, the settings alone tell the state: no weights are written. */
async function saveFineTuning(
  dir: string,
  { log, ...state }: FitState<Tensor>,
  content: {
    model: TaskModel;
    settings: Record<string, unknown>;
    tokenizerFiles: Record<string, string>;
  },
): Promise<void> {
  const [monitor] = taskOf(content.model).monitoredMetrics(labelsOf(content.model));
  const history = new History(monitor, log);
  const save = state.step === 0 ? saveInitialState : saveTrainingState;
  await save(dir, state, { ...content, history });
}

async function writeHistory(dir: string, history: History, data: string): Promise<void> {
  const title = `${data.split('/').at(-1)}: loss and ${metricNames[history.monitor]}`;
  await writeFiles(dir, {
    [HISTORY]: `${JSON.stringify(history, undefined, 1)}\n`,
    'history.svg': await historyPicture(history, title),
  });
}
