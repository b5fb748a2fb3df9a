import { type BertConfig, bertConfig, labelFields } from '../bert/config.ts';
import { freezeEncoder } from '../bert/layers/freeze.ts';
import { writeFiles } from '../platform/atomicWrite.ts';
import { joinPath } from '../platform/runtime.ts';
import { BertTokenizer } from '../text/tokenizer/index.ts';
import { trainerDefaults, trainWordPiece } from '../text/vocabulary/index.ts';
import { checkMaxLength, type EncodedExample, encodeExamples } from '../train/data/batch.ts';
import type { Example } from '../train/data/labelledData.ts';
import { accuracy } from '../train/metrics/index.ts';
import { readPretraining, savePretraining } from '../train/pretraining/checkpoint.ts';
import type { Document } from '../train/pretraining/corpus.ts';
import {
  ExampleBuilder,
  type PretrainModel,
  pretrainModels,
} from '../train/pretraining/objective.ts';
import { pretrainDefaults, pretrainModel } from '../train/pretraining/pretrain.ts';
import { RunFolder } from '../train/recipes/runFolder.ts';
import type { TaskModel } from '../train/tasks/taskModel.ts';
import { hasTrainingState } from '../train/trainer/checkpoint.ts';
import { evaluateExamples } from '../train/trainer/evaluate.ts';
import { fit, fitDefaults } from '../train/trainer/fit.ts';
import { studyCells } from './cells.ts';
import { type StudyData, type StudySource, splitForSeed } from './data.ts';
import type { Method, Pretraining } from './methods.ts';
import { type Cell, openResults, RESULTS, type StudyResults } from './results.ts';

/** What decides the outcome of a study. */
export interface StudySettings extends StudySource {
  /** Kind of the device: kinds round differently. */
  device: string;
  /** What to pre-train for; each has one or two methods that stand on it. */
  pretrainings: Pretraining[];
  /** Rows of the data, without those to test with. */
  trainRows: number;
  /**
   * Numbers of labelled rows. The number of all rows is trained on with the first seed alone; their
   * texts are pre-trained on too, save those of the next smaller size.
   */
  sizes: number[];
  /** Number of seeds: 1, 2, 3… Each has its own rows, vocabulary, weights and order. */
  seeds: number;
  /** Steps of each pre-training. */
  pretrainSteps: number;
  pretrainLearningRate: number;
  vocabSize: number;
  /** Keep case and accents. */
  cased?: boolean;
  layers: number;
  hiddenSize: number;
  maxLength: number;
  batchSize: number;
  /** Times through the labelled rows. */
  epochs: number;
  /** Most steps of each fine-tuning. */
  maxSteps?: number;
  /** Rate of fine-tuning; a head on features learns at `FEATURE_LR_FACTOR` times this rate. */
  learningRate: number;
}

/** A head on frozen features uses 10× the fine-tuning rate; the same for every method. */
export const FEATURE_LR_FACTOR = 10;

export interface StudyStep {
  epoch: number;
  loss: number;
  examplesPerSecond: number;
  tokensPerSecond: number;
}

export interface StudyCallbacks {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Receives the number of steps that an earlier run did, which are not repeated. */
  onSkipped?: (steps: number) => void;
  onStep?: (step: StudyStep) => void;
  onPretrained?: (record: StudyResults['pretraining'][number]) => void;
  onCell?: (cell: Cell) => void;
}

const fitSteps = (settings: StudySettings, size: number): number => {
  const { epochs, batchSize, maxSteps = Number.POSITIVE_INFINITY } = settings;
  return Math.min(maxSteps, epochs * Math.ceil(size / batchSize));
};

/** Optimizer steps of the whole study. */
export function studySteps(settings: StudySettings): number {
  const { seeds, pretrainings, pretrainSteps } = settings;
  const fits = studyCells(settings).map(({ size }) => fitSteps(settings, size));
  return seeds * pretrainings.length * pretrainSteps + fits.reduce((sum, steps) => sum + steps, 0);
}

/**
 * Runs a study, or continues the one in `out`: for each seed, a vocabulary learnt from the
 * unlabelled texts, the pre-trainings on them, and a classifier for each method and size. Each
 * result is written as soon as it is known.
 * @returns the results; if `signal` stopped the study, those up to there.
 * @throws UsageError when `out` holds a study of other settings, another process writes there, or
 * there is too little data.
 */
export async function runStudy(
  data: StudyData,
  settings: StudySettings,
  out: string,
  callbacks: StudyCallbacks = {},
): Promise<StudyResults> {
  const folder = new RunFolder(out);
  try {
    await folder.open();
    return await runSeeds({ data, settings, out, callbacks });
  } finally {
    await folder.close();
  }
}

async function runSeeds(begun: Omit<Run, 'results'>): Promise<StudyResults> {
  const { data, settings, out, callbacks } = begun;
  const about = { ...settings, testRows: data.test.length, bytes: data.bytes };
  const results = await openResults(out, about);
  callbacks.onSkipped?.(
    results.pretraining.reduce((sum, { steps }) => sum + steps, 0) +
      results.cells.reduce((sum, { size }) => sum + fitSteps(settings, size), 0),
  );
  const run: Run = { ...begun, results };
  for (let seed = 1; seed <= settings.seeds; seed++) if (!(await runSeed(run, seed))) break;
  return results;
}

interface Run {
  data: StudyData;
  settings: StudySettings;
  out: string;
  callbacks: StudyCallbacks;
  results: StudyResults;
}

const save = ({ out, results }: Run): Promise<void> =>
  writeFiles(out, { [RESULTS]: `${JSON.stringify(results, undefined, 1)}\n` });

/** Runs what one seed still lacks; false if it was stopped. */
async function runSeed(run: Run, seed: number): Promise<boolean> {
  const { data, settings, callbacks, results } = run;
  let start: SeedStart | undefined;
  for (const { method, size, ...wanted } of studyCells(settings)) {
    if (wanted.seed !== seed) continue;
    const isDone = results.cells.some(
      (cell) => cell.method === method.id && cell.seed === seed && cell.size === size,
    );
    if (isDone) continue;
    start ??= startSeed(data, settings, seed);
    const { pretraining } = method;
    if (pretraining && !(await ensurePretrained(run, pretraining, start))) return false;
    const dir = pretraining && pretrainedFolder(run, pretraining, seed);
    const cell = await trainCell(method, size, start, settings, dir, callbacks);
    if (!cell || callbacks.signal?.aborted) return false;
    results.cells.push(cell);
    await save(run);
    callbacks.onCell?.(cell);
  }
  return true;
}

const pretrainedFolder = ({ out }: Run, name: Pretraining, seed: number): string =>
  joinPath(out, `${name}-${seed}`);

/** Pre-trains unless it is done; false if it was stopped. */
async function ensurePretrained(run: Run, name: Pretraining, start: SeedStart): Promise<boolean> {
  const { settings, callbacks, results } = run;
  const { seed } = start;
  if (results.pretraining.some((record) => record.name === name && record.seed === seed))
    return true;
  const dir = pretrainedFolder(run, name, seed);
  const record = await pretrainOrResume(name, start, settings, dir, callbacks);
  if (!record) return false;
  results.pretraining.push(record);
  await save(run);
  callbacks.onPretrained?.(record);
  return true;
}

/** What all methods of a seed share. */
interface SeedStart {
  seed: number;
  texts: Document[];
  /** The labelled rows of a size. */
  labelled: (size: number) => EncodedExample[];
  labels: readonly string[];
  test: EncodedExample[];
  tokenizer: BertTokenizer;
  config: BertConfig;
}

function startSeed(data: StudyData, settings: StudySettings, seed: number): SeedStart {
  const { vocabSize, cased, layers, hiddenSize, sizes, maxLength, trainRows } = settings;
  const drawn = Math.max(0, ...sizes.filter((size) => size < trainRows));
  const split = splitForSeed(data, drawn, seed);
  // A character may take two entries, at the start of a word and inside: half of the vocabulary.
  const limitAlphabet = Math.min(trainerDefaults.limitAlphabet, Math.ceil(vocabSize / 4));
  const { vocab } = trainWordPiece(split.texts.flat(), {
    vocabSize,
    limitAlphabet,
    lowercase: !cased,
  });
  const tokenizer = new BertTokenizer(vocab, { doLowerCase: !cased });
  const config = bertConfig({
    vocabSize: tokenizer.vocabSize,
    padTokenId: tokenizer.padTokenId,
    numHiddenLayers: layers,
    hiddenSize,
    // As in all of Google's BERTs.
    numAttentionHeads: Math.max(1, Math.round(hiddenSize / 64)),
    intermediateSize: 4 * hiddenSize,
  });
  checkMaxLength(maxLength, config.maxPositionEmbeddings);
  const encode = (examples: readonly Example[]) =>
    encodeExamples(examples, tokenizer, maxLength, config.maxPositionEmbeddings);
  return {
    seed,
    texts: split.texts,
    labelled: (size) => encode(size < trainRows ? split.labelled.slice(0, size) : data.train),
    labels: data.labels,
    test: encode(data.test),
    tokenizer,
    config,
  };
}

/** Pre-trains into a folder, or resumes the run there; undefined if it was stopped. */
async function pretrainOrResume(
  name: Pretraining,
  { seed, texts, tokenizer, config }: SeedStart,
  { pretrainSteps, pretrainLearningRate, maxLength, batchSize }: StudySettings,
  dir: string,
  { signal, onSkipped, onStep }: StudyCallbacks,
): Promise<StudyResults['pretraining'][number] | undefined> {
  const options = {
    ...pretrainDefaults,
    objective: name,
    maxLength,
    batchSize,
    seed,
    totalSteps: pretrainSteps,
    learningRate: pretrainLearningRate,
    // A short run needs more warm-up than the paper's 1 %.
    warmupRatio: fitDefaults.warmupRatio,
  };
  const Model = pretrainModels[name];
  const resumed = (await hasTrainingState(dir)) ? (await readPretraining(dir)).state : undefined;
  const model = resumed
    ? await Model.fromPretrained<PretrainModel>(dir)
    : Model.fromConfig<PretrainModel>(withDecoderFlag(config, Model), seed);
  onSkipped?.(resumed?.step ?? 0);
  const tokenizerFiles = tokenizer.files({ modelMaxLength: model.config.maxPositionEmbeddings });
  const documents = async function* () {
    yield* texts;
  };
  const { steps } = await pretrainModel(
    model,
    { documents, exampleBuilder: new ExampleBuilder(tokenizer, options), valid: [] },
    options,
    {
      signal,
      onStep: (record, pace) => onStep?.({ ...record, ...pace }),
      onCheckpoint: (state) => savePretraining(dir, model, state, {}, tokenizerFiles),
    },
    resumed,
  );
  if (steps.length < pretrainSteps) return undefined;
  const last = steps.slice(-Math.ceil(steps.length / 10));
  const loss = last.reduce((sum, step) => sum + step.loss, 0) / last.length;
  return { name, seed, parameters: model.parameterCount, steps: steps.length, loss };
}

/** Trains and tests one classifier; undefined if it was stopped. */
async function trainCell(
  method: Method,
  size: number,
  { seed, labelled, labels, test, config }: SeedStart,
  settings: StudySettings,
  dir: string | undefined,
  { signal, onStep }: StudyCallbacks,
): Promise<Cell | undefined> {
  const { batchSize, learningRate } = settings;
  const { Model, frozen } = method;
  const model: TaskModel = dir
    ? await Model.fromPretrained(dir, { labels, seed })
    : Model.fromConfig(bertConfig({ ...config, ...labelFields(labels) }), seed);
  if (frozen) freezeEncoder(model);
  await fit(model, labelled(size), [], {
    maxSteps: fitSteps(settings, size),
    batchSize,
    groupByLength: true,
    learningRate: learningRate * (frozen ? FEATURE_LR_FACTOR : 1),
    seed,
    signal,
    onStep: (record, pace) => onStep?.({ ...record, ...pace }),
  });
  if (signal?.aborted) return undefined;
  const { predictions } = await evaluateExamples(model, test, batchSize);
  return {
    method: method.id,
    seed,
    size,
    parameters: model.parameterCount,
    trained: model
      .parameters()
      .reduce((sum, { size, requiresGrad }) => sum + (requiresGrad ? size : 0), 0),
    accuracy: accuracy(
      predictions as number[],
      test.map(({ label }) => label as number),
    ),
  };
}

/** Sets `isDecoder` for classes that need it. */
const withDecoderFlag = (config: BertConfig, { isDecoder }: { isDecoder?: boolean }): BertConfig =>
  isDecoder ? { ...config, isDecoder } : config;
