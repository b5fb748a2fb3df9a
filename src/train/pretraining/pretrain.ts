import type { PreTrainingOutput } from '../../bert/heads/preTraining.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { crossEntropy, type Tensor } from '../../tensor/index.ts';
import { pretrainDefaults } from '../defaults.ts';
import { findBatchSize } from '../trainer/batchSize.ts';
import type { HalvedBatch, HalvedInTraining } from '../trainer/inMemory.ts';
import type { Throughput } from '../trainer/stepReader.ts';
import { Trainer } from '../trainer/trainer.ts';
import { isFiniteStep, type SavedState, type TrainerState } from '../trainer/trainerState.ts';
import type { StepInfo, TrainingLog, TrainingTask } from '../trainer/trainingTask.ts';
import type { StepHash } from '../trainer/weightsHash.ts';
import { type CorpusPosition, START, trainingBatches } from './batches.ts';
import type { Document } from './corpus.ts';
import { evaluatePretraining } from './evaluate.ts';
import type { PretrainEvaluation, PretrainHistory, PretrainStep } from './history.ts';
import {
  type ExampleBuilder,
  objectiveOf,
  type PretrainBatch,
  type PretrainModel,
} from './objective.ts';
import type { PretrainOptions } from './pretrainOptions.ts';
import { stepSeed } from './stream.ts';

export type { PretrainOptions };
export { pretrainDefaults };

/** ε of AdamW in BERT's own pre-training. */
const EPS = 1e-6;

/**
 * Where a run stands: with model, corpus and options, all it takes to continue with the same bits.
 */
export type PretrainState<T> = TrainerState<CorpusPosition, PretrainStep, PretrainEvaluation, T>;

/** Texts for `pretrainModel`. */
export interface PretrainData {
  /** Reads the corpus from its start. */
  documents: () => AsyncIterable<Document>;
  exampleBuilder: ExampleBuilder;
  /** Held-out batches; empty for no validation. */
  valid: readonly PretrainBatch[];
}

/** What `pretrainModel` reports, and how it is stopped. */
export interface PretrainCallbacks {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Stops after this step, as `signal` does. */
  stopAfter?: number;
  /** Multiply-add peak of the device in operations per second: steps then report `utilisation`. */
  peakFlops?: number;
  /** After each step, when its results arrive. */
  onStep?: (record: PretrainStep, pace: Throughput) => void;
  onEvaluation?: (record: PretrainEvaluation) => void;
  /** When the device has too little memory for as many examples at once. */
  onOutOfMemory?: (halved: HalvedInTraining) => void;
  /** When a step is left out, since its loss or gradients are not finite. */
  onSkip?: (record: PretrainStep) => void;
  /** SHA-256 of the weights: every `hashEvery` steps, and at the end unless `signal` brings it. */
  onHash?: (hash: StepHash) => void;
  /** At the start, every `saveEvery` steps and at the end: save model and state here. */
  onCheckpoint?: (state: PretrainState<Tensor>) => Promise<void>;
}

/**
 * Pre-trains a model for the objective that its class tells, with AdamW, by default on a linear
 * schedule.
 * @param state where to continue; the model must have the weights it had there
 * @returns steps and evaluations; if `signal` stopped it, up to there.
 * @throws UsageError if there is nothing to train on or an option is out of range; NotFiniteError
 * if the loss or the weights are no longer finite.
 * @example
 * const data = { documents, exampleBuilder, valid: [] };
 * const { steps } = await pretrainModel(model, data, { totalSteps: 1000 });
 */
export async function pretrainModel(
  model: PretrainModel,
  data: PretrainData,
  options: Partial<PretrainOptions> & Pick<PretrainOptions, 'totalSteps'>,
  callbacks: PretrainCallbacks = {},
  state?: SavedState<CorpusPosition, PretrainStep, PretrainEvaluation>,
): Promise<PretrainHistory> {
  const settings = { ...withDefaults(pretrainDefaults, options), eps: EPS };
  const task = new Pretraining(model, data, settings);
  if (settings.gradientCheckpointing) model.gradientCheckpointingEnable();
  try {
    const log = await new Trainer(task, settings, callbacks, state).train();
    return { objective: objectiveOf(model), ...log };
  } finally {
    if (settings.gradientCheckpointing) model.gradientCheckpointingDisable();
  }
}

/** Documents that the batch size is tried on. */
const TRIED_DOCUMENTS = 1000;

/**
 * The largest batch, a power of two, for whose step the device has memory if its texts are the
 * longest of the first ones. Throws as `pretrainModel`.
 */
export async function findPretrainBatchSize(
  model: PretrainModel,
  data: PretrainData,
  options: Omit<PretrainOptions, 'totalSteps'>,
): Promise<number> {
  const documents: Document[] = [];
  for await (const document of data.documents())
    if (documents.push(document) === TRIED_DOCUMENTS) break;
  const { seed } = options;
  const examples = await data.exampleBuilder.examples(documents, seed);
  if (examples.length === 0) return options.batchSize;
  const longest = data.exampleBuilder.sortByLength(examples).toReversed();
  const task = new Pretraining(model, data, { ...options, totalSteps: 1 });
  // Later texts may fill a larger batch than the first ones.
  const inputsOf = (size: number) =>
    data.exampleBuilder.collate(
      Array.from({ length: size }, (_, i) => longest[i % longest.length]),
      seed,
      0,
    ).inputs;
  if (options.gradientCheckpointing) model.gradientCheckpointingEnable();
  try {
    const settings = { ...options, eps: EPS };
    return await findBatchSize(
      task,
      settings,
      inputsOf,
      Math.max(examples.length, documents.length),
    );
  } finally {
    if (options.gradientCheckpointing) model.gradientCheckpointingDisable();
  }
}

/** Pre-training as the Trainer sees it. */
class Pretraining implements TrainingTask<CorpusPosition, PretrainStep, PretrainEvaluation> {
  readonly start = START;
  readonly model: PretrainModel;
  readonly #data: PretrainData;
  readonly #options: PretrainOptions;

  constructor(model: PretrainModel, data: PretrainData, options: PretrainOptions) {
    this.model = model;
    this.#data = data;
    this.#options = options;
  }

  batches(from: CorpusPosition) {
    const { documents, exampleBuilder } = this.#data;
    return trainingBatches(documents, exampleBuilder, this.#options, from);
  }

  forward({ lossShare, sentenceShare, ...inputs }: Record<string, Tensor>): { loss: Tensor } {
    const output = this.model.forward(inputs as never);
    if (!sentenceShare) return { loss: lossShare ? output.loss!.mul(lossShare) : output.loss! };
    // The sum of two means, whose shares differ.
    const { seqRelationshipLogits: logits } = output as PreTrainingOutput;
    const sentences = crossEntropy(logits, inputs.nextSentenceLabel);
    const share = sentences.mul(sentenceShare);
    const tokens = output.loss?.sub(sentences);
    return { loss: tokens ? tokens.mul(lossShare).add(share) : share };
  }

  stepRecord({ step, epoch, learningRate, loss, gradNorm }: StepInfo): PretrainStep {
    return { step, epoch, learningRate, loss, gradNorm };
  }

  /** Each step has a seed of its own, so that dropout depends on the step alone. */
  stepSeed = (step: number): number => stepSeed(this.#options.seed, step);

  async evaluate(
    _log: TrainingLog<PretrainStep, PretrainEvaluation>,
    steps: readonly PretrainStep[],
    signal?: AbortSignal,
    onOutOfMemory?: (halved: HalvedBatch) => void,
  ): Promise<PretrainEvaluation | undefined> {
    if (this.#data.valid.length === 0) return undefined;
    const options = { signal, onOutOfMemory, shared: true };
    const scores = await evaluatePretraining(this.model, this.#data.valid, options);
    const { step, epoch } = steps.at(-1)!;
    const counted = steps.filter(isFiniteStep);
    return {
      step,
      epoch,
      trainLoss: counted.reduce((sum, { loss }) => sum + loss, 0) / counted.length,
      validLoss: scores.loss,
      ...(scores.perplexity !== undefined && { validPerplexity: scores.perplexity }),
      ...(scores.accuracy !== undefined && { validAccuracy: scores.accuracy }),
    };
  }
}
