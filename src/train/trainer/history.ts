import * as v from 'valibot';
import { parseSchema } from '../../formats/parseSchema.ts';
import { UsageError } from '../../platform/errors.ts';
import { type Metric, metrics } from '../tasks/metric.ts';
import { nullableNumber, positiveInteger } from './recordSchemas.ts';
import type { TrainingLog } from './trainingTask.ts';

/** What a step gave. */
export interface StepRecord {
  /** Optimizer steps done, from 1. */
  step: number;
  /** The epoch the step belongs to, from 1. */
  epoch: number;
  /** Mean loss of the batch. */
  loss: number;
  /** Share of the batch's examples (or tagged words) whose label was predicted. */
  accuracy?: number;
  /** Of the batch, where an example may have several labels. */
  microF1?: number;
  learningRate: number;
  /** Norm of all gradients before clipping. */
  gradNorm: number;
}

/** What an epoch gave. */
export interface EpochRecord {
  /** From 1. */
  epoch: number;
  /** Optimizer steps done when the epoch ended. */
  step: number;
  trainLoss: number;
  /** Means over the steps. */
  trainAccuracy?: number;
  trainMicroF1?: number;
  /** Absent where nothing was set aside for validation. */
  validLoss?: number;
  validAccuracy?: number;
  validMicroF1?: number;
  validF1?: number;
  validSpearman?: number;
  validPearson?: number;
  validExactMatch?: number;
  /** Whether this epoch's weights are the ones kept. */
  best: boolean;
}

const stepSchema: v.GenericSchema<unknown, StepRecord> = v.object({
  step: positiveInteger,
  epoch: positiveInteger,
  loss: nullableNumber,
  accuracy: v.optional(nullableNumber),
  microF1: v.optional(nullableNumber),
  learningRate: nullableNumber,
  gradNorm: nullableNumber,
});

const epochSchema: v.GenericSchema<unknown, EpochRecord> = v.object({
  epoch: positiveInteger,
  step: positiveInteger,
  trainLoss: nullableNumber,
  trainAccuracy: v.optional(nullableNumber),
  trainMicroF1: v.optional(nullableNumber),
  validLoss: v.optional(nullableNumber),
  validAccuracy: v.optional(nullableNumber),
  validMicroF1: v.optional(nullableNumber),
  validF1: v.optional(nullableNumber),
  validSpearman: v.optional(nullableNumber),
  validPearson: v.optional(nullableNumber),
  validExactMatch: v.optional(nullableNumber),
  best: v.boolean(),
});

const historySchema = v.object({
  monitor: v.optional(v.picklist(metrics), 'accuracy'),
  steps: v.array(stepSchema),
  epochs: v.array(epochSchema),
});

/** Fields in the order of the file, so that a resumed run writes the same bytes. */
const inOrderOf = <T extends object>(raw: object, parsed: T): T =>
  Object.fromEntries(
    Object.keys(raw).flatMap((key) => (key in parsed ? [[key, parsed[key as keyof T]]] : [])),
  ) as T;

/**
 * Steps and epochs of a fine-tuning. No times: an interrupted run ends with the same history.
 * @example
 * const history = await fit(model, train, valid);
 * console.log(history.bestEpoch?.validAccuracy, history.steps.length);
 */
export class History {
  /** The validation metric that decides which epoch is the best. */
  readonly monitor: Metric;
  readonly steps: readonly StepRecord[];
  readonly epochs: readonly EpochRecord[];

  constructor(
    monitor: Metric = 'accuracy',
    { steps, evaluations }: TrainingLog<StepRecord, EpochRecord> = { steps: [], evaluations: [] },
  ) {
    this.monitor = monitor;
    this.steps = steps;
    this.epochs = evaluations;
  }

  /** The epoch whose weights are kept. */
  get bestEpoch(): EpochRecord | undefined {
    return this.epochs.find(({ best }) => best);
  }

  /** For `JSON.stringify`. */
  toJSON() {
    return { monitor: this.monitor, steps: this.steps, epochs: this.epochs };
  }

  /**
   * History from the text of `JSON.stringify(history)`.
   * @throws UsageError if it is no such text; `name` stands for it in the message.
   */
  static fromJSON(text: string, name = 'history'): History {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new UsageError(`${name}: expected JSON, got ${(error as Error).message}`);
    }
    return History.parse(value, name);
  }

  /** `fromJSON` for a value that is parsed already. */
  static parse(value: unknown, name: string): History {
    const { monitor, steps, epochs } = parseSchema(historySchema, value, name, 'a history');
    const raw = value as { steps: object[]; epochs: object[] };
    return new History(monitor, {
      steps: steps.map((step, i) => inOrderOf(raw.steps[i], step)),
      evaluations: epochs.map((epoch, i) => inOrderOf(raw.epochs[i], epoch)),
    });
  }
}
