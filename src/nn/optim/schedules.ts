import { ArgumentError } from '../../platform/errors.ts';

/** What a schedule changes: the learning rates of any optimiser. */
interface SchedulableOptimizer {
  paramGroups: { lr: number; initialLr?: number }[];
}

/**
 * Multiplies each group's initial learning rate by a factor that depends on the number of steps
 * (PyTorch's `LambdaLR`). The group keeps its initial rate as `initialLr` for later schedules.
 */
export class LambdaLR {
  readonly #optimizer: SchedulableOptimizer;
  readonly #lrLambda: (step: number) => number;
  #baseLrs: readonly number[];
  #step = 0;

  constructor(optimizer: SchedulableOptimizer, lrLambda: (step: number) => number) {
    this.#optimizer = optimizer;
    this.#lrLambda = lrLambda;
    this.#baseLrs = optimizer.paramGroups.map((group) => (group.initialLr ??= group.lr));
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

  /** The position of the schedule. Plain JSON. */
  stateDict(): { lastEpoch: number; baseLrs: readonly number[] } {
    return { lastEpoch: this.#step, baseLrs: this.#baseLrs };
  }

  /**
   * Continues from a state, with the factors of this schedule, as PyTorch does.
   * @throws ArgumentError if the state has another number of groups.
   */
  loadStateDict({ lastEpoch, baseLrs }: ReturnType<LambdaLR['stateDict']>): void {
    if (baseLrs.length !== this.#baseLrs.length)
      throw new ArgumentError(
        `loadStateDict: expected a state of ${this.#baseLrs.length} groups of parameters, ` +
          `got ${baseLrs.length}`,
      );
    this.#step = lastEpoch;
    this.#baseLrs = baseLrs;
    this.#apply();
  }

  #apply(): void {
    const factor = this.#lrLambda(this.#step);
    this.#optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.#baseLrs[i] * factor;
    });
  }
}

const warmup = (step: number, steps: number) => step / Math.max(1, steps);

/** From 0 to the full rate over the warm-up steps, then down to 0 at `totalSteps`; 0 after. */
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

/** From 0 to the full rate over the warm-up steps, then constant. */
export function getConstantScheduleWithWarmup(
  optimizer: SchedulableOptimizer,
  warmupSteps: number,
): LambdaLR {
  return new LambdaLR(optimizer, (step) => (step < warmupSteps ? warmup(step, warmupSteps) : 1));
}
