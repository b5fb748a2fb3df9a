import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import type { HostTensor, Tensor } from '../../tensor/index.ts';
import { collate, countTokens, type EncodedExample } from '../data/batch.ts';
import { windowsOf } from '../data/documents.ts';
import { batches, epochBatches } from '../data/split.ts';
import { fitDefaults } from '../defaults.ts';
import { metricKey } from '../tasks/metric.ts';
import { labelsOf, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { joinParts, rowsOf, shareInput } from './accumulation.ts';
import { type BatchSize, findBatchSize } from './batchSize.ts';
import { earlyStoppingAfter, hasStoppedEarly } from './earlyStopping.ts';
import { type EvaluationOptions, evaluateExamples } from './evaluate.ts';
import { resolveExamples, type TrainingExample } from './examples.ts';
import type { FitCallbacks, FitPosition, FitState } from './fitState.ts';
import { type EpochRecord, History, type StepRecord } from './history.ts';
import {
  checkCount,
  checkFitOptions,
  checkHyperparameters,
  examplesPerStep,
  type FitOptions,
} from './hyperparameters.ts';
import type { HalvedBatch } from './inMemory.ts';
import { Trainer, type TrainerCallbacks } from './trainer.ts';
import { isFiniteStep, type SavedState } from './trainerState.ts';
import { TrainingLoss } from './trainingLoss.ts';
import type { StepInfo, TrainBatch, TrainingTask } from './trainingTask.ts';

export type { FitCallbacks, FitOptions, FitPosition, FitState };
export { fitDefaults };

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
 * steps), and training stops early once the task's metric no longer rises. Labels are ids, or names
 * that the model has.
 * @param state where to continue; the model must have the weights it had there
 * @returns steps and epochs; if `signal` stopped it, up to there.
 * @throws UsageError if there are no examples, a text is not encoded, the model does not have a
 * label, or an option is out of range; NotFiniteError if loss or weights are no longer finite.
 * @example
 * const history = await fit(model, train, valid, { epochs: 2, learningRate: 5e-4 });
 * console.log(history.bestEpoch?.validAccuracy);
 */
export async function fit(
  model: TaskModel,
  train: readonly TrainingExample[],
  valid: readonly TrainingExample[] = [],
  options: Partial<Omit<FitOptions, 'batchSize'>> & { batchSize?: BatchSize } & FitCallbacks = {},
  state?: SavedState<FitPosition, StepRecord, EpochRecord>,
): Promise<History> {
  const { signal, stopAfter, peakFlops, onStep, onEpoch, onBest, onCheckpoint, ...rest } = options;
  const { onOutOfMemory, onSkip, onHash, ...given } = rest;
  checkFitOptions(given);
  const asked = withDefaults(fitDefaults as Omit<FitOptions, 'batchSize'>, given);
  if (train.length === 0) throw new UsageError('there are no examples to train on');
  checkCount('epochs', asked.epochs);
  if (asked.maxSteps !== undefined) checkCount('maxSteps', asked.maxSteps);
  const [examples, validExamples] = [
    resolveExamples(model, train, 'train', true).flatMap(windowsOf<EncodedExample>),
    resolveExamples(model, valid, 'valid', true),
  ];
  const { batchSize = fitDefaults.batchSize } = given;
  const settings: FitOptions = {
    ...asked,
    batchSize: batchSize === 'auto' ? await findFitBatchSize(model, examples, asked) : batchSize,
  };
  checkCount('batchSize', settings.batchSize);
  checkHyperparameters(settings);
  const task = new FineTuning(model, examples, validExamples, settings);
  task.checkBatchSize();
  const perEpoch = stepsPerEpoch(examples.length, examplesPerStep(settings));
  const totalSteps = totalStepsOf(settings, examples.length);
  const callbacks: TrainerCallbacks<FitPosition, StepRecord, EpochRecord> = {
    ...{ signal, stopAfter, peakFlops, onStep, onOutOfMemory, onSkip, onHash },
    onEvaluation: async (record, seconds) => {
      if (record.best) await onBest?.();
      onEpoch?.(record, seconds);
    },
    onCheckpoint,
  };
  if (settings.gradientCheckpointing) model.gradientCheckpointingEnable();
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
    if (settings.gradientCheckpointing) model.gradientCheckpointingDisable();
    task.dispose();
  }
}

/**
 * The largest batch, a power of two, for whose step the device has memory if its texts are the
 * longest ones. Throws as `fit`.
 */
export async function findFitBatchSize(
  model: TaskModel,
  examples: readonly EncodedExample[],
  options: Omit<FitOptions, 'batchSize'>,
): Promise<number> {
  const settings = { ...options, batchSize: 1 };
  const byLength = examples.toSorted((a, b) => b.inputIds.length - a.inputIds.length);
  const task = new FineTuning(model, examples, [], settings);
  const inputsOf = (size: number) => task.inputsOf(byLength.slice(0, size), size);
  if (options.gradientCheckpointing) model.gradientCheckpointingEnable();
  try {
    return await findBatchSize(task, settings, inputsOf, examples.length);
  } finally {
    if (options.gradientCheckpointing) model.gradientCheckpointingDisable();
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
    if (metric !== undefined && metric !== 'loss' && !watched.includes(metric))
      throw new UsageError(
        `\`metric\`: expected one of those that ${this.#task.name} has, ` +
          `${watched.join(', ')}, loss, got ${metric}`,
      );
    // Checks `patience`.
    earlyStoppingAfter([], this.monitor, options.patience);
  }

  get #task() {
    return taskOf(this.model);
  }

  /** @throws UsageError for single examples, if the loss compares those of a batch. */
  checkBatchSize(): void {
    if (this.#options.batchSize === 1 && !this.#loss.isDivisible)
      throw new UsageError(
        '`batchSize`: expected 2 or more, since this loss compares the pairs of a batch, got 1',
      );
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
          inputs: this.inputsOf(examples, this.#options.batchSize),
          ...(this.#loss.isDivisible && { divide: (size) => this.inputsOf(examples, size) }),
          examples: examples.length,
          tokens: countTokens(examples),
          epoch,
          next: { epoch, batch: batch + 1 },
        };
      }
    }
  }

  /** A batch, in parts of `size` examples padded to one length. Parts without labels go. */
  inputsOf(examples: readonly EncodedExample[], size: number): Record<string, HostTensor> {
    const { padTokenId, maxPositionEmbeddings } = this.model.config;
    const inputs = { ...collate(examples, padTokenId, maxPositionEmbeddings, this.#task) };
    const parts = batches(
      examples.map(({ label }) => this.#loss.weightOf(label!)),
      size,
    ).map((weights, i) => ({
      weight: weights.reduce((sum, weight) => sum + weight, 0),
      rows: rowsOf(inputs, i * size, i * size + weights.length),
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
    onOutOfMemory?: (halved: HalvedBatch) => void,
  ): Promise<EpochRecord> {
    const { stepMetric } = this.#task;
    const counted = steps.filter(isFiniteStep);
    const mean = (field: 'loss' | NonNullable<typeof stepMetric>) =>
      counted.reduce((sum, step) => sum + step[field]!, 0) / counted.length;
    const { step, epoch } = steps.at(-1)!;
    const record: EpochRecord = {
      epoch,
      step,
      trainLoss: mean('loss'),
      ...(stepMetric && { [metricKey('train', stepMetric)]: mean(stepMetric) }),
      best: true,
    };
    if (this.#valid.length > 0)
      await this.#validate(record, evaluations, { signal, onOutOfMemory, shared: true });
    // Only one epoch is the best.
    if (record.best) for (const earlier of evaluations) earlier.best = false;
    return record;
  }

  /** Adds the validation figures, and whether the epoch is the best so far. */
  async #validate(
    record: EpochRecord,
    evaluations: readonly EpochRecord[],
    options: EvaluationOptions,
  ): Promise<void> {
    const labels = labelsOf(this.model);
    const { batchSize } = this.#options;
    const evaluation = await evaluateExamples(this.model, this.#valid, batchSize, options);
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
