import { readCheckpoint } from '../bert/checkpoint.ts';
import { bertConfig, bertTiny, labelFields, parseBertConfig } from '../bert/config.ts';
import { freezeEncoder } from '../bert/freeze.ts';
import type { BertPreTrainedModel } from '../bert/model.ts';
import { measurePeaks } from '../kernels/peaks.ts';
import { ensureWritableFolder, writeFiles } from '../platform/atomicWrite.ts';
import { UsageError } from '../platform/errors.ts';
import { formatNames } from '../platform/format.ts';
import { fileExists, readJson, readText } from '../platform/readFiles.ts';
import { joinPath } from '../platform/runtime.ts';
import { BertTokenizer } from '../text/tokenizer/index.ts';
import { encodeExamples } from '../train/data/batch.ts';
import { type DataOptions, type LabelledData, readData } from '../train/data/labelledData.ts';
import { stratifiedSplit } from '../train/data/split.ts';
import { tasks } from '../train/tasks/index.ts';
import { formatMetric, type Metric, metricKey, metricNames } from '../train/tasks/metric.ts';
import type { Task, TaskName } from '../train/tasks/task.ts';
import {
  checkVocab,
  createTaskModel,
  loadForTask,
  type TaskModel,
} from '../train/tasks/taskModel.ts';
import { type FitOptions, fit } from '../train/trainer/fit.ts';
import type { EpochRecord, History } from '../train/trainer/history.ts';
import { historyPicture } from '../train/trainer/picture.ts';
import { modelFolder } from './download.ts';
import { interruptible, reportProblems, reportTruncatedWords, reportUnknown } from './options.ts';
import { createProgress } from './progress.ts';

/** What `train` and `demo` are asked for. */
export interface TrainRequest
  extends Omit<FitOptions, 'signal' | 'peakFlops' | 'onStep' | 'onEpoch' | 'onBest'> {
  train: string;
  /** Default: `classification`. */
  task?: TaskName;
  valid?: string;
  model?: string;
  vocab?: string;
  config?: string;
  /** How many layers of the encoder to freeze, from the lowest, with the embeddings. Default: nothing is frozen. */
  freeze?: number | 'all';
  cased?: boolean;
  maxLength: number;
  validSplit: number;
  out: string;
  data: DataOptions;
  silent: boolean;
  /** Told of each step and epoch. */
  onEvent?: (event: Record<string, unknown>) => void;
}

export interface TrainResult {
  model: TaskModel;
  tokenizer: BertTokenizer;
  labels: string[];
  history: History;
  interrupted: boolean;
  /** Whether it is trained on pairs of texts. */
  ofPairs: boolean;
}

/** Reads the data, makes or loads the model, trains it and saves the best. */
export async function runTraining(request: TrainRequest): Promise<TrainResult> {
  const log = request.silent ? () => {} : (line: string) => console.error(line);
  const task = tasks[request.task ?? 'classification'];
  const options = { ...request.data, task: task.name };
  const data = await readDataReporting(request.train, options);
  const labels = outputLabels(task, data, request);
  const validData = request.valid
    ? await readDataReporting(request.valid, { ...options, labels: data.labels })
    : undefined;
  const { model, tokenizer } = await loadOrCreateModel(request, task, labels);
  if (request.freeze !== undefined) freezeEncoder(model, request.freeze);
  const encode = (path: string, { examples }: LabelledData) => {
    const encoded = encodeExamples(
      examples,
      tokenizer,
      request.maxLength,
      model.config.maxPositionEmbeddings,
    );
    reportTruncatedWords(path, examples, encoded);
    // A sentence that has lost all its words teaches nothing.
    return encoded.filter(({ label }) => task.lossWeight(label!) > 0);
  };
  const all = encode(request.train, data);
  reportUnknown(
    request.train,
    all.map(({ inputIds }) => inputIds),
    tokenizer,
    request,
  );
  // Only where there is one label each can its share be kept.
  const strataLabels = all.map(({ label }) =>
    task === tasks.classification ? (label as number) : 0,
  );
  const split = validData
    ? undefined
    : stratifiedSplit(strataLabels, request.validSplit, request.seed);
  const train = split ? split.train.map((i) => all[i]) : all;
  const valid = validData ? encode(request.valid!, validData) : split!.valid.map((i) => all[i]);
  const kinds =
    task === tasks.regression
      ? 'scores'
      : `${labels.length} ${task.perToken ? 'tags' : 'labels'} (${formatNames(labels)})`;
  log(`data: ${train.length} examples to train on, ${valid.length} to validate with, ${kinds}`);
  log(
    `model: ${model.config.numHiddenLayers} layers × ${model.config.hiddenSize}, ${model.numParameters.toLocaleString('en')} parameters${describeTrained(model)}`,
  );

  await ensureWritableFolder(request.out);
  const { device } = model.classifier.weight;
  const shown = !request.silent || request.onEvent !== undefined;
  // On the cpu device, steps are not captured, so their operations are not counted.
  const peakFlops =
    shown && device.kind === 'webgpu' ? (await measurePeaks(device)).flops : undefined;
  const totalSteps = request.epochs * Math.ceil(train.length / request.batchSize);
  const progress = createProgress({
    totalSteps,
    totalEpochs: request.epochs,
    unit: exampleUnit(data),
    silent: request.silent,
  });
  const { signal, release } = interruptible(() =>
    progress.log('stopping after this step; press Ctrl-C again to leave at once'),
  );
  const save = (dir: string) => model.savePretrained(dir, tokenizer.files());
  let saved = false;
  let history: History;
  try {
    history = await fit(model, train, valid, {
      ...request,
      signal,
      peakFlops,
      onStep: (record, examplesPerSecond) => {
        request.onEvent?.({ event: 'step', ...record });
        progress.update({ ...record, examplesPerSecond, tokensPerSecond: record.tokensPerSecond! });
      },
      onEpoch: (record) => {
        request.onEvent?.({ event: 'epoch', ...record });
        progress.log(epochLine(record, task, labels));
      },
      onBest: async () => {
        await save(request.out);
        saved = true;
      },
    });
  } finally {
    progress.stop();
    release();
  }
  if (!signal.aborted && history.epochs.length < request.epochs) {
    const epochs = request.patience === 1 ? 'epoch' : `${request.patience} epochs`;
    log(
      `stopped early: no better validation ${metricNames[history.monitor]} in the last ${epochs} (--patience)`,
    );
  }
  if (history.steps.length > 0) {
    // The best epoch's model, or an earlier run's, stays where it is; what is interrupted goes beside.
    const isBeside =
      signal.aborted && (saved || (await fileExists(joinPath(request.out, 'model.safetensors'))));
    const last = isBeside ? joinPath(request.out, 'interrupted') : request.out;
    if (signal.aborted) {
      await save(last);
      log(`interrupted after step ${history.steps.length}: the model as it stands is in ${last}`);
    }
    const title = `${request.train.split('/').at(-1)}: loss and ${metricNames[history.monitor]}`;
    await writeFiles(saved ? request.out : last, {
      'history.json': `${JSON.stringify(history, undefined, 1)}\n`,
      'history.svg': await historyPicture(history, title),
    });
  }
  if (saved && !signal.aborted && !history.epochs.at(-1)!.best)
    model.loadWeights((await readCheckpoint(request.out)).tensors, request.out);
  return {
    model,
    tokenizer,
    labels,
    history,
    interrupted: signal.aborted,
    ofPairs: data.examples[0].pair !== undefined,
  };
}

/** How much of a partly frozen model is trained. */
function describeTrained(model: TaskModel): string {
  const trained = model
    .parameters()
    .reduce((total, { size, requiresGrad }) => total + (requiresGrad ? size : 0), 0);
  return trained === model.numParameters ? '' : `, ${trained.toLocaleString('en')} of them trained`;
}

async function readDataReporting(path: string, options: DataOptions): Promise<LabelledData> {
  const data = await readData(path, options);
  reportProblems(path, data.problems);
  return data;
}

/**
 * The label of each output of the model; a score has Hugging Face's name for none.
 * @throws UsageError when there is nothing to tell apart, or the labels are of another task.
 */
function outputLabels(
  task: Task,
  { labels, examples }: LabelledData,
  { train, task: asked }: TrainRequest,
): string[] {
  if (task === tasks.regression) {
    const [{ label: first }] = examples;
    if (examples.every(({ label }) => label === first))
      throw new UsageError(`${train} has one score only (${first}): there is nothing to learn`);
    return ['LABEL_0'];
  }
  if (task === tasks['multi-label'] && labels.length > 0) return labels;
  if (labels.length < 2) {
    const only = labels.length === 0 ? 'no labels' : `one label only (${labels[0]})`;
    throw new UsageError(`${train} has ${only}: a classifier needs two or more`);
  }
  const areScores =
    labels.every((label) => Number.isFinite(Number(label))) &&
    labels.some((label) => !Number.isInteger(Number(label)));
  if (asked === undefined && areScores)
    throw new UsageError(
      `the labels of ${train} are numbers with fractions (${formatNames(labels, 3)}): say --task regression for scores, or --task classification for labels all the same`,
    );
  return labels;
}

/** What the examples are called. */
function exampleUnit({ examples: [{ words, pair }] }: LabelledData): string {
  if (words) return 'sentences';
  return pair === undefined ? 'reviews' : 'pairs';
}

function epochLine(record: EpochRecord, task: Task, labels: string[]): string {
  const { epoch, trainLoss, validLoss, best } = record;
  const values = (part: 'train' | 'valid', loss: number, metrics: readonly Metric[]) => {
    const shown = metrics.map(
      (metric) =>
        `, ${metricNames[metric]} ${formatMetric(metric, record[metricKey(part, metric) as 'validF1']!)}`,
    );
    return `loss ${loss.toFixed(3)}${shown.join('')}`;
  };
  const trained = values('train', trainLoss, task.stepMetric ? [task.stepMetric] : []);
  const validated =
    validLoss === undefined
      ? ''
      : ` · validation ${values('valid', validLoss, task.monitoredMetrics(labels))}`;
  return `epoch ${epoch}: ${trained}${validated}${best ? ' (best, saved)' : ''}`;
}

/** The model of a folder, or a fresh one of a configuration (default: BERT-Tiny) over a vocabulary. */
async function loadOrCreateModel(
  { model: name, vocab, config, cased, seed, silent }: TrainRequest,
  task: Task,
  labels: string[],
) {
  if (name) {
    const model = await modelFolder(name, silent);
    const tokenizer = await BertTokenizer.fromPretrained(model);
    const loaded = await loadForTask(model, task, labels, seed);
    reportWeights(model, loaded);
    checkVocab(tokenizer, loaded.config, model);
    return { model: loaded, tokenizer };
  }
  const { tokenizer, config: base } = await freshConfig({ vocab: vocab!, config, cased });
  const fresh = bertConfig({ ...base, ...labelFields(labels) });
  return { model: createTaskModel(task, fresh, seed), tokenizer };
}

/** The configuration of a fresh model (default: BERT-Tiny) over a vocabulary, and the tokenizer. */
export async function freshConfig({
  vocab,
  config,
  cased,
}: {
  vocab: string;
  config?: string;
  cased?: boolean;
}) {
  const tokenizer = new BertTokenizer(await readText(vocab), { doLowerCase: !cased });
  const base = config
    ? parseBertConfig(await readJson(config), config)
    : bertConfig({ ...bertTiny, vocabSize: tokenizer.vocabSize });
  checkVocab(tokenizer, base, vocab);
  return { tokenizer, config: bertConfig({ ...base, padTokenId: tokenizer.padTokenId }) };
}

/** Says on standard error which weights of a folder a model lacks, or has no use for. */
export function reportWeights(
  dir: string,
  { loadReport: { missing, unexpected } }: BertPreTrainedModel,
): void {
  if (missing.length > 0) console.error(`${dir} lacks ${formatNames(missing)}: drawn anew`);
  if (unexpected.length > 0)
    console.error(`${dir} has weights that are not used: ${formatNames(unexpected)}`);
}
