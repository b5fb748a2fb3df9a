import * as v from 'valibot';
import { parseSchema } from '../../formats/parseSchema.ts';
import { UsageError } from '../../platform/errors.ts';
import { type Metric, metrics } from '../tasks/metric.ts';

// JSON has no NaN or Infinity and writes null for them: a loss that diverged comes back as NaN.
const nullableNumber = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const positiveInteger = v.pipe(v.number(), v.integer(), v.minValue(1));

const stepSchema = v.object({
  /** Optimiser steps done, from 1. */
  step: positiveInteger,
  /** The epoch the step belongs to, from 1. */
  epoch: positiveInteger,
  /** Mean loss of the batch. */
  loss: nullableNumber,
  /** Share of the batch's examples (or tagged words) whose label was predicted. */
  accuracy: v.optional(nullableNumber),
  /** Of the batch, where an example may have several labels. */
  microF1: v.optional(nullableNumber),
  learningRate: nullableNumber,
  /** Norm of all gradients before clipping. */
  gradNorm: v.optional(nullableNumber),
  /** Over the steps so far but the first few, where there are more; padding not counted. */
  tokensPerSecond: v.optional(nullableNumber),
  /** Share of the device's multiply-add peak over the same steps, where both are known. */
  utilisation: v.optional(nullableNumber),
});

const epochSchema = v.object({
  /** From 1. */
  epoch: positiveInteger,
  /** Optimiser steps done when the epoch ended. */
  step: positiveInteger,
  trainLoss: nullableNumber,
  /** Means over the steps. */
  trainAccuracy: v.optional(nullableNumber),
  trainMicroF1: v.optional(nullableNumber),
  /** Absent where nothing was set aside for validation. */
  validLoss: v.optional(nullableNumber),
  validAccuracy: v.optional(nullableNumber),
  validMicroF1: v.optional(nullableNumber),
  validF1: v.optional(nullableNumber),
  validSpearman: v.optional(nullableNumber),
  validPearson: v.optional(nullableNumber),
  /** Whether this epoch's weights are the ones kept. */
  best: v.boolean(),
  seconds: v.optional(nullableNumber),
});

const historySchema = v.object({
  monitor: v.optional(v.picklist(metrics), 'accuracy'),
  steps: v.array(stepSchema),
  epochs: v.array(epochSchema),
});

export type StepRecord = v.InferOutput<typeof stepSchema>;
export type EpochRecord = v.InferOutput<typeof epochSchema>;

/** What happened in training, step by step and epoch by epoch. */
export class History {
  /** The metric whose best value, in validation, decides which epoch is best. */
  readonly monitor: Metric;
  readonly steps: StepRecord[] = [];
  readonly epochs: EpochRecord[] = [];

  constructor(monitor: Metric = 'accuracy') {
    this.monitor = monitor;
  }

  addStep(record: StepRecord): void {
    this.steps.push(record);
  }

  /** Adds an epoch; if it is the best, no earlier one is any more. */
  addEpoch(record: EpochRecord): void {
    if (record.best) for (const earlier of this.epochs) earlier.best = false;
    this.epochs.push(record);
  }

  /** The epoch whose weights are kept. */
  get bestEpoch(): EpochRecord | undefined {
    return this.epochs.find(({ best }) => best);
  }

  /** For `JSON.stringify`. */
  toJSON(): { monitor: Metric; steps: StepRecord[]; epochs: EpochRecord[] } {
    return { monitor: this.monitor, steps: this.steps, epochs: this.epochs };
  }

  /**
   * A history from the text `JSON.stringify(history)` gave.
   * @throws UsageError when it is not one; `name` stands for it in the message.
   */
  static fromJSON(text: string, name = 'history'): History {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new UsageError(`${name} is not JSON: ${(error as Error).message}`);
    }
    const parsed = parseSchema(historySchema, value, name, 'a training history');
    const history = new History(parsed.monitor);
    history.steps.push(...parsed.steps);
    history.epochs.push(...parsed.epochs);
    return history;
  }
}
