import { ArgumentError } from '../../platform/errors.ts';

/** What a schedule moves: any optimiser. */
interface SchedulableOptimizer {
  paramGroups: { lr: number; initialLr?: number }[];
}

/**
 * Multiplies each group's first learning rate by a factor of the number of steps (PyTorch's `LambdaLR`). The group keeps that
 * rate as `initialLr`, where a later schedule finds it.
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

  /** The rates that the next step will use. */
  getLastLr(): number[] {
    return this.#optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** Where the schedule stands. Plain JSON. */
  stateDict(): { lastEpoch: number; baseLrs: readonly number[] } {
    return { lastEpoch: this.#step, baseLrs: this.#baseLrs };
  }

  /** Goes on from there, with the factors of this schedule, as PyTorch. */
  loadStateDict({ lastEpoch, baseLrs }: ReturnType<LambdaLR['stateDict']>): void {
    if (baseLrs.length !== this.#baseLrs.length)
      throw new ArgumentError(
        `loadStateDict: the state is of ${baseLrs.length} groups of parameters, here are ${this.#baseLrs.length}`,
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
