import { readCheckpoint } from '../bert/checkpoint.ts';
import { type BertConfig, bertConfig, bertTiny, labelFields, parseBertConfig } from '../bert/config.ts';
import { nameSome } from '../bert/quote.ts';
import { BertForSequenceClassification } from '../bert/sequenceClassification.ts';
import { BertTokenizer } from '../bert/tokenizer/index.ts';
import { measurePeaks } from '../kernels/peaks.ts';
import { UsageError } from '../platform/errors.ts';
import { joinPath, readJson, readText, writeFiles } from '../platform/files.ts';
import { encodeExamples } from '../train/batch.ts';
import { type DataOptions, type LabelledData, readData } from '../train/data.ts';
import { type FitOptions, fit } from '../train/fit.ts';
import type { History } from '../train/history.ts';
import { historyPicture } from '../train/picture.ts';
import { stratifiedSplit } from '../train/split.ts';
import { modelFolder } from './download.ts';
import { interruptible, reportProblems } from './options.ts';
import { createProgress } from './progress.ts';
import { percent } from './table.ts';

/** What `train` and `demo` are asked for. */
export interface TrainRequest extends Omit<FitOptions, 'signal' | 'peakFlops' | 'onStep' | 'onEpoch' | 'onBest'> {
  train: string;
  valid?: string;
  model?: string;
  vocab?: string;
  config?: string;
  cased?: boolean;
  maxLength: number;
  validSplit: number;
  out: string;
  columns: DataOptions;
  silent: boolean;
  /** Told of each step and epoch. */
  onEvent?: (event: Record<string, unknown>) => void;
}

export interface TrainResult {
  model: BertForSequenceClassification;
  tokenizer: BertTokenizer;
  labels: string[];
  history: History;
  interrupted: boolean;
}

/** Reads the data, makes or loads the model, calls `before` on it, trains it and saves the best. */
export async function runTraining(
  request: TrainRequest,
  before: (model: BertForSequenceClassification, tokenizer: BertTokenizer, labels: string[]) => Promise<void> = async () => {},
): Promise<TrainResult> {
  const say = request.silent ? () => {} : (line: string) => console.error(line);
  const data = await readReporting(request.train, request.columns);
  if (data.labels.length < 2) {
    throw new UsageError(`${request.train} has one label only (${data.labels[0]}): a classifier needs two or more`);
  }
  const validData = request.valid ? await readReporting(request.valid, { ...request.columns, labels: data.labels }) : undefined;
  const { model, tokenizer } = await startingModel(request, data.labels);
  const encode = (examples: LabelledData['examples']) =>
    encodeExamples(examples, tokenizer, request.maxLength, model.config.maxPositionEmbeddings);
  const all = encode(data.examples);
  const split = validData
    ? undefined
    : stratifiedSplit(
        all.map(({ label }) => label),
        request.validSplit,
        request.seed,
      );
  const train = split ? split.train.map((i) => all[i]) : all;
  const valid = validData ? encode(validData.examples) : split!.valid.map((i) => all[i]);
  say(
    `data: ${train.length} examples to train on, ${valid.length} to validate with, ${data.labels.length} labels (${nameSome(data.labels)})`,
  );
  say(
    `model: ${model.config.numHiddenLayers} layers × ${model.config.hiddenSize}, ${model.parameterCount.toLocaleString('en')} parameters`,
  );
  await before(model, tokenizer, data.labels);

  const { device } = model.classifier.weight;
  const shown = !request.silent || request.onEvent !== undefined;
  // On the cpu device, steps are not captured, so their operations are not counted.
  const peakFlops = shown && device.kind === 'webgpu' ? (await measurePeaks(device)).flops : undefined;
  const totalSteps = request.epochs * Math.ceil(train.length / request.batchSize);
  const progress = createProgress({ totalSteps, totalEpochs: request.epochs, silent: request.silent });
  const { signal, release } = interruptible(() => progress.log('stopping after this step; press Ctrl-C again to leave at once'));
  const save = (dir: string) => model.savePretrained(dir, tokenizer.files());
  let saved = false;
  let history: History;
  try {
    history = await fit(model, train, valid, {
      ...request,
      signal,
      peakFlops,
      onStep: (record, reviewsPerSecond) => {
        request.onEvent?.({ event: 'step', ...record });
        progress.update({ ...record, reviewsPerSecond, tokensPerSecond: record.tokensPerSecond! });
      },
      onEpoch: (record) => {
        request.onEvent?.({ event: 'epoch', ...record });
        const validated =
          record.validAccuracy === undefined
            ? ''
            : ` · validation loss ${record.validLoss!.toFixed(3)}, accuracy ${percent(record.validAccuracy)}`;
        progress.log(
          `epoch ${record.epoch}: loss ${record.trainLoss.toFixed(3)}, accuracy ${percent(record.trainAccuracy!)}${validated}${record.best ? ' (best, saved)' : ''}`,
        );
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
  if (signal.aborted && history.steps.length > 0) {
    // The best epoch's model stays where it is; what came after it goes beside.
    const dir = saved ? joinPath(request.out, 'interrupted') : request.out;
    await save(dir);
    say(`interrupted after step ${history.steps.length}: the model as it stands is in ${dir}`);
  }
  const title = `${request.train.split('/').at(-1)}: loss and accuracy`;
  await writeFiles(request.out, {
    'history.json': `${JSON.stringify(history, undefined, 1)}\n`,
    ...(history.steps.length > 0 && { 'history.svg': await historyPicture(history, title) }),
  });
  if (saved && !signal.aborted && !history.epochs.at(-1)!.best)
    model.loadWeights((await readCheckpoint(request.out)).tensors, request.out);
  return { model, tokenizer, labels: data.labels, history, interrupted: signal.aborted };
}

async function readReporting(path: string, options: DataOptions): Promise<LabelledData> {
  const data = await readData(path, options);
  reportProblems(path, data.problems);
  return data;
}

/** The model of a folder, or a fresh one of a configuration (default: BERT-Tiny) over a vocabulary. */
async function startingModel({ model: name, vocab, config, cased, seed, silent }: TrainRequest, labels: string[]) {
  if (name) {
    const model = await modelFolder(name, silent);
    const tokenizer = await BertTokenizer.fromPretrained(model);
    const loaded = await BertForSequenceClassification.fromPretrained(model, { labels, seed });
    const { missing, unexpected } = loaded.loadReport;
    if (missing.length > 0) console.error(`${model} lacks ${nameSome(missing)}: drawn anew`);
    if (unexpected.length > 0) console.error(`${model} has weights that are not used: ${nameSome(unexpected)}`);
    checkVocab(tokenizer, loaded.config, model);
    return { model: loaded, tokenizer };
  }
  const tokenizer = new BertTokenizer(await readText(vocab!), { doLowerCase: !cased });
  const base = config
    ? parseBertConfig(await readJson(config), config)
    : bertConfig({ ...bertTiny, vocabSize: tokenizer.vocabSize });
  checkVocab(tokenizer, base, vocab!);
  const fresh = bertConfig({ ...base, ...labelFields(labels), padTokenId: tokenizer.padTokenId });
  return { model: BertForSequenceClassification.fromConfig(fresh, seed), tokenizer };
}

function checkVocab(tokenizer: BertTokenizer, { vocabSize }: BertConfig, source: string): void {
  if (tokenizer.vocabSize > vocabSize) {
    throw new UsageError(
      `${source} has ${tokenizer.vocabSize} tokens, the model only ${vocabSize} embeddings: give a vocab.txt and a config that belong together`,
    );
  }
}
