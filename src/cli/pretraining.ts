import { bertConfig } from '../bert/config.ts';
import type { Device } from '../device/device.ts';
import type { RowProblem } from '../formats/tables/rows.ts';
import { measurePeaks } from '../kernels/peaks.ts';
import { ensureWritableFolder, writeFiles } from '../platform/atomicWrite.ts';
import { UsageError } from '../platform/errors.ts';
import { openRandomAccess } from '../platform/readFiles.ts';
import type { Tensor } from '../tensor/index.ts';
import { BertTokenizer } from '../text/tokenizer/index.ts';
import { checkMaxLength } from '../train/data/batch.ts';
import { batches } from '../train/data/split.ts';
import { countBatches } from '../train/pretraining/batches.ts';
import { readPretraining, savePretraining } from '../train/pretraining/checkpoint.ts';
import { type Document, openCorpus } from '../train/pretraining/corpus.ts';
import type { PretrainEvaluation, PretrainHistory } from '../train/pretraining/history.ts';
import {
  ExampleBuilder,
  type PretrainBatch,
  type PretrainModel,
  pretrainModels,
} from '../train/pretraining/objective.ts';
import { pretrainPicture } from '../train/pretraining/picture.ts';
import {
  type PretrainData,
  type PretrainOptions,
  type PretrainState,
  pretrain,
} from '../train/pretraining/pretrain.ts';
import { documentsOfSplit, validSeed } from '../train/pretraining/stream.ts';
import { checkVocab } from '../train/tasks/taskModel.ts';
import { modelFolder } from './download.ts';
import { interruptible, reportProblems, reportUnknown } from './options.ts';
import { createProgress } from './progress.ts';
import { percent } from './table.ts';
import { freshConfig, reportWeights } from './training.ts';

/** Sizes of a fresh model, instead of its configuration's. */
export interface ModelSizes {
  layers?: number;
  hiddenSize?: number;
  heads?: number;
  intermediateSize?: number;
}

/** What decides the outcome of a pre-training, and is the same when it goes on. */
export interface PretrainSettings extends Omit<PretrainOptions, 'totalSteps'>, ModelSizes {
  files: string[];
  valid?: string;
  validSplit: number;
  textColumn?: string;
  pairColumn?: string;
  model?: string;
  vocab?: string;
  config?: string;
  cased?: boolean;
  steps?: number;
  epochs?: number;
}

/** What is found out at the start, and kept. */
interface SavedRun {
  totalSteps: number;
  /** Bytes of the files. */
  bytes: number[];
}

export interface PretrainRequest {
  settings: PretrainSettings;
  out: string;
  /** Go on with what is in `out`. */
  resume: boolean;
  device: Device;
  silent: boolean;
  onEvent?: (event: Record<string, unknown>) => void;
}

export interface PretrainOutcome {
  history: PretrainHistory;
  totalSteps: number;
  interrupted: boolean;
}

/** Times through the corpus where neither steps nor epochs are given. */
const DEFAULT_EPOCHS = 3;

/** Opens the corpus, makes or loads the model, pre-trains it, and writes checkpoints into `out`. */
export async function runPretraining(request: PretrainRequest): Promise<PretrainOutcome> {
  const { settings, out, resume, device, silent, onEvent } = request;
  const { batchSize } = settings;
  const log = silent ? () => {} : (line: string) => console.error(line);
  const paths = [...settings.files, ...(settings.valid ? [settings.valid] : [])];
  const bytes = await Promise.all(paths.map(async (path) => (await openRandomAccess(path)).size));
  const resumed = resume ? await readPretraining(out) : undefined;
  if (resumed) checkUnchanged(out, paths, bytes, resumed.settings as unknown as SavedRun);
  const { model, tokenizer } = await loadOrCreateModel(request);
  checkMaxLength(settings.maxLength, model.config.maxPositionEmbeddings);
  const data = await openData(settings, tokenizer);
  await ensureWritableFolder(out);
  log(
    `model: ${model.config.numHiddenLayers} layers × ${model.config.hiddenSize}, ${model.numParameters.toLocaleString('en')} parameters`,
  );
  const totalSteps =
    (resumed?.settings as SavedRun | undefined)?.totalSteps ??
    settings.steps ??
    (settings.epochs ?? DEFAULT_EPOCHS) *
      (await countBatches(data.documents, data.exampleBuilder, settings));
  const heldOut = data.valid.reduce((sum, { examples }) => sum + examples, 0);
  const from = resumed ? `, from step ${resumed.state.step} on` : '';
  log(
    `data: ${totalSteps} steps of ${batchSize} examples${from}, ${heldOut} examples held out to validate with`,
  );

  const shown = !silent || onEvent !== undefined;
  const peakFlops =
    shown && device.kind === 'webgpu' ? (await measurePeaks(device)).flops : undefined;
  const firstStep = resumed?.state.step ?? 0;
  const progress = createProgress({ totalSteps, firstStep, unit: 'examples', silent });
  const { signal, release } = interruptible(() =>
    progress.log('stopping after this step; press Ctrl-C again to leave at once'),
  );
  const savedSettings = { ...settings, totalSteps, bytes, device: device.kind };
  let history: PretrainHistory;
  try {
    history = await pretrain(
      model,
      data,
      { ...settings, totalSteps },
      {
        signal,
        peakFlops,
        onStep: (record, { examplesPerSecond, ...pace }) => {
          onEvent?.({ event: 'step', ...record, ...pace });
          progress.update({ ...record, ...pace, examplesPerSecond });
        },
        onEvaluation: (record) => {
          onEvent?.({ event: 'evaluation', ...record });
          progress.log(evaluationLine(record));
        },
        onCheckpoint: async (state: PretrainState<Tensor>) => {
          await savePretraining(out, model, state, savedSettings, tokenizer.files());
          onEvent?.({ event: 'checkpoint', step: state.step });
        },
      },
      resumed?.state,
    );
  } finally {
    progress.stop();
    release();
  }
  if (history.steps.length > 0)
    await writeFiles(out, {
      'history.svg': await pretrainPicture(
        history,
        `${settings.files[0].split('/').at(-1)}: pre-training`,
      ),
    });
  const interrupted = history.steps.length < totalSteps;
  if (interrupted)
    log(
      `interrupted after step ${history.steps.length}; to go on: npx wigbert pretrain --resume ${out}`,
    );
  return { history, totalSteps, interrupted };
}

export function evaluationLine({
  step,
  trainLoss,
  validLoss,
  validPerplexity,
  validAccuracy,
}: PretrainEvaluation): string {
  const parts = [`loss ${validLoss.toFixed(3)}`];
  if (validPerplexity !== undefined) parts.push(`perplexity ${validPerplexity.toFixed(1)}`);
  if (validAccuracy !== undefined) parts.push(`next sentence accuracy ${percent(validAccuracy)}`);
  return `step ${step}: loss ${trainLoss.toFixed(3)} · validation ${parts.join(', ')}`;
}

function checkUnchanged(
  out: string,
  paths: readonly string[],
  bytes: readonly number[],
  begun: SavedRun,
): void {
  const changed = paths.findIndex((_, i) => bytes[i] !== begun.bytes[i]);
  if (changed >= 0)
    throw new UsageError(
      `${paths[changed]} has ${bytes[changed]} bytes, but had ${begun.bytes[changed]} when ${out} was begun: the run can only go on with the same texts`,
    );
}

/** What is trained on, and what is held out, made into batches once. */
async function openData(
  settings: PretrainSettings,
  tokenizer: BertTokenizer,
): Promise<PretrainData> {
  const { files, valid, validSplit, textColumn, pairColumn, objective, batchSize, seed } = settings;
  const reported = new Set<string>();
  const onProblems = (path: string, problems: readonly RowProblem[]) => {
    if (!reported.has(path)) reportProblems(path, problems);
    reported.add(path);
  };
  const options = { textColumn, pairColumn, blankLineSeparated: objective !== 'mlm', onProblems };
  const corpus = await openCorpus(files, options);
  const validCorpus = valid === undefined ? undefined : await openCorpus([valid], options);
  const exampleBuilder = new ExampleBuilder(tokenizer, settings);
  await reportUnknownIn(corpus(), settings, tokenizer);
  const documents = validCorpus
    ? corpus
    : () => documentsOfSplit(corpus(), 'train', validSplit, seed);
  const heldOut = [];
  for await (const document of validCorpus
    ? documentsOfSplit(validCorpus(), 'valid', 1, seed)
    : documentsOfSplit(corpus(), 'valid', validSplit, seed))
    heldOut.push(document);
  const seedOfValid = validSeed(seed);
  const examples = await exampleBuilder.examples(heldOut, seedOfValid);
  if (examples.length === 0 && (valid !== undefined || validSplit > 0))
    throw new UsageError(
      valid === undefined
        ? `a validation split of ${validSplit} leaves no example to validate with: give more texts, a greater --valid-split, or --valid-split 0`
        : `${valid} gives no example to validate with: expected texts with words of the vocabulary${objective === 'mlm' ? '' : ', in documents of two or more sentences'}`,
    );
  const batched: PretrainBatch[] = batches(exampleBuilder.sortByLength(examples), batchSize).map(
    (some, i) => exampleBuilder.collate(some, seedOfValid, i * batchSize),
  );
  return { documents, exampleBuilder, valid: batched };
}

/** Documents by which a vocabulary is judged. */
const UNKNOWN_SAMPLE_SIZE = 1000;

async function reportUnknownIn(
  documents: AsyncIterable<Document>,
  settings: PretrainSettings,
  tokenizer: BertTokenizer,
) {
  const texts: number[][] = [];
  let count = 0;
  for await (const document of documents) {
    for (const text of document) texts.push(tokenizer.encode(text).inputIds);
    if (++count === UNKNOWN_SAMPLE_SIZE) break;
  }
  reportUnknown(settings.files.join(', '), texts, tokenizer, settings);
}

/** The model of a folder, or a fresh one. */
async function loadOrCreateModel(
  request: PretrainRequest,
): Promise<{ model: PretrainModel; tokenizer: BertTokenizer }> {
  const { settings, out, resume, silent } = request;
  const { objective, vocab, config, cased, layers, hiddenSize, heads, intermediateSize, seed } =
    settings;
  const Model = pretrainModels[objective];
  if (resume || settings.model) {
    const dir = resume ? out : await modelFolder(settings.model!, silent);
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    const model = await Model.fromPretrained<PretrainModel>(dir, { seed });
    reportWeights(dir, model);
    checkVocab(tokenizer, model.config, dir);
    return { model, tokenizer };
  }
  const base = await freshConfig({ vocab: vocab!, config, cased });
  const sizes = { numHiddenLayers: layers, hiddenSize, numAttentionHeads: heads, intermediateSize };
  const given = Object.fromEntries(Object.entries(sizes).filter(([, size]) => size !== undefined));
  const model = Model.fromConfig<PretrainModel>(bertConfig({ ...base.config, ...given }), seed);
  return { model, tokenizer: base.tokenizer };
}
