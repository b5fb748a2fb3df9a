import { yieldToEventLoop } from '../../platform/waiting.ts';

/** Speed of training. */
export interface Throughput {
  examplesPerSecond: number;
  tokensPerSecond: number;
  /** Share of the device's multiply-add peak, where both are known. */
  utilisation?: number;
}

/** Work of one step. */
export interface StepWork {
  examples: number;
  /** Padding not counted. */
  tokens: number;
  flops?: number;
}

/** Steps sent to the device ahead of the one whose loss is read back. */
const MAX_PENDING_STEPS = 2;

/**
 * Reads results a few steps behind the device, so that the device never waits, and measures the
 * throughput over all steps, without pauses. The first steps, which compile kernels, are dropped
 * from it once there are others.
 */
export class StepReader<A extends { step: number }> {
  readonly #onResult: (record: A, values: Float32Array, pace: Throughput) => void | Promise<void>;
  readonly #peakFlops: number | undefined;
  readonly #pending: (() => Promise<void>)[] = [];
  /** When the latest results came in. */
  #lastReadTime = 0;
  #readCount = 0;
  #sums = { seconds: 0, examples: 0, tokens: 0, flops: 0 };

  /** `onResult` is called for each step in order. `peakFlops`: operations per second. */
  constructor(
    onResult: (record: A, values: Float32Array, pace: Throughput) => void | Promise<void>,
    peakFlops?: number,
  ) {
    this.#onResult = onResult;
    this.#peakFlops = peakFlops;
  }

  /** Steps are timed from now on. */
  resume(): void {
    this.#lastReadTime = performance.now();
  }

  /**
   * Queues the results of a step: loss, norm of the gradients, further scalars. Throws what
   * `onResult` throws of this or an earlier step.
   */
  async push(
    record: A,
    { examples, tokens, flops }: StepWork,
    values: Promise<Float32Array>,
  ): Promise<void> {
    // The failure reaches whoever awaits it later; it is not an unhandled rejection until then.
    values.catch(() => {});
    this.#pending.push(async () => {
      const results = await values;
      if (++this.#readCount === MAX_PENDING_STEPS + 2)
        this.#sums = { seconds: 0, examples: 0, tokens: 0, flops: 0 };
      const totals = this.#sums;
      const now = performance.now();
      totals.seconds += (now - this.#lastReadTime) / 1000;
      this.#lastReadTime = now;
      totals.examples += examples;
      totals.tokens += tokens;
      totals.flops += flops ?? 0;
      await this.#onResult(record, results, {
        examplesPerSecond: totals.examples / totals.seconds,
        tokensPerSecond: totals.tokens / totals.seconds,
        ...(flops &&
          this.#peakFlops && { utilisation: totals.flops / totals.seconds / this.#peakFlops }),
      });
    });
    if (this.#pending.length > MAX_PENDING_STEPS) await this.#pending.shift()!();
    // On the CPU device nothing else waits.
    await yieldToEventLoop();
  }

  async drain(): Promise<void> {
    while (this.#pending.length > 0) await this.#pending.shift()!();
  }
}
