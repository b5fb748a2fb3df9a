import type { PeftModel } from '../../bert/layers/lora/peftModel.ts';
import { measurePeaks } from '../../measure/peaks.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import { hashFile } from '../../platform/hash.ts';
import { fileExists } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { filesOf } from '../data/severalFiles.ts';
import { isMainProcess, onMainProcess, processGroup } from '../distributed/processGroup.ts';
import { metricNames } from '../tasks/metric.ts';
import { deviceOf, labelsOf, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { HISTORY } from '../trainer/checkpoint.ts';
import {
  type FitPosition,
  type FitState,
  findFitBatchSize,
  fit,
  stepsPerEpoch,
  totalStepsOf,
} from '../trainer/fit.ts';
import { type EpochRecord, History, type StepRecord } from '../trainer/history.ts';
import { examplesPerStep, fitOptionsOf } from '../trainer/hyperparameters.ts';
import { historyPicture } from '../trainer/picture.ts';
import type { SavedState } from '../trainer/trainer.ts';
import { removeEarlierResults } from './earlierResults.ts';
import { type RecipeCallbacks, troubleCallbacks } from './events.ts';
import type { FineTuneEvent } from './fineTuneEvents.ts';
import { type PreparedFineTuning, prepareFineTuning } from './fineTunePrepare.ts';
import type { FineTuneSettings } from './fineTuneSettings.ts';
import { trainedPart } from './lora.ts';
import { writeFineTuneCard } from './modelCard.ts';
import { checkNoModel } from './outFolder.ts';
import { type Receipted, writeReceipt } from './receipt/receipt.ts';
import { reportFineTuning } from './report/fineTuneReport.ts';
import type { RunFolder } from './runFolder.ts';
import { watchedFiles } from './start.ts';

/** What `fineTune` resolves with. */
export interface FineTuneResult {
  /** The best model. */
  model: TaskModel;
  /** Its adapter, if one was trained. */
  peft?: PeftModel<TaskModel>;
  tokenizer: BertTokenizer;
  labels: string[];
  history: History;
  /** True if `signal` stopped it. */
  interrupted: boolean;
  /** True if it is trained on pairs of texts. */
  isForPairs: boolean;
  /** True if it is trained on questions or choices, which come in files of several columns. */
  isForFiles: boolean;
  out: string;
}

/** A run, new or resumed. */
export interface FineTuneRun {
  settings: FineTuneSettings;
  folder: RunFolder;
  callbacks: RecipeCallbacks<FineTuneEvent>;
  /** Takes the folder for the run. */
  begin: () => Promise<void>;
  report: (event: FineTuneEvent) => void;
  /** Where a run that has begun is continued. */
  begun?: {
    checkpoint: string;
    state: SavedState<FitPosition, StepRecord, EpochRecord>;
    /** Hash of the best model's weights so far. */
    bestModel?: string;
    /** Hash of the model that a stop left before there was a best one. */
    interimModel?: string;
  };
  /** Whether the batch size is still to be found. */
  findsBatchSize?: boolean;
  /** Whether a model in `out` may be replaced. */
  overwrite: boolean;
  /** The settings as the checkpoint keeps them. */
  kept: Record<string, unknown>;
}

/** Trains the run to its end, or until its signal stops it. */
export async function runFineTuning(run: FineTuneRun): Promise<FineTuneResult> {
  const { settings, report, begun } = run;
  const started = performance.now();
  const prepared = await prepareFineTuning(run);
  const { files, model, tokenizer, peft, labels, split } = prepared;
  const { train, valid } = split;
  if (run.findsBatchSize) {
    run.kept.batchSize = settings.batchSize = await findFitBatchSize(model, train, settings);
    report({ event: 'batchSize', batchSize: settings.batchSize });
  }
  const totalSteps = totalStepsOf(settings, train.length);
  report({
    event: 'start',
    train: train.length,
    valid: valid.length,
    labels,
    files,
    model,
    totalSteps,
    totalEpochs: settings.epochs,
    evalEvery: settings.evalEvery,
    firstStep: begun?.state.step ?? 0,
  });
  // Here, so that whoever tries a file on an old folder still learns what it holds.
  await checkNoModel({ out: run.folder.path, overwrite: run.overwrite });
  run.kept.totalSteps = totalSteps;
  const { history, ...saved } = await trainAndSave(run, prepared);
  const interrupted = run.callbacks.signal?.aborted === true;
  const kept = { ...run.kept, ...settings };
  const paths = await watchedFiles(settings);
  if (!interrupted && isMainProcess()) {
    const counts = { train: train.length, valid: valid.length };
    await writeFineTuneCard(run.folder.path, { settings: kept, model, files, history, counts });
    await reportFineTuning({
      ...{ out: run.folder.path, model, tokenizer, history, kept, ...split },
      signal: run.callbacks.signal,
      skipped: files.data.problems.length + (files.validData?.problems.length ?? 0),
      time: {
        seconds: (performance.now() - started) / 1000,
        firstStep: begun?.state.step ?? 0,
      },
    });
  }
  // Last: it vouches for the calibration too.
  await onMainProcess(() =>
    writeReceipt(run.folder.path, {
      ...{ kind: 'fine-tuning', kept, paths },
      ...{ tokenizer, config: model.config, ...saved },
    }),
  );
  return {
    model,
    peft,
    tokenizer,
    labels,
    history,
    interrupted,
    isForPairs: files.data.examples[0].pair !== undefined,
    isForFiles: files.task.name === 'question-answering' || files.task.name === 'multiple-choice',
    out: run.folder.path,
  };
}

/** Trains; keeps the best model in the folder, and the state in its checkpoints. */
async function trainAndSave(
  run: FineTuneRun,
  { model, peft, tokenizer, split: { train, valid } }: PreparedFineTuning,
): Promise<{ history: History } & Pick<Receipted, 'hashes' | 'model'>> {
  const { settings, folder, kept, begun, report } = run;
  const out = folder.path;
  const part = trainedPart(model, peft, settings.model);
  const weights = joinPath(out, part.weightsFile);
  const { signal } = run.callbacks;
  const peakFlops = await peakFlopsOf(run, model);
  const tokenizerFiles = tokenizer.files({ modelMaxLength: model.config.maxPositionEmbeddings });
  const monitor = settings.metric ?? taskOf(model).monitoredMetrics(labelsOf(model))[0];
  let { checkpoint, bestModel } = begun ?? {};
  let hashes = begun?.state.hashes;
  const interimModel = begun && (await ownInterimModel(begun, out, part.weightsFile));
  if (begun) await run.begin();
  const history = await fit(
    model,
    train,
    valid,
    {
      ...fitOptionsOf(settings),
      hashEvery: hashEveryOf(settings, train.length),
      signal,
      peakFlops,
      ...troubleCallbacks(report),
      onStep: (record, pace) => report({ event: 'step', ...record, ...pace }),
      onEpoch: (record, seconds) => report({ event: 'epoch', ...record, seconds }),
      onBest: async () => {
        await onMainProcess(() => saveModel(part, out, tokenizerFiles, !bestModel));
        processGroup().barrier();
        bestModel = (await hashFile(weights)).sha256;
      },
      onCheckpoint: async ({ log, ...state }: FitState<Tensor>) => {
        hashes = state.hashes;
        // Not before the first checkpoint: what `fit` refuses leaves an earlier run as it was.
        if (state.step === 0) await run.begin();
        const models = bestModel === undefined ? { interimModel } : { bestModel };
        const about = { history: new History(monitor, log), ...models };
        // The same run has the same files, whatever folder its command names.
        const shared = { ...kept, command: undefined };
        checkpoint = await folder.save(
          state,
          { ...about, settings: shared, model: part, tokenizerFiles },
          settings.keep,
        );
        report({ event: 'checkpoint', step: state.step });
      },
    },
    begun?.state,
  );
  const isAborted = signal?.aborted === true;
  if (!isAborted && history.steps.length < totalStepsOf(settings, train.length))
    report({ event: 'earlyStop', patience: settings.patience, monitor: history.monitor });
  if (history.steps.length > 0) {
    // The model of an earlier run stays until this one has a better one.
    const hasModel = bestModel !== undefined || (!interimModel && (await fileExists(weights)));
    if (isAborted && !hasModel)
      await onMainProcess(() => saveModel(part, out, tokenizerFiles, true));
    const dir = bestModel || !hasModel ? out : checkpoint!;
    await onMainProcess(() => writeHistory(dir, history, filesOf(settings.data)[0]));
    if (isAborted)
      report({ event: 'interrupted', step: history.steps.length, folder: checkpoint! });
  }
  if (bestModel && !isAborted && !history.epochs.at(-1)!.best) {
    await checkBest(out, weights, bestModel, checkpoint!);
    await part.load(out);
  }
  const saved = bestModel ? { file: part.weightsFile, sha256: bestModel } : undefined;
  return { history, hashes, model: saved };
}

async function saveModel(
  part: ReturnType<typeof trainedPart>,
  out: string,
  files: Record<string, string>,
  isFirst: boolean,
): Promise<void> {
  if (isFirst) await removeEarlierResults(out);
  await part.save(out, files);
}

/**
 * For reports, if somebody listens. The cpu device does not capture steps, so their operations are
 * not counted.
 */
async function peakFlopsOf(
  { callbacks }: FineTuneRun,
  model: Parameters<typeof deviceOf>[0],
): Promise<number | undefined> {
  const device = deviceOf(model);
  if (!callbacks.onEvent || device.kind !== 'webgpu') return undefined;
  return (await measurePeaks(device)).flops;
}

/** Hash of the model in `out`, if it is one that this run left when it was stopped. */
async function ownInterimModel(
  { checkpoint, bestModel, interimModel }: NonNullable<FineTuneRun['begun']>,
  out: string,
  weightsFile: string,
): Promise<string | undefined> {
  const weights = joinPath(out, weightsFile);
  if (bestModel !== undefined || !(await fileExists(weights))) return undefined;
  const { sha256 } = await hashFile(weights);
  // A stop leaves what its checkpoint has.
  const saved = await hashFile(joinPath(checkpoint, weightsFile));
  return [interimModel, saved.sha256].includes(sha256) ? sha256 : undefined;
}

/** @throws UsageError if the weights in a folder are not those of the run's best model. */
async function checkBest(out: string, weights: string, best: string, checkpoint: string) {
  if ((await hashFile(weights)).sha256 === best) return;
  throw new UsageError(
    `${out}: expected the best model of this run, got other weights; ` +
      `those of the last epoch are in ${checkpoint}`,
  );
}

/** Steps between hashes: those between checkpoints. */
export const hashEveryOf = (settings: FineTuneSettings, examples: number): number =>
  settings.hashEvery ?? settings.saveEvery ?? stepsPerEpoch(examples, examplesPerStep(settings));

async function writeHistory(dir: string, history: History, data: string): Promise<void> {
  const title = `${data.split('/').at(-1)}: loss and ${metricNames[history.monitor]}`;
  await writeFiles(dir, {
    [HISTORY]: `${JSON.stringify(history, undefined, 1)}\n`,
    'history.svg': historyPicture(history, title),
  });
}
