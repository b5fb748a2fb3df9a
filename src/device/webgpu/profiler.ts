import { type KernelTime, KernelTimes, type LaunchCost } from '../timing.ts';
import { BufferUsage, MAP_MODE_READ } from './flags.ts';

/** Launches in one query set: each takes two queries, and WebGPU allows 4,096. */
const CAPACITY = 2048;

/**
 * Times each launch by two timestamps around a pass of its own. Needs the feature
 * `timestamp-query`.
 */
export class Profiler {
  readonly #device: GPUDevice;
  readonly times = new KernelTimes();
  #batch: KernelTime[] = [];
  #queries: GPUQuerySet | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Whether the batch must be resolved and submitted before another launch. */
  get full(): boolean {
    return this.#batch.length === CAPACITY;
  }

  /** The timestamps for the pass of a launch. */
  timestampWrites(cost: LaunchCost): GPUComputePassTimestampWrites {
    this.#queries ??= this.#device.createQuerySet({ type: 'timestamp', count: 2 * CAPACITY });
    const at = 2 * this.#batch.push(this.times.launch(cost)) - 2;
    return { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /**
   * Adds the commands that copy out the timestamps of the batch that ends here. Returns a function
   * that reads them; call it after the submit. Undefined if the batch is empty.
   */
  resolve(encoder: GPUCommandEncoder): (() => Promise<void>) | undefined {
    const [batch, queries] = [this.#batch, this.#queries];
    if (batch.length === 0 || !queries) return undefined;
    this.#batch = [];
    const size = batch.length * 16;
    const buffer = (usage: number) => this.#device.createBuffer({ size, usage });
    const resolved = buffer(BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC);
    const staging = buffer(BufferUsage.MAP_READ | BufferUsage.COPY_DST);
    encoder.resolveQuerySet(queries, 0, 2 * batch.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    return async () => {
      await staging.mapAsync(MAP_MODE_READ);
      const nanoseconds = new BigUint64Array(staging.getMappedRange());
      for (const [i, time] of batch.entries()) {
        const [start, end] = [nanoseconds[2 * i], nanoseconds[2 * i + 1]];
        if (end > start) time.seconds += Number(end - start) / 1e9;
      }
      staging.destroy();
      resolved.destroy();
    };
  }

  destroy(): void {
    this.#queries?.destroy();
  }
}
