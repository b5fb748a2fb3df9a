import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { checkOptions } from '../../platform/options.ts';
import { LRScheduler, type SchedulableOptimizer, type SchedulerState } from './schedules.ts';

/**
 * The rate times `factor` for the first `totalIters` steps (PyTorch's `ConstantLR`).
 * @example
 * const schedule = new ConstantLR(optimizer, { factor: 0.5, totalIters: 4 });
 */
export class ConstantLR extends LRScheduler {
  readonly factor: number;
  readonly totalIters: number;

  constructor(
    optimizer: SchedulableOptimizer,
    options: { factor?: number; totalIters?: number } = {},
  ) {
    super(optimizer);
    checkOptions('ConstantLR', options, ['factor', 'totalIters']);
    const { factor = 1 / 3, totalIters = 5 } = options;
    this.factor = factor;
    this.totalIters = totalIters;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    return step < this.totalIters ? baseLr * this.factor : baseLr;
  }
}

/**
 * Down to 0 at `totalIters` steps along a polynomial (PyTorch's `PolynomialLR`).
 * @example
 * const schedule = new PolynomialLR(optimizer, { totalIters: 100, power: 2 });
 */
export class PolynomialLR extends LRScheduler {
  readonly totalIters: number;
  readonly power: number;

  constructor(
    optimizer: SchedulableOptimizer,
    options: { totalIters?: number; power?: number } = {},
  ) {
    super(optimizer);
    checkOptions('PolynomialLR', options, ['totalIters', 'power']);
    const { totalIters = 5, power = 1 } = options;
    this.totalIters = totalIters;
    this.power = power;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    const share = Math.min(step, this.totalIters) / Math.max(1, this.totalIters);
    return baseLr * (1 - share) ** this.power;
  }
}

/**
 * Along half a cosine from the rate to `etaMin` in `t0` steps, then again from the start, each time
 * `tMult` times as long (Loshchilov & Hutter 2017, arXiv 1608.03983), PyTorch's class.
 * @example
 * const schedule = new CosineAnnealingWarmRestarts(optimizer, 10, { tMult: 2 });
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;

  /** @throws ArgumentError unless `t0` and `tMult` are whole numbers ≥ 1. */
  constructor(
    optimizer: SchedulableOptimizer,
    t0: number,
    options: { tMult?: number; etaMin?: number } = {},
  ) {
    super(optimizer);
    checkOptions('CosineAnnealingWarmRestarts', options, ['tMult', 'etaMin']);
    const { tMult = 1, etaMin = 0 } = options;
    if (![t0, tMult].every((n) => Number.isInteger(n) && n >= 1))
      throw new ArgumentError(
        'CosineAnnealingWarmRestarts: expected `t0` and `tMult` as whole numbers ≥ 1, ' +
          `got ${t0} and ${tMult}`,
      );
    this.t0 = t0;
    this.tMult = tMult;
    this.etaMin = etaMin;
    this.apply();
  }

  protected lrAt(step: number, baseLr: number): number {
    let [at, length] = [step, this.t0];
    if (this.tMult === 1) at %= length;
    else
      while (at >= length) {
        at -= length;
        length *= this.tMult;
      }
    return this.etaMin + ((baseLr - this.etaMin) * (1 + Math.cos((Math.PI * at) / length))) / 2;
  }
}

/** Options of `OneCycleLR`. */
export interface OneCycleOptions {
  /** Length of the cycle. */
  totalSteps: number;
  /** Share of the steps in which the rate grows. Default: 0.3. */
  pctStart?: number;
  /** Default: cos. */
  annealStrategy?: 'cos' | 'linear';
  /** The first rate is `maxLr` divided by it. Default: 25. */
  divFactor?: number;
  /** The last rate is the first divided by it. Default: 1e4. */
  finalDivFactor?: number;
}

/**
 * From a low rate up to `maxLr`, then down to almost 0 (Smith & Topin 2019, arXiv 1708.07120),
 * PyTorch's `OneCycleLR`. The momentum stays as it is, as with PyTorch's `cycle_momentum=False`.
 * Steps after `totalSteps` throw an ArgumentError.
 * @example
 * const schedule = new OneCycleLR(optimizer, 0.01, { totalSteps: 1000 });
 */
export class OneCycleLR extends LRScheduler {
  readonly maxLr: number;
  readonly options: Required<OneCycleOptions>;

  /**
   * @throws ArgumentError unless `totalSteps` is a whole number ≥ 1 and `pctStart` from 0 to 1, and
   *   for another strategy.
   */
  constructor(optimizer: SchedulableOptimizer, maxLr: number, options: OneCycleOptions) {
    const known = ['totalSteps', 'pctStart', 'annealStrategy', 'divFactor', 'finalDivFactor'];
    checkOptions('OneCycleLR', options, known);
    const { totalSteps, pctStart = 0.3, annealStrategy = 'cos' } = options;
    const { divFactor = 25, finalDivFactor = 1e4 } = options;
    if (!Number.isInteger(totalSteps) || totalSteps < 1)
      throw new ArgumentError(
        `OneCycleLR: \`totalSteps\`: expected a whole number ≥ 1, got ${totalSteps}`,
      );
    if (!(pctStart >= 0 && pctStart <= 1))
      throw new ArgumentError(
        `OneCycleLR: \`pctStart\`: expected a number from 0 to 1, got ${pctStart}`,
      );
    requireOneOf(annealStrategy, ['cos', 'linear'], 'OneCycleLR: `annealStrategy`');
    super(optimizer);
    this.maxLr = maxLr;
    this.options = { totalSteps, pctStart, annealStrategy, divFactor, finalDivFactor };
    this.apply();
  }

  protected lrAt(step: number): number {
    const { totalSteps, pctStart, annealStrategy, divFactor, finalDivFactor } = this.options;
    if (step > totalSteps)
      throw new ArgumentError(
        `OneCycleLR: \`totalSteps\`: expected ${totalSteps} steps or fewer, got ${step}`,
      );
    const [top, end] = [pctStart * totalSteps - 1, totalSteps - 1];
    const first = this.maxLr / divFactor;
    const between = (from: number, to: number, share: number) =>
      annealStrategy === 'cos'
        ? to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share))
        : from + (to - from) * share;
    // The first step may be at the top already.
    if (step <= top) return between(first, this.maxLr, top > 0 ? step / top : 1);
    const share = Math.min(1, (step - top) / (end - top));
    return between(this.maxLr, first / finalDivFactor, share);
  }
}

/** What `SequentialLR` saves to go on later. */
export interface SequentialState {
  lastEpoch: number;
  schedulers: readonly SchedulerState[];
}

/**
 * Several schedules one after the other: each from its milestone on, as if it started there
 * (PyTorch's `SequentialLR`).
 * @example
 * const warmUp = new LinearLR(optimizer, { startFactor: 0.1, totalIters: 100 });
 * const decay = new ExponentialLR(optimizer, 0.999);
 * const schedule = new SequentialLR(optimizer, [warmUp, decay], [100]);
 */
export class SequentialLR {
  readonly #optimizer: SchedulableOptimizer;
  readonly #schedulers: readonly LRScheduler[];
  readonly #milestones: readonly number[];
  #step = 0;

  /** @throws ArgumentError unless there is one milestone less than schedules. */
  constructor(
    optimizer: SchedulableOptimizer,
    schedulers: readonly LRScheduler[],
    milestones: readonly number[],
  ) {
    if (schedulers.length === 0 || milestones.length !== schedulers.length - 1)
      throw new ArgumentError(
        `SequentialLR: expected one milestone less than schedules, got ${milestones.length} ` +
          `for ${schedulers.length}`,
      );
    this.#optimizer = optimizer;
    this.#schedulers = schedulers;
    this.#milestones = milestones;
    this.#apply();
  }

  /** Call it after each step of the optimiser. */
  step(): void {
    this.#step++;
    this.#apply();
  }

  /** The learning rate of each group at the next step. */
  getLastLr(): number[] {
    return this.#optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** The position of the schedule, and the state of each. Plain JSON. */
  stateDict(): SequentialState {
    return {
      lastEpoch: this.#step,
      schedulers: this.#schedulers.map((one) => one.stateDict()),
    };
  }

  /**
   * Continues from a state.
   * @throws ArgumentError if the state has another number of schedules or of groups.
   */
  loadStateDict({ lastEpoch, schedulers }: SequentialState): void {
    if (schedulers?.length !== this.#schedulers.length)
      throw new ArgumentError(
        `loadStateDict: expected a state of ${this.#schedulers.length} schedules, ` +
          `got ${schedulers?.length ?? 'none'}`,
      );
    for (const [i, one] of this.#schedulers.entries()) one.loadStateDict(schedulers[i]);
    this.#step = lastEpoch;
    this.#apply();
  }

  #apply(): void {
    const turn = this.#milestones.filter((at) => at <= this.#step).length;
    this.#schedulers[turn].step(this.#step - (this.#milestones[turn - 1] ?? 0));
  }
}
