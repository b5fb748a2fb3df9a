import { ArgumentError } from '../../platform/errors.ts';

/** What a schedule moves: any optimiser. */
interface Scheduled {
  paramGroups: { lr: number; initialLr?: number }[];
}

/**
 * Multiplies each group's first learning rate by a factor of the number of steps (PyTorch's `LambdaLR`). The group keeps that
 * rate as `initialLr`, where a later schedule finds it.
 */
export class LambdaLR {
  readonly #optimizer: Scheduled;
  readonly #factor: (step: number) => number;
  #base: readonly number[];
  #step = 0;

  constructor(optimizer: Scheduled, factor: (step: number) => number) {
    this.#optimizer = optimizer;
    this.#factor = factor;
    this.#base = optimizer.paramGroups.map((group) => (group.initialLr ??= group.lr));
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
    return { lastEpoch: this.#step, baseLrs: this.#base };
  }

  /** Goes on from there, with the factors of this schedule, as PyTorch. */
  loadStateDict({ lastEpoch, baseLrs }: ReturnType<LambdaLR['stateDict']>): void {
    if (baseLrs.length !== this.#base.length)
      throw new ArgumentError(
        `loadStateDict: the state is of ${baseLrs.length} groups of parameters, here are ${this.#base.length}`,
      );
    this.#step = lastEpoch;
    this.#base = baseLrs;
    this.#apply();
  }

  #apply(): void {
    const factor = this.#factor(this.#step);
    this.#optimizer.paramGroups.forEach((group, i) => {
      group.lr = this.#base[i] * factor;
    });
  }
}

const warmup = (step: number, steps: number) => step / Math.max(1, steps);

/** From 0 to the full rate over the warm-up steps, then down to 0 at `totalSteps`; 0 after. */
export function getLinearScheduleWithWarmup(
  optimizer: Scheduled,
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
export function getConstantScheduleWithWarmup(optimizer: Scheduled, warmupSteps: number): LambdaLR {
  return new LambdaLR(optimizer, (step) => (step < warmupSteps ? warmup(step, warmupSteps) : 1));
}
