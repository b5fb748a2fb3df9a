import { ArgumentError } from '../../platform/errors.ts';
import { describeValue } from '../../platform/options.ts';

/** What a schedule changes: the learning rates of any optimiser. */
export interface SchedulableOptimizer {
  paramGroups: { lr: number; initialLr?: number }[];
}

/** Where a schedule is, and the rates of the groups that it began with. */
export interface SchedulerState {
  lastEpoch: number;
  baseLrs: readonly number[];
}

/**
 * Base of schedules whose learning rate follows from the number of steps and the group's initial
 * rate, which the group keeps as `initialLr` for later schedules. Each step writes `lr` anew: a
 * rate set by hand is lost, and of two schedules of one optimiser the last to step decides
 * (`ChainedScheduler` combines them).
 * @example
 * const schedule = new StepLR(optimizer, 10);
 * for (const batch of batches) {
 *   trainStep(batch); // with optimizer.step()
 *   schedule.step();
 * }
 */
export abstract class LRScheduler {
  readonly optimizer: SchedulableOptimizer;
  #baseLrs: readonly number[];
  #step = 0;

  constructor(optimizer: SchedulableOptimizer) {
    this.optimizer = optimizer;
    this.#baseLrs = optimizer.paramGroups.map((group) => (group.initialLr ??= group.lr));
  }

  /** The learning rate of a group, by its number, after `step` steps. */
  protected abstract lrAt(step: number, baseLr: number, group: number): number;

  /** The rate after schedules one upon the other: each takes that of the one before as its base. */
  protected static chainedLr(
    schedulers: readonly LRScheduler[],
    step: number,
    baseLr: number,
    group: number,
  ): number {
    return schedulers.reduce((lr, one) => one.lrAt(step, lr, group), baseLr);
  }

  /** Call it after each step of the optimiser. `at`: another number of steps. */
  step(at = this.#step + 1): void {
    this.#step = at;
    this.apply();
  }

  /** The learning rate of each group at the next step. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** The position of the schedule. Plain JSON. */
  stateDict(): SchedulerState {
    return { lastEpoch: this.#step, baseLrs: this.#baseLrs };
  }

  /**
   * Continues from a state, with the factors of this schedule, as PyTorch does.
   * @throws ArgumentError if the state has another number of groups.
   */
  loadStateDict({ lastEpoch, baseLrs }: SchedulerState): void {
    if (baseLrs.length !== this.#baseLrs.length)
      throw new ArgumentError(
        `loadStateDict: expected a state of ${this.#baseLrs.length} groups of parameters, ` +
          `got ${baseLrs.length}`,
      );
    this.#step = lastEpoch;
    this.#baseLrs = baseLrs;
    this.apply();
  }

  /**
   * Sets the rates of the current step; constructors call it last.
   * @throws ArgumentError if a rate is NaN.
   */
  protected apply(): void {
    // Groups that were added later are not this schedule's, as in PyTorch.
    this.#baseLrs.forEach((baseLr, i) => {
      const lr = this.lrAt(this.#step, baseLr, i);
      if (Number.isNaN(lr))
        throw new ArgumentError(
          `schedule: step ${this.#step}: expected a number, got the rate NaN`,
        );
      this.optimizer.paramGroups[i].lr = lr;
    });
  }
}

/** The factor of a step. */
export type LrLambda = (step: number) => number;

/**
 * A function for each group of parameters.
 * @throws ArgumentError unless one was given, or one for each group.
 */
export function lambdaOfEach(
  name: string,
  { paramGroups: { length } }: SchedulableOptimizer,
  given: LrLambda | readonly LrLambda[],
): readonly LrLambda[] {
  const lambdas = Array.isArray(given) ? given : Array(length).fill(given);
  if (lambdas.length === length && lambdas.every((one) => typeof one === 'function'))
    return lambdas;
  throw new ArgumentError(
    `${name}: \`lrLambda\`: expected a function, or one for each of ${length} groups, got ` +
      (Array.isArray(given) ? `${given.length} elements` : describeValue(given)),
  );
}

/**
 * Multiplies each group's initial learning rate by a factor that depends on the number of steps
 * (PyTorch's `LambdaLR`): by one function, or by one for each group.
 * @example
 * const schedule = new LambdaLR(optimizer, (step) => 0.95 ** step);
 */
export class LambdaLR extends LRScheduler {
  readonly #lambdas: readonly LrLambda[];

  /** @throws ArgumentError unless there is a function, or one for each group. */
  constructor(optimizer: SchedulableOptimizer, lrLambda: LrLambda | readonly LrLambda[]) {
    super(optimizer);
    this.#lambdas = lambdaOfEach('LambdaLR', optimizer, lrLambda);
    this.apply();
  }

  protected lrAt(step: number, baseLr: number, group: number): number {
    return baseLr * this.#lambdas[group](step);
  }
}

/** The factor of a warm-up at a step. */
export const warmup = (step: number, steps: number) => step / Math.max(1, steps);

/**
 * From 0 to the full rate over the warm-up steps, then down to 0 at `totalSteps`; 0 after.
 * @example
 * const schedule = getLinearScheduleWithWarmup(optimizer, 100, 1000);
 * schedule.step(); // after each optimizer.step()
 */
export function getLinearScheduleWithWarmup(
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
  totalSteps: number,
): LambdaLR {
  return new LambdaLR(optimizer, (step) =>
    step < warmupSteps
      ? warmup(step, warmupSteps)
      : Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps)),
  );
}

/**
 * From 0 to the full rate over the warm-up steps, then constant.
 * @example
 * const schedule = getConstantScheduleWithWarmup(optimizer, 100);
 * schedule.step(); // after each optimizer.step()
 */
export function getConstantScheduleWithWarmup(
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
): LambdaLR {
  return new LambdaLR(optimizer, (step) => (step < warmupSteps ? warmup(step, warmupSteps) : 1));
}
