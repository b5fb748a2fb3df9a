import { NotFiniteError } from '../../platform/errors.ts';
import { nextTurn } from '../../platform/waiting.ts';

/** How fast training goes. */
export interface Pace {
  examplesPerSecond: number;
  tokensPerSecond: number;
  /** Share of the device's multiply-add peak, where both are known. */
  utilisation?: number;
}

/** What a step works through. */
export interface StepWork {
  examples: number;
  /** Padding not counted. */
  tokens: number;
  flops?: number;
}

/** Steps sent to the device ahead of the one whose loss is read back. */
const AHEAD = 2;

/**
 * Reads results of steps a little behind the device, so that it never waits, and tells the pace: over the steps so far,
 * without pauses; the first, which compiles kernels, and those sent with it only until there are others.
 */
export class StepReader<A extends { step: number }> {
  readonly #onResult: (about: A, values: Float32Array, pace: Pace) => void;
  readonly #peakFlops: number | undefined;
  readonly #pending: (() => Promise<void>)[] = [];
  /** When the latest results came in. */
  #latest = 0;
  #read = 0;
  #sums = { seconds: 0, examples: 0, tokens: 0, flops: 0 };

  /** `onResult` hears of each step in order. `peakFlops`: of the device, in operations a second. */
  constructor(onResult: (about: A, values: Float32Array, pace: Pace) => void, peakFlops?: number) {
    this.#onResult = onResult;
    this.#peakFlops = peakFlops;
  }

  /** Steps are timed from now on. */
  resume(): void {
    this.#latest = performance.now();
  }

  /**
   * Takes a step's results to come: its loss, the norm of its gradients, and what else there is.
   * @throws Error when one of the two, of this or an earlier step, is not finite.
   */
  async push(
    about: A,
    { examples, tokens, flops }: StepWork,
    values: Promise<Float32Array>,
  ): Promise<void> {
    // Whoever awaits it later hears of a failure; until then it is no unhandled rejection.
    values.catch(() => {});
    this.#pending.push(async () => {
      const results = await values;
      const [loss, gradNorm] = results;
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
        throw new NotFiniteError(
          `the loss at step ${about.step} is ${loss}, the norm of its gradients ${gradNorm}: lower the learning rate; what was saved before is kept`,
        );
      }
      if (++this.#read === AHEAD + 2) this.#sums = { seconds: 0, examples: 0, tokens: 0, flops: 0 };
      const sums = this.#sums;
      const now = performance.now();
      sums.seconds += (now - this.#latest) / 1000;
      this.#latest = now;
      sums.examples += examples;
      sums.tokens += tokens;
      sums.flops += flops ?? 0;
      this.#onResult(about, results, {
        examplesPerSecond: sums.examples / sums.seconds,
        tokensPerSecond: sums.tokens / sums.seconds,
        ...(flops &&
          this.#peakFlops && { utilisation: sums.flops / sums.seconds / this.#peakFlops }),
      });
    });
    if (this.#pending.length > AHEAD) await this.#pending.shift()!();
    // On the CPU device nothing else waits.
    await nextTurn();
  }

  async drain(): Promise<void> {
    while (this.#pending.length > 0) await this.#pending.shift()!();
  }
}
