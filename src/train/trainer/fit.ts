import { AdamW, clipGradNorm, getLinearScheduleWithWarmup, type Module } from '../../nn/index.ts';
import { UsageError } from '../../platform/errors.ts';
import {
  backward,
  type CapturedStep,
  capture,
  cat,
  manualSeed,
  noGrad,
  type Tensor,
} from '../../tensor/index.ts';
import { type Batch, collate, countTokens, type EncodedExample } from '../data/batch.ts';
import { epochBatches } from '../data/split.ts';
import { metricKey } from '../tasks/metric.ts';
import type { StepMetric } from '../tasks/task.ts';
import { labelsOf, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { checkFiniteWeights } from './checks.ts';
import { EarlyStopping } from './earlyStopping.ts';
import { evaluate } from './evaluate.ts';
import { type EpochRecord, History, type StepRecord } from './history.ts';
import { StepReader } from './stepReader.ts';

export interface FitOptions {
  epochs: number;
  batchSize: number;
  learningRate: number;
  /** Share of the steps in which the learning rate rises to its full value; then it falls to 0. */
  warmupRatio: number;
  /** Decoupled; on neither biases nor LayerNorm. */
  weightDecay: number;
  /** All gradients together are clipped to this norm. */
  maxGradNorm: number;
  /** Epochs in a row without a better validation metric (the task's first) before training stops. */
  patience: number;
  /** Batches of texts of like lengths: less padding, and less chance in what comes together. */
  groupByLength: boolean;
  seed: number;
  /** Stops after the current step. */
  signal?: AbortSignal;
  /** Multiply-add peak of the device, in operations a second (`measurePeaks`): with it, steps tell their `utilisation`. */
  peakFlops?: number;
  /** After each step, as its results come in; `examplesPerSecond` is taken as `tokensPerSecond` in the record. */
  onStep?: (record: StepRecord, examplesPerSecond: number) => void;
  onEpoch?: (record: EpochRecord) => void;
  /** Called when the model is the best so far (after every epoch without validation data): save it here. */
  onBest?: () => Promise<void>;
}

/** The study's defaults (batch 32, 3 epochs), and Hugging Face's for the rest. */
export const fitDefaults = {
  epochs: 3,
  batchSize: 32,
  learningRate: 5e-5,
  warmupRatio: 0.1,
  weightDecay: 0.01,
  maxGradNorm: 1,
  patience: 2,
  groupByLength: false,
  seed: 42,
} as const satisfies FitOptions;

/**
 * Fine-tunes a model with AdamW and a linear schedule, for the task that its class and `problemType` tell. With
 * validation data, each epoch ends with an evaluation, and training stops early when the task's metric no longer rises.
 * @returns what happened; when `signal` stopped it, up to there.
 * @throws UsageError when there is nothing to train on; UsageError as `checkHyperparameters`; Error when the loss or the weights
 * are no longer finite.
 */
export async function fit(
  model: TaskModel,
  train: readonly EncodedExample[],
  valid: readonly EncodedExample[],
  options: FitOptions,
): Promise<History> {
  const { epochs, batchSize, groupByLength, seed, signal } = options;
  if (train.length === 0) throw new UsageError('there are no examples to train on');
  if (!Number.isInteger(epochs) || epochs < 1)
    throw new UsageError(`epochs must be a whole number of at least 1, not ${epochs}`);
  checkHyperparameters(options);
  const { padTokenId, maxPositionEmbeddings } = model.config;
  const indices = train.map((_, i) => i);
  const lengthOf = groupByLength ? (i: number) => train[i].inputIds.length : undefined;
  const totalSteps = epochs * Math.ceil(train.length / batchSize);
  const optimizer = new AdamW(weightDecayGroups(model, options.weightDecay), {
    lr: options.learningRate,
  });
  const schedule = getLinearScheduleWithWarmup(
    optimizer,
    Math.round(totalSteps * options.warmupRatio),
    totalSteps,
  );
  const task = taskOf(model);
  const [monitor] = task.monitoredMetrics(labelsOf(model));
  const stopping = new EarlyStopping({
    monitor: metricKey('valid', monitor),
    patience: options.patience,
  });
  const history = new History(monitor);
  const step = captureTrainStep(model, optimizer, options.maxGradNorm);
  const reader = new StepReader<Pick<StepRecord, 'step' | 'epoch' | 'learningRate'>>(
    (stepInfo, [loss, gradNorm, numerator, denominator], { examplesPerSecond, ...pace }) => {
      const record: StepRecord = {
        ...stepInfo,
        loss,
        ...(task.stepMetric && {
          [task.stepMetric]: denominator === 0 ? 0 : numerator / denominator,
        }),
        gradNorm,
        ...pace,
      };
      history.addStep(record);
      options.onStep?.(record, examplesPerSecond);
    },
    options.peakFlops,
  );
  manualSeed(seed);
  try {
    for (let epoch = 1, count = 0; epoch <= epochs && !signal?.aborted; epoch++) {
      const started = performance.now();
      model.train();
      reader.resume();
      for (const batch of epochBatches(indices, batchSize, seed, epoch, lengthOf)) {
        if (signal?.aborted) break;
        const examples = batch.map((i) => train[i]);
        const learningRate = schedule.getLastLr()[0];
        const results = step.run(collate(examples, padTokenId, maxPositionEmbeddings, task));
        schedule.step();
        const work = {
          examples: examples.length,
          tokens: countTokens(examples),
          flops: step.plan?.flops,
        };
        await reader.push({ step: ++count, epoch, learningRate }, work, results);
      }
      await reader.drain();
      await checkFiniteWeights(model, count);
      if (signal?.aborted) break;
      const end = await finishEpoch(model, valid, history, epoch, options, stopping);
      if (!end) break;
      const { record, verdict } = end;
      record.seconds = (performance.now() - started) / 1000;
      history.addEpoch(record);
      if (record.best) await options.onBest?.();
      options.onEpoch?.(record);
      if (verdict === 'stop') break;
    }
  } finally {
    await reader.drain().catch(() => {});
    step.dispose();
    optimizer.dispose();
  }
  return history;
}

/** @throws UsageError for a rate, a share or a decay that nothing can be trained with. */
export function checkHyperparameters({
  learningRate,
  warmupRatio,
  weightDecay,
}: Pick<FitOptions, 'learningRate' | 'warmupRatio' | 'weightDecay'>): void {
  if (!(learningRate > 0 && learningRate < Number.POSITIVE_INFINITY))
    throw new UsageError(`learningRate is ${learningRate}: a finite number above 0 was expected`);
  if (!(warmupRatio >= 0 && warmupRatio <= 1))
    throw new UsageError(`warmupRatio is ${warmupRatio}: a number from 0 to 1 was expected`);
  if (!(weightDecay >= 0 && weightDecay < Number.POSITIVE_INFINITY))
    throw new UsageError(
      `weightDecay is ${weightDecay}: a finite number of at least 0 was expected`,
    );
}

/** One step: forward, backward, clipping, AdamW. Results: loss, norm of the gradients, and the task's `stepRatio`. */
export function captureTrainStep(
  model: TaskModel,
  optimizer: AdamW,
  maxGradNorm: number,
): CapturedStep<Record<keyof Batch, Tensor>> {
  const task = taskOf(model);
  return capture(model.classifier.weight.device, (batch) => {
    const { loss, logits } = model.forward(batch);
    const norm = backwardAndStep(model, loss!, optimizer, maxGradNorm);
    return noGrad(() =>
      cat(
        [loss!, norm, ...(task.stepRatio?.(logits, batch.labels) ?? [])].map((t) => t.reshape([1])),
      ),
    );
  });
}

/** Backward, clipping and a step of the optimiser; the norm of the gradients. */
export function backwardAndStep(
  model: Module,
  loss: Tensor,
  optimizer: AdamW,
  maxGradNorm: number,
): Tensor {
  backward(loss);
  const norm = clipGradNorm(model.parameters(), maxGradNorm);
  optimizer.step();
  optimizer.zeroGrad();
  return norm;
}

/** Evaluates and judges an epoch; undefined when it was interrupted. */
async function finishEpoch(
  model: TaskModel,
  valid: readonly EncodedExample[],
  history: History,
  epoch: number,
  { batchSize, signal }: FitOptions,
  stopping: EarlyStopping,
): Promise<{ record: EpochRecord; verdict?: ReturnType<EarlyStopping['update']> } | undefined> {
  const steps = history.steps.filter((step) => step.epoch === epoch);
  const mean = (field: 'loss' | StepMetric) =>
    steps.reduce((sum, step) => sum + step[field]!, 0) / steps.length;
  const task = taskOf(model);
  const record: EpochRecord = {
    epoch,
    step: steps.at(-1)!.step,
    trainLoss: mean('loss'),
    ...(task.stepMetric && { [metricKey('train', task.stepMetric)]: mean(task.stepMetric) }),
    best: true,
  };
  if (valid.length === 0) return { record };
  try {
    const { loss, predictions } = await evaluate(model, valid, batchSize, { signal });
    const labels = labelsOf(model);
    const truth = valid.map(({ label }) => label!);
    const { metrics } = task.report(predictions, truth, labels);
    record.validLoss = loss;
    for (const metric of task.monitoredMetrics(labels))
      record[metricKey('valid', metric)] = metrics[metric];
    const verdict = stopping.update(record[stopping.monitor]!);
    // While the metric is not defined (a correlation of equal scores), the latest model is the best there is.
    record.best = verdict === 'improved' || stopping.best === undefined;
    return { record, verdict };
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

/** What is trained: decay on all but biases and LayerNorm, as in BERT's own fine-tuning. */
export function weightDecayGroups(model: Module, weightDecay: number) {
  const isExempt = (name: string) => /(bias|LayerNorm\.weight)$/.test(name);
  const named = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
  return [
    {
      params: named.filter(([name]) => !isExempt(name)).map(([, parameter]) => parameter),
      weightDecay,
    },
    {
      params: named.filter(([name]) => isExempt(name)).map(([, parameter]) => parameter),
      weightDecay: 0,
    },
  ];
}
