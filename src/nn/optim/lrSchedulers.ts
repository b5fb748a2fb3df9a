import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { checkNumbers, checkOptions } from '../../platform/options.ts';
import { LRScheduler, type SchedulableOptimizer } from './schedules.ts';

/**
 * Multiplies the rate by `gamma` every `stepSize` steps (PyTorch's `StepLR`).
 * @example
 * const schedule = new StepLR(optimizer, 30);
 */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: SchedulableOptimizer, stepSize: number, options: { gamma?: number } = {}) {
    super(optimizer);
    checkOptions('StepLR', options, ['gamma']);
    const { gamma = 0.1 } = options;
    if (!(stepSize > 0))
      throw new ArgumentError(`StepLR: \`stepSize\`: expected a number > 0, got ${stepSize}`);
    this.stepSize = stepSize;
    this.gamma = gamma;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    return baseLr * this.gamma ** Math.floor(step / this.stepSize);
  }
}

/**
 * Multiplies the rate by `gamma` at each of some steps (PyTorch's `MultiStepLR`).
 * @example
 * const schedule = new MultiStepLR(optimizer, [30, 80]);
 */
export class MultiStepLR extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(
    optimizer: SchedulableOptimizer,
    milestones: readonly number[],
    options: { gamma?: number } = {},
  ) {
    super(optimizer);
    checkOptions('MultiStepLR', options, ['gamma']);
    const { gamma = 0.1 } = options;
    this.milestones = milestones;
    this.gamma = gamma;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    return baseLr * this.gamma ** this.milestones.filter((at) => at <= step).length;
  }
}

/**
 * Multiplies the rate by `gamma` at each step (PyTorch's `ExponentialLR`).
 * @example
 * const schedule = new ExponentialLR(optimizer, 0.95);
 */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: SchedulableOptimizer, gamma: number) {
    super(optimizer);
    this.gamma = gamma;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    return baseLr * this.gamma ** step;
  }
}

/**
 * From `startFactor` of the rate to `endFactor` over `totalIters` steps, then constant (PyTorch's
 * `LinearLR`). Defaults: 1/3, 1 and 5.
 * @example
 * const schedule = new LinearLR(optimizer, { startFactor: 0.1, totalIters: 100 });
 */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(
    optimizer: SchedulableOptimizer,
    options: { startFactor?: number; endFactor?: number; totalIters?: number } = {},
  ) {
    super(optimizer);
    checkOptions('LinearLR', options, ['startFactor', 'endFactor', 'totalIters']);
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options;
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    const share = Math.min(step, this.totalIters) / Math.max(1, this.totalIters);
    return baseLr * (this.startFactor + (this.endFactor - this.startFactor) * share);
  }
}

/**
 * Along a cosine from the rate to `etaMin` in `tMax` steps and back, PyTorch's class.
 * @example
 * const schedule = new CosineAnnealingLR(optimizer, 100);
 */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: SchedulableOptimizer, tMax: number, options: { etaMin?: number } = {}) {
    super(optimizer);
    checkOptions('CosineAnnealingLR', options, ['etaMin']);
    const { etaMin = 0 } = options;
    if (!(tMax > 0))
      throw new ArgumentError(`CosineAnnealingLR: \`tMax\`: expected a number > 0, got ${tMax}`);
    this.tMax = tMax;
    this.etaMin = etaMin;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    const share = (1 + Math.cos((Math.PI * step) / this.tMax)) / 2;
    return this.etaMin + (baseLr - this.etaMin) * share;
  }
}

/** Options of `ReduceLROnPlateau`. */
export interface PlateauOptions {
  /** Whether a smaller or a larger metric is better. Default: min. */
  mode?: 'min' | 'max';
  /** Default: 0.1. */
  factor?: number;
  /** Calls without improvement that are borne. Default: 10. */
  patience?: number;
  /** Least improvement that counts. Default: 1e-4. */
  threshold?: number;
  /** Whether the threshold is a share of the best metric. Default: rel. */
  thresholdMode?: 'rel' | 'abs';
  /** Calls after a reduction that are not counted. Default: 0. */
  cooldown?: number;
  /** Default: 0. */
  minLr?: number;
  /** Least change of the rate. Default: 1e-8. */
  eps?: number;
}

const plateauOptions = [
  'mode',
  'factor',
  'patience',
  'threshold',
  'thresholdMode',
  'cooldown',
  'minLr',
  'eps',
];

/** What `ReduceLROnPlateau` saves to go on later. */
export interface PlateauState {
  /** null: none yet (JSON has no infinity). */
  best: number | null;
  numBadEpochs: number;
  cooldownCounter: number;
}

/**
 * Multiplies the rate by `factor` when a metric has stopped improving (PyTorch's
 * `ReduceLROnPlateau`).
 * @example
 * const schedule = new ReduceLROnPlateau(optimizer, { patience: 2 });
 * schedule.step(validationLoss); // after each evaluation
 */
export class ReduceLROnPlateau {
  readonly #optimizer: SchedulableOptimizer;
  readonly #options: Required<PlateauOptions>;
  #best: number;
  #badCalls = 0;
  #cooldown = 0;

  /** @throws ArgumentError unless `factor` is below 1, and for another mode. */
  constructor(optimizer: SchedulableOptimizer, options: PlateauOptions = {}) {
    checkOptions('ReduceLROnPlateau', options, plateauOptions);
    const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4 } = options;
    const { thresholdMode = 'rel', cooldown = 0, minLr = 0, eps = 1e-8 } = options;
    if (!(factor < 1))
      throw new ArgumentError(
        `ReduceLROnPlateau: \`factor\`: expected a number below 1, got ${factor}`,
      );
    requireOneOf(mode, ['min', 'max'], 'ReduceLROnPlateau: `mode`');
    requireOneOf(thresholdMode, ['rel', 'abs'], 'ReduceLROnPlateau: `thresholdMode`');
    this.#optimizer = optimizer;
    this.#options = { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps };
    this.#best = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /**
   * Call it with the metric after each evaluation.
   * @throws ArgumentError unless it is a number, as of `loss.item()` once awaited.
   */
  step(metric: number): void {
    checkNumbers('ReduceLROnPlateau.step', { metric });
    const { patience, cooldown, factor, minLr, eps } = this.#options;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badCalls = 0;
    } else {
      this.#badCalls++;
    }
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#badCalls = 0;
    }
    if (this.#badCalls <= patience) return;
    for (const group of this.#optimizer.paramGroups) {
      const lr = Math.max(group.lr * factor, minLr);
      if (group.lr - lr > eps) group.lr = lr;
    }
    this.#cooldown = cooldown;
    this.#badCalls = 0;
  }

  /** The learning rate of each group at the next step. */
  getLastLr(): number[] {
    return this.#optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** What it has seen so far. Plain JSON. */
  stateDict(): PlateauState {
    const best = Number.isFinite(this.#best) ? this.#best : null;
    return { best, numBadEpochs: this.#badCalls, cooldownCounter: this.#cooldown };
  }

  /** Continues from a state. The learning rates are part of the optimiser's state. */
  loadStateDict({ best, numBadEpochs, cooldownCounter }: PlateauState): void {
    this.#best = best ?? this.#best;
    this.#badCalls = numBadEpochs;
    this.#cooldown = cooldownCounter;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const bound =
      thresholdMode === 'rel' ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === 'min' ? metric < bound : metric > bound;
  }
}
