import { type BertConfig, bertConfig, labelFields } from '../bert/config.ts';
import { freezeEncoder } from '../bert/layers/freeze.ts';
import { joinPath, writeFiles } from '../platform/files.ts';
import { BertTokenizer } from '../text/tokenizer/index.ts';
import { trainerDefaults, trainWordPiece } from '../text/vocabulary/index.ts';
import { checkMaxLength, encodeExamples } from '../train/data/batch.ts';
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
import type { TaskModel } from '../train/tasks/taskModel.ts';
import { hasTrainingState } from '../train/trainer/checkpoint.ts';
import { evaluateExamples } from '../train/trainer/evaluate.ts';
import { fit, fitDefaults } from '../train/trainer/fit.ts';
import { type StudyData, type StudySource, splitForSeed } from './data.ts';
import { type Method, methods, type Pretraining, pretrainings } from './methods.ts';
import { type Cell, openResults, RESULTS, type StudyResults } from './results.ts';

/** What decides the outcome of a study. */
export interface StudySettings extends StudySource {
  /** Its kind; another one rounds otherwise. */
  device: string;
  /** Numbers of labelled rows. */
  sizes: number[];
  /** How many; they are 1, 2, 3… and each has its rows, vocabulary, weights and order. */
  seeds: number;
  /** Of each pre-training. */
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
  /** Of fine-tuning; a head on features learns at `FEATURE_LR_FACTOR` times it. */
  learningRate: number;
}

/** A head alone, on features that stay, learns at a higher rate than what could lose what it knows; alike for all. */
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
  /** Hears of steps that were made before, and are not made again. */
  onSkipped?: (steps: number) => void;
  onStep?: (step: StudyStep) => void;
  onPretrained?: (record: StudyResults['pretraining'][number]) => void;
  onCell?: (cell: Cell) => void;
}

const fitSteps = ({ epochs, batchSize }: StudySettings, size: number): number =>
  epochs * Math.ceil(size / batchSize);

/** Optimiser steps of a whole study. */
export function studySteps(settings: StudySettings): number {
  const fits = settings.sizes.reduce((sum, size) => sum + fitSteps(settings, size), 0);
  return settings.seeds * (pretrainings.length * settings.pretrainSteps + methods.length * fits);
}

/**
 * Makes a study, or goes on with the one in `out`: for each seed a vocabulary of the texts without labels, the
 * pre-trainings on them, and a classifier of each method and size. What is finished is written at once.
 * @returns what was found; when `signal` stopped it, up to there.
 * @throws UsageError when `out` holds a study of other settings, or there is too little data.
 */
export async function runStudy(
  data: StudyData,
  settings: StudySettings,
  out: string,
  callbacks: StudyCallbacks = {},
): Promise<StudyResults> {
  const { signal, onSkipped, onCell } = callbacks;
  const results = await openResults(out, {
    ...settings,
    testRows: data.test.length,
    bytes: data.bytes,
  });
  const save = () => writeFiles(out, { [RESULTS]: `${JSON.stringify(results, undefined, 1)}\n` });
  onSkipped?.(
    results.pretraining.reduce((sum, { steps }) => sum + steps, 0) +
      results.cells.reduce((sum, { size }) => sum + fitSteps(settings, size), 0),
  );
  for (let seed = 1; seed <= settings.seeds; seed++) {
    let start: SeedStart | undefined;
    for (const method of methods) {
      for (const size of settings.sizes) {
        if (
          results.cells.some(
            (cell) => cell.method === method.id && cell.seed === seed && cell.size === size,
          )
        )
          continue;
        start ??= startSeed(data, settings, seed);
        const dir = method.pretraining && joinPath(out, `${method.pretraining}-${seed}`);
        if (
          dir &&
          !results.pretraining.some(
            ({ name, seed: its }) => name === method.pretraining && its === seed,
          )
        ) {
          const record = await pretrainOrResume(
            method.pretraining!,
            start,
            settings,
            dir,
            callbacks,
          );
          if (!record) return results;
          results.pretraining.push(record);
          await save();
          callbacks.onPretrained?.(record);
        }
        const cell = await trainCell(method, size, start, data, settings, dir, callbacks);
        if (!cell || signal?.aborted) return results;
        results.cells.push(cell);
        await save();
        onCell?.(cell);
      }
    }
  }
  return results;
}

/** What a seed begins with. */
interface SeedStart {
  seed: number;
  texts: Document[];
  labelled: Example[];
  tokenizer: BertTokenizer;
  config: BertConfig;
}

function startSeed(data: StudyData, settings: StudySettings, seed: number): SeedStart {
  const { vocabSize, cased, layers, hiddenSize, sizes, maxLength } = settings;
  const split = splitForSeed(data, Math.max(...sizes), seed);
  // So that characters, at the beginning of words and within, take half of the entries at most.
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
  return { seed, ...split, tokenizer, config };
}

/** Pre-trains into a folder, or goes on with what is there; undefined when it was stopped. */
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
    // Short runs have more than the paper's 1 %.
    warmupRatio: fitDefaults.warmupRatio,
  };
  const Model = pretrainModels[name];
  const resumed = (await hasTrainingState(dir)) ? (await readPretraining(dir)).state : undefined;
  const model = resumed
    ? await Model.fromPretrained<PretrainModel>(dir)
    : Model.fromConfig<PretrainModel>(withDecoderFlag(config, Model), seed);
  onSkipped?.(resumed?.step ?? 0);
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
      onCheckpoint: (state) => savePretraining(dir, model, state, {}, tokenizer.files()),
    },
    resumed,
  );
  if (steps.length < pretrainSteps) return undefined;
  const last = steps.slice(-Math.ceil(steps.length / 10));
  const loss = last.reduce((sum, step) => sum + step.loss, 0) / last.length;
  return { name, seed, parameters: model.numParameters, steps: steps.length, loss };
}

/** Trains and tests one classifier; undefined when it was stopped. */
async function trainCell(
  method: Method,
  size: number,
  { seed, labelled, tokenizer, config }: SeedStart,
  { labels, test }: StudyData,
  settings: StudySettings,
  dir: string | undefined,
  { signal, onStep }: StudyCallbacks,
): Promise<Cell | undefined> {
  const { maxLength, batchSize, epochs, learningRate } = settings;
  const { Model, frozen } = method;
  const model: TaskModel = dir
    ? await Model.fromPretrained(dir, { labels, seed })
    : Model.fromConfig(bertConfig({ ...config, ...labelFields(labels) }), seed);
  if (frozen) freezeEncoder(model);
  const encode = (examples: readonly Example[]) =>
    encodeExamples(examples, tokenizer, maxLength, config.maxPositionEmbeddings);
  await fit(model, encode(labelled.slice(0, size)), [], {
    epochs,
    batchSize,
    groupByLength: true,
    learningRate: learningRate * (frozen ? FEATURE_LR_FACTOR : 1),
    seed,
    signal,
    onStep: (record, pace) => onStep?.({ ...record, ...pace }),
  });
  if (signal?.aborted) return undefined;
  const { predictions } = await evaluateExamples(model, encode(test), batchSize);
  return {
    method: method.id,
    seed,
    size,
    parameters: model.numParameters,
    trained: model
      .parameters()
      .reduce((sum, { size, requiresGrad }) => sum + (requiresGrad ? size : 0), 0),
    accuracy: accuracy(
      predictions as number[],
      test.map(({ label }) => label as number),
    ),
  };
}

/** The configuration as a class wants it: looking back only, or both ways. */
const withDecoderFlag = (config: BertConfig, { isDecoder }: { isDecoder?: boolean }): BertConfig =>
  isDecoder ? { ...config, isDecoder } : config;
