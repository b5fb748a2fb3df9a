import { type BertConfig, bertConfig, labelFields } from '../bert/config.ts';
import { freezeEncoder } from '../bert/layers/freeze.ts';
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
import type { TaskModel } from '../train/tasks/taskModel.ts';
import { hasTrainingState } from '../train/trainer/checkpoint.ts';
import { evaluateExamples } from '../train/trainer/evaluate.ts';
import { fit, fitDefaults } from '../train/trainer/fit.ts';
import { type StudyData, splitForSeed } from './data.ts';
import type { Method, Pretraining } from './methods.ts';
import type { Cell, StudyResults } from './results.ts';
import type { StudyCallbacks, StudySettings } from './settings.ts';

/** Steps of a fine-tuning on `size` rows. */
export const fitSteps = (settings: StudySettings, size: number): number => {
  const { epochs, batchSize, maxSteps = Number.POSITIVE_INFINITY } = settings;
  return Math.min(maxSteps, epochs * Math.ceil(size / batchSize));
};

/** A head on frozen features uses 10× the fine-tuning rate; the same for every method. */
export const FEATURE_LR_FACTOR = 10;

/** What all methods of a seed share. */
export interface SeedStart {
  seed: number;
  texts: Document[];
  /** The labelled rows of a size. */
  labelled: (size: number) => EncodedExample[];
  labels: readonly string[];
  test: EncodedExample[];
  tokenizer: BertTokenizer;
  config: BertConfig;
}

/** Draws the rows of a seed and learns its vocabulary. */
export function startSeed(data: StudyData, settings: StudySettings, seed: number): SeedStart {
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
    // BERT's 0.02 at its width of 768, scaled as the inputs of a layer: fewer need larger weights.
    initializerRange: 0.02 * Math.sqrt(768 / hiddenSize),
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

/**
 * Share of the tokens that a masked language model predicts: more than BERT's 15 % give it more to
 * learn from in few steps (Wettig et al. 2022, arXiv 2202.08005).
 */
export const MASKED = 0.25;

/** In runs of a few times through the texts, a small model cannot learn by heart. */
const noDropout = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };

/**
 * Pre-trains without dropout into a folder, or resumes the run there; undefined if it was stopped.
 */
export async function pretrainOrResume(
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
    mlmProbability: MASKED,
    // A short run needs more warm-up than the paper's 1 %.
    warmupRatio: fitDefaults.warmupRatio,
  };
  const Model = pretrainModels[name];
  const resumed = (await hasTrainingState(dir)) ? (await readPretraining(dir)).state : undefined;
  const model = resumed
    ? await Model.fromPretrained<PretrainModel>(dir)
    : Model.fromConfig<PretrainModel>(withDecoderFlag({ ...config, ...noDropout }, Model), seed);
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
export async function trainCell(
  method: Method,
  size: number,
  { seed, labelled, labels, test, config }: SeedStart,
  settings: StudySettings,
  dir: string | undefined,
  { signal, onStep }: StudyCallbacks,
): Promise<Cell | undefined> {
  const { batchSize, epochs, learningRate } = settings;
  const { Model, frozen } = method;
  const model: TaskModel = dir
    ? await Model.fromPretrained(dir, { labels, seed, config: dropoutOf(config) })
    : Model.fromConfig(bertConfig({ ...config, ...labelFields(labels) }), seed);
  if (frozen) freezeEncoder(model);
  await fit(model, labelled(size), [], {
    epochs,
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

/** What a pre-trained model was trained without is back for fine-tuning. */
const dropoutOf = ({ hiddenDropoutProb, attentionProbsDropoutProb }: BertConfig) => ({
  hiddenDropoutProb,
  attentionProbsDropoutProb,
});

/** Sets `isDecoder` for classes that need it. */
const withDecoderFlag = (config: BertConfig, { isDecoder }: { isDecoder?: boolean }): BertConfig =>
  isDecoder ? { ...config, isDecoder } : config;
