import { bertConfig } from '../../bert/config.ts';
import { modelFiles } from '../../formats/modelFiles.ts';
import { openModelFolder } from '../../formats/modelFolder.ts';
import { measurePeaks } from '../../measure/peaks.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { hashFile } from '../../platform/hash.ts';
import { joinPath } from '../../platform/runtime.ts';
import { defaultDevice, type Tensor } from '../../tensor/index.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { checkMaxLength } from '../data/batch.ts';
import { onMainProcess } from '../distributed/processGroup.ts';
import { countBatches } from '../pretraining/batches.ts';
import type { readPretraining } from '../pretraining/checkpoint.ts';
import type { PretrainEvaluation, PretrainHistory, PretrainStep } from '../pretraining/history.ts';
import { objectiveOf, type PretrainModel, pretrainModels } from '../pretraining/objective.ts';
import { pretrainPicture } from '../pretraining/picture.ts';
import {
  findPretrainBatchSize,
  type PretrainData,
  type PretrainOptions,
  type PretrainState,
  pretrainModel,
} from '../pretraining/pretrain.ts';
import { checkVocab } from '../tasks/taskModel.ts';
import { HISTORY } from '../trainer/checkpoint.ts';
import { examplesPerStep } from '../trainer/hyperparameters.ts';
import type { Throughput } from '../trainer/stepReader.ts';
import { removeEarlierResults } from './earlierResults.ts';
import {
  type InputEvent,
  type RecipeCallbacks,
  type RunEvent,
  troubleCallbacks,
} from './events.ts';
import { writePretrainCard } from './modelCard.ts';
import { openPretrainData, type PretrainDataOptions } from './pretrainData.ts';
import { writeReceipt } from './receipt/receipt.ts';
import { reportPretraining } from './report/pretrainReport.ts';
import type { RunFolder } from './runFolder.ts';
import {
  type DeviceSettings,
  type FileMarks,
  fetchModel,
  freshConfig,
  reportWeights,
  type StartOptions,
} from './start.ts';
import type { TensorBoardOptions } from './tensorBoard.ts';

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
    ModelSizes,
    TensorBoardOptions {
  /** Steps in all. Default: `epochs`. */
  steps?: number;
  /** Times through the texts. Default 3. */
  epochs?: number;
  /** Checkpoints that are kept, the latest ones. Default 2. */
  keep: number;
}

const EPOCHS = 3;

/** What `pretrain` reports. */
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
  | RunEvent;

/** What `pretrain` resolves with. */
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
  /** What the run was begun by. */
  command?: string;
  version?: string;
}

type SavedPretraining = Awaited<ReturnType<typeof readPretraining>>['state'];
export interface PretrainRun {
  settings: PretrainSettings;
  /** Whether the batch size is still to be found. */
  findsBatchSize?: boolean;
  /** Its settings, if it has begun. */
  begun?: BegunPretraining;
  /** Where it is continued. */
  saved?: { checkpoint: string; state: SavedPretraining };
}

/** Trains the run to its end, or until its signal stops it. */
export async function runPretraining(
  { settings: given, findsBatchSize, begun, saved }: PretrainRun,
  folder: RunFolder,
  about: DeviceSettings & FileMarks & { command?: string },
  { onEvent, signal }: RecipeCallbacks<PretrainEvent>,
): Promise<PretrainResult> {
  const report = onEvent ?? (() => {});
  const started = performance.now();
  const { model, tokenizer } = await startingModel(given, saved?.checkpoint, report);
  checkMaxLength(given.maxLength, model.config.maxPositionEmbeddings);
  let [settings, data] = [given, await openPretrainData(given, tokenizer, report)];
  if (findsBatchSize) {
    settings = { ...given, batchSize: await findPretrainBatchSize(model, data, given) };
    report({ event: 'batchSize', batchSize: settings.batchSize });
    data = await openPretrainData(settings, tokenizer, () => {});
  }
  const totalSteps = begun?.totalSteps ?? (await countSteps(settings, data));
  const firstStep = saved?.state.step ?? 0;
  const valid = data.valid.reduce((sum, { examples }) => sum + examples, 0);
  const batchSize = examplesPerStep(settings);
  report({ event: 'start', model, totalSteps, firstStep, batchSize, valid });
  const device = defaultDevice();
  // The cpu device does not capture steps, so their operations are not counted.
  const measures = onEvent !== undefined && device.kind === 'webgpu';
  const tokenizerFiles = tokenizer.files({ modelMaxLength: model.config.maxPositionEmbeddings });
  const content = {
    model,
    tokenizerFiles,
    // The same run has the same files, whatever folder its command names.
    settings: { ...settings, totalSteps, ...about, command: undefined },
  };
  let checkpoint = saved?.checkpoint;
  let hashes = saved?.state.hashes;
  const history = await pretrainModel(
    model,
    data,
    { ...settings, totalSteps, hashEvery: settings.hashEvery ?? settings.saveEvery },
    {
      signal,
      peakFlops: measures ? (await measurePeaks(device)).flops : undefined,
      ...troubleCallbacks(report),
      onStep: (record, pace) => report({ event: 'step', ...record, ...pace }),
      onEvaluation: (record) => report({ event: 'evaluation', ...record }),
      onCheckpoint: async ({ log, ...state }: PretrainState<Tensor>) => {
        hashes = state.hashes;
        // Not before the first checkpoint: what is refused leaves an earlier run as it was.
        await folder.begin();
        const so = { objective: objectiveOf(model), ...log };
        checkpoint = await folder.save(state, { ...content, history: so }, settings.keep);
        report({ event: 'checkpoint', step: state.step });
      },
    },
    saved?.state,
  );
  const step = history.steps.length;
  // The last evaluation may be missing after the last step.
  const interrupted = signal?.aborted === true || step < totalSteps;
  const kept = { ...content.settings, command: about.command };
  await onMainProcess(async () => {
    if (step > 0) await writeResult(folder.path, model, history, settings.files[0], tokenizerFiles);
    const from = { kept, paths: pretrainFiles(settings), tokenizer, config: model.config, hashes };
    const file = step > 0 ? await modelOf(folder.path) : undefined;
    await writeReceipt(folder.path, { kind: 'pre-training', ...from, model: file });
  });
  if (interrupted) report({ event: 'interrupted', step, folder: checkpoint! });
  else
    await onMainProcess(async () => {
      await writePretrainCard(folder.path, { settings: kept, model, history });
      await reportPretraining({
        ...{ out: folder.path, model, history, kept },
        examples: { train: step * batchSize, valid },
        time: { seconds: (performance.now() - started) / 1000, firstStep },
      });
    });
  return { model, tokenizer, history, totalSteps, interrupted, out: folder.path };
}

const countSteps = async (settings: PretrainSettings, data: PretrainData): Promise<number> =>
  settings.steps ??
  (settings.epochs ?? EPOCHS) * (await countBatches(data.documents, data.exampleBuilder, settings));

/** The files that a pre-training must find unchanged. */
export const pretrainFiles = ({ files, valid }: PretrainSettings): string[] => [
  ...files,
  ...(valid ? [valid] : []),
];

/** The model of a folder (`from` if a run is resumed), or a fresh one. */
export async function startingModel(
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

/** The file of the model, and its hash. */
const modelOf = async (out: string) => ({
  file: modelFiles.weights,
  sha256: (await hashFile(joinPath(out, modelFiles.weights))).sha256,
});

/** The model as it stands, and how it came to be. */
async function writeResult(
  out: string,
  model: PretrainModel,
  history: PretrainHistory,
  file: string,
  tokenizerFiles: Record<string, string>,
): Promise<void> {
  const title = `${file.split('/').at(-1)}: pre-training`;
  await removeEarlierResults(out);
  await model.savePretrained(out, {
    ...tokenizerFiles,
    [HISTORY]: `${JSON.stringify(history, undefined, 1)}\n`,
    'history.svg': pretrainPicture(history, title),
  });
}
