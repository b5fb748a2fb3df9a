import { UsageError } from '../../platform/errors.ts';
import { type Metric, metricKey } from '../tasks/metric.ts';
import type { EpochRecord } from './history.ts';

export type Monitor = 'validLoss' | `valid${Capitalize<Metric>}`;

export interface EarlyStoppingOptions {
  /** What is watched: `validLoss` is to fall, anything else to rise. */
  monitor: Monitor;
  /** How many epochs in a row may bring no improvement: after the last of them training stops. */
  patience: number;
  /** What an improvement must exceed. Default 0. */
  minDelta?: number;
}

/** Ends training when the validation metric stops improving; remembers the best epoch. */
export class EarlyStopping {
  readonly monitor: Monitor;
  readonly patience: number;
  readonly minDelta: number;
  /** The best value so far; undefined before the first. */
  best: number | undefined;
  /** The epoch, from 1, of the best value; 0 before there is one. */
  bestEpoch = 0;
  #epoch = 0;

  /** @throws UsageError when `patience` or `minDelta` is negative or not a number. */
  constructor({ monitor, patience, minDelta = 0 }: EarlyStoppingOptions) {
    if (!(Number.isInteger(patience) && patience >= 0))
      throw new UsageError(`\`patience\`: expected an integer of at least 0, got ${patience}`);
    if (!(minDelta >= 0))
      throw new UsageError(`\`minDelta\`: expected a number of at least 0, got ${minDelta}`);
    this.monitor = monitor;
    this.patience = patience;
    this.minDelta = minDelta;
  }

  /** Takes an epoch's value. NaN is never an improvement. */
  update(value: number): 'improved' | 'waiting' | 'stop' {
    this.#epoch++;
    if (this.#isBetter(value)) {
      this.best = value;
      this.bestEpoch = this.#epoch;
      return 'improved';
    }
    return this.isExhausted ? 'stop' : 'waiting';
  }

  /** True once the last update was 'stop'. */
  get isExhausted(): boolean {
    return this.#epoch > this.bestEpoch && this.#epoch - this.bestEpoch >= this.patience;
  }

  #isBetter(value: number): boolean {
    if (this.best === undefined) return !Number.isNaN(value);
    const gain = this.monitor === 'validLoss' ? this.best - value : value - this.best;
    return gain > this.minDelta;
  }
}

/** Early stopping after some epochs: it follows from their records alone. */
export function earlyStoppingAfter(
  epochs: readonly EpochRecord[],
  metric: Metric,
  patience: number,
): EarlyStopping {
  const stopping = new EarlyStopping({ monitor: metricKey('valid', metric), patience });
  for (const record of epochs) stopping.update(record[stopping.monitor] ?? Number.NaN);
  return stopping;
}

/** True if training ended after these epochs for want of a better one. */
export const hasStoppedEarly = (
  epochs: readonly EpochRecord[],
  metric: Metric,
  patience: number,
): boolean =>
  epochs.some(({ validLoss }) => validLoss !== undefined) &&
  earlyStoppingAfter(epochs, metric, patience).isExhausted;
