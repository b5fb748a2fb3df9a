import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import type { HostTensor, Tensor } from '../../tensor/index.ts';
import { collate, countTokens, type EncodedExample } from '../data/batch.ts';
import { batches, epochBatches } from '../data/split.ts';
import { fitDefaults } from '../defaults.ts';
import { metricKey } from '../tasks/metric.ts';
import { labelsOf, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { joinParts, rowsOf, shareInput } from './accumulation.ts';
import { earlyStoppingAfter, hasStoppedEarly } from './earlyStopping.ts';
import { evaluateExamples } from './evaluate.ts';
import { resolveExamples, type TrainingExample } from './examples.ts';
import { type EpochRecord, History, type StepRecord } from './history.ts';
import { checkCount, examplesPerStep, type FitOptions } from './hyperparameters.ts';
import type { Throughput } from './stepReader.ts';
import { type SavedState, Trainer, type TrainerCallbacks, type TrainerState } from './trainer.ts';
import { TrainingLoss } from './trainingLoss.ts';
import type { StepInfo, TrainBatch, TrainingTask } from './trainingTask.ts';

export type { FitOptions };
export { fitDefaults };

/** Where fine-tuning stands in its data. */
export interface FitPosition {
  /** From 1. */
  epoch: number;
  /** Batches of the epoch that are done. */
  batch: number;
}

export type FitState<T> = TrainerState<FitPosition, StepRecord, EpochRecord, T>;

/** What `fit` reports, and how it is stopped. */
export interface FitCallbacks {
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Multiply-add peak of the device in operations per second: steps then report `utilisation`. */
  peakFlops?: number;
  /** After each step, when its results arrive. */
  onStep?: (record: StepRecord, pace: Throughput) => void;
  /** After each evaluation; `seconds` since the last one, its own included. */
  onEpoch?: (record: EpochRecord, seconds: number) => void;
  /** When the model is the best so far (each epoch without validation data): save it here. */
  onBest?: () => Promise<void>;
  /** At the start, every `saveEvery` steps and at the end: save model and state here. */
  onCheckpoint?: (state: FitState<Tensor>) => Promise<void>;
}

/** Steps of an epoch. */
export const stepsPerEpoch = (examples: number, perStep: number): number =>
  Math.ceil(examples / perStep);

/** Steps of a run that is not stopped early. */
export const totalStepsOf = (
  settings: Pick<FitOptions, 'maxSteps' | 'epochs' | 'batchSize' | 'gradientAccumulationSteps'>,
  examples: number,
): number =>
  settings.maxSteps ?? settings.epochs * stepsPerEpoch(examples, examplesPerStep(settings));

/**
 * Fine-tunes a model with AdamW, by default on a linear schedule, for the task that its class and
 * `problemType` tell. With validation data each epoch ends with an evaluation (or every `evalEvery`
 * steps), and training stops
 * early once the task's metric no longer rises. Labels are ids, or names that the model has.
 * @param state where to continue; the model must have the weights it had there
 * @returns steps and epochs; if `signal` stopped it, up to there.
 * @throws UsageError if there are no examples, a text is not encoded, the model does not have a
 * label, or an option is out of range; NotFiniteError if the loss or the weights are no longer
 * finite.
 * @example
 * const history = await fit(model, train, valid, { epochs: 2, learningRate: 5e-4 });
 * console.log(history.bestEpoch?.validAccuracy);
 */
export async function fit(
  model: TaskModel,
  train: readonly TrainingExample[],
  valid: readonly TrainingExample[] = [],
  options: Partial<FitOptions> & FitCallbacks = {},
  state?: SavedState<FitPosition, StepRecord, EpochRecord>,
): Promise<History> {
  const { signal, peakFlops, onStep, onEpoch, onBest, onCheckpoint, ...given } = options;
  const settings: FitOptions = withDefaults(fitDefaults, given);
  const { epochs, batchSize, maxSteps } = settings;
  if (train.length === 0) throw new UsageError('there are no examples to train on');
  checkCount('epochs', epochs);
  checkCount('batchSize', batchSize);
  if (maxSteps !== undefined) checkCount('maxSteps', maxSteps);
  const [examples, validExamples] = [
    resolveExamples(model, train, 'train', true),
    resolveExamples(model, valid, 'valid', true),
  ];
  const task = new FineTuning(model, examples, validExamples, settings);
  const perEpoch = stepsPerEpoch(train.length, examplesPerStep(settings));
  const totalSteps = totalStepsOf(settings, train.length);
  const callbacks: TrainerCallbacks<FitPosition, StepRecord, EpochRecord> = {
    signal,
    peakFlops,
    onStep,
    onEvaluation: async (record, seconds) => {
      if (record.best) await onBest?.();
      onEpoch?.(record, seconds);
    },
    onCheckpoint,
  };
  const trainer = new Trainer(
    task,
    {
      ...settings,
      totalSteps,
      evalEvery: settings.evalEvery ?? perEpoch,
      saveEvery: settings.saveEvery ?? perEpoch,
    },
    callbacks,
    state,
  );
  try {
    return new History(task.monitor, await trainer.train());
  } finally {
    task.dispose();
  }
}

/** Fine-tuning as the Trainer sees it. */
export class FineTuning implements TrainingTask<FitPosition, StepRecord, EpochRecord> {
  readonly start: FitPosition = { epoch: 1, batch: 0 };
  readonly model: TaskModel;
  readonly #train: readonly EncodedExample[];
  readonly #valid: readonly EncodedExample[];
  readonly #options: FitOptions;
  readonly #loss: TrainingLoss;

  constructor(
    model: TaskModel,
    train: readonly EncodedExample[],
    valid: readonly EncodedExample[],
    options: FitOptions,
  ) {
    this.model = model;
    this.#train = train;
    this.#valid = valid;
    this.#options = options;
    this.#loss = new TrainingLoss(model, train, options);
    const watched = this.#task.monitoredMetrics(labelsOf(model));
    const { metric } = options;
    if (metric !== undefined && !watched.includes(metric))
      throw new UsageError(
        `\`metric\`: expected one of those that ${this.#task.name} has, ${watched.join(', ')}, ` +
          `got ${metric}`,
      );
    // Checks `patience`.
    earlyStoppingAfter([], this.monitor, options.patience);
  }

  get #task() {
    return taskOf(this.model);
  }

  /** The metric that decides which evaluation is the best. */
  get monitor() {
    return this.#options.metric ?? this.#task.monitoredMetrics(labelsOf(this.model))[0];
  }

  *batches(from: FitPosition): Generator<TrainBatch<FitPosition>> {
    const { seed, groupByLength } = this.#options;
    const perStep = examplesPerStep(this.#options);
    const indices = this.#train.map((_, i) => i);
    const lengthOf = groupByLength ? (i: number) => this.#train[i].inputIds.length : undefined;
    for (let epoch = from.epoch; ; epoch++) {
      const all = epochBatches(indices, perStep, seed, epoch, lengthOf);
      for (let batch = epoch === from.epoch ? from.batch : 0; batch < all.length; batch++) {
        const examples = all[batch].map((i) => this.#train[i]);
        yield {
          inputs: this.#inputsOf(examples),
          examples: examples.length,
          tokens: countTokens(examples),
          epoch,
          next: { epoch, batch: batch + 1 },
        };
      }
    }
  }

  /** A batch, in parts of `batchSize` examples padded to one length. Parts without labels go. */
  #inputsOf(examples: readonly EncodedExample[]): Record<string, HostTensor> {
    const { batchSize } = this.#options;
    const { padTokenId, maxPositionEmbeddings } = this.model.config;
    const inputs = { ...collate(examples, padTokenId, maxPositionEmbeddings, this.#task) };
    const parts = batches(
      examples.map(({ label }) => this.#loss.weightOf(label!)),
      batchSize,
    ).map((weights, i) => ({
      weight: weights.reduce((sum, weight) => sum + weight, 0),
      rows: rowsOf(inputs, i * batchSize, i * batchSize + weights.length),
    }));
    const total = parts.reduce((sum, { weight }) => sum + weight, 0);
    if (parts.length === 1 || total === 0) return inputs;
    return joinParts(
      parts
        .filter(({ weight }) => weight > 0)
        .map(({ weight, rows }) => ({ ...rows, lossShare: shareInput(weight / total) })),
    );
  }

  forward({ lossShare, ...inputs }: Record<string, Tensor>): {
    loss: Tensor;
    scalars: () => readonly Tensor[];
  } {
    const { loss, logits } = this.#loss.forward(inputs);
    return {
      loss: lossShare ? loss.mul(lossShare) : loss,
      scalars: () => this.#task.stepRatio?.(logits, inputs.labels) ?? [],
    };
  }

  /** Frees what the loss keeps on the device. */
  dispose(): void {
    this.#loss.dispose();
  }

  stepRecord(
    { step, epoch, learningRate, loss, gradNorm }: StepInfo,
    [numerator, denominator]: Float32Array,
  ): StepRecord {
    const { stepMetric } = this.#task;
    const ratio = stepMetric && {
      [stepMetric]: denominator === 0 ? 0 : numerator / denominator,
    };
    return { step, epoch, learningRate, loss, ...ratio, gradNorm };
  }

  async evaluate(
    { evaluations }: { evaluations: readonly EpochRecord[] },
    steps: readonly StepRecord[],
    signal?: AbortSignal,
  ): Promise<EpochRecord> {
    const { stepMetric } = this.#task;
    const mean = (field: 'loss' | NonNullable<typeof stepMetric>) =>
      steps.reduce((sum, step) => sum + step[field]!, 0) / steps.length;
    const { step, epoch } = steps.at(-1)!;
    const record: EpochRecord = {
      epoch,
      step,
      trainLoss: mean('loss'),
      ...(stepMetric && { [metricKey('train', stepMetric)]: mean(stepMetric) }),
      best: true,
    };
    if (this.#valid.length > 0) await this.#validate(record, evaluations, signal);
    // Only one epoch is the best.
    if (record.best) for (const earlier of evaluations) earlier.best = false;
    return record;
  }

  /** Adds the validation figures, and whether the epoch is the best so far. */
  async #validate(
    record: EpochRecord,
    evaluations: readonly EpochRecord[],
    signal?: AbortSignal,
  ): Promise<void> {
    const labels = labelsOf(this.model);
    const { batchSize } = this.#options;
    const evaluation = await evaluateExamples(this.model, this.#valid, batchSize, { signal });
    const truth = this.#valid.map(({ label }) => label!);
    const { metrics } = this.#task.report(evaluation.predictions, truth, labels, this.#valid);
    record.validLoss = evaluation.loss;
    for (const metric of this.#task.monitoredMetrics(labels))
      record[metricKey('valid', metric)] = metrics[metric];
    const stopping = earlyStoppingAfter(evaluations, this.monitor, this.#options.patience);
    const verdict = stopping.update(record[stopping.monitor]!);
    // While the metric is undefined (a correlation of equal scores), the latest model is the best.
    record.best = verdict === 'improved' || stopping.best === undefined;
  }

  isFinished(epochs: readonly EpochRecord[]): boolean {
    return hasStoppedEarly(epochs, this.monitor, this.#options.patience);
  }
}
