import type { Constants, Kernel, ParamTypes, ParamValues } from './kernel.ts';

/** What a kernel took while the device was profiled. */
export interface KernelTime {
  kernel: string;
  /** The variant's constants, in words. */
  variant: string;
  launches: number;
  seconds: number;
  flops: number;
  /** Bytes of all its buffers, each counted once a launch, and twice where it is read and overwritten. */
  bytes: number;
}

/** What a launch is, for the books: its kernel, and what it computes and moves. */
export type LaunchCost = Omit<KernelTime, 'launches' | 'seconds'>;

/** The books: one entry for each variant of each kernel. */
export class KernelTimes {
  readonly #times = new Map<string, KernelTime>();

  /** Counts a launch; its seconds are added to the entry when they are known. */
  launch(cost: LaunchCost): KernelTime {
    const key = `${cost.kernel} ${cost.variant}`;
    let time = this.#times.get(key);
    if (!time)
      this.#times.set(key, (time = { ...cost, launches: 0, seconds: 0, flops: 0, bytes: 0 }));
    time.launches++;
    time.flops += cost.flops;
    time.bytes += cost.bytes;
    return time;
  }

  /** Longest first. */
  get sorted(): KernelTime[] {
    return [...this.#times.values()].sort((a, b) => b.seconds - a.seconds);
  }
}

const QUERY_RESOLVE = 0x0200 | 0x0004; // GPUBufferUsage.QUERY_RESOLVE | COPY_SRC
const MAP_READ = 0x01 | 0x08; // GPUBufferUsage.MAP_READ | COPY_DST
/** Launches in one query set: a start and an end each, 4,096 queries at most. */
const CAPACITY = 2048;

/** Times each launch by a pair of timestamps around a pass of its own. Needs the feature `timestamp-query`. */
export class Profiler {
  readonly #device: GPUDevice;
  readonly times = new KernelTimes();
  #batch: KernelTime[] = [];
  #queries: GPUQuerySet | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Whether the commands so far must be submitted, through `resolve`, before another launch. */
  get full(): boolean {
    return this.#batch.length === CAPACITY;
  }

  /** The timestamps for the pass of a launch. */
  timestampWrites(cost: LaunchCost): GPUComputePassTimestampWrites {
    this.#queries ??= this.#device.createQuerySet({ type: 'timestamp', count: 2 * CAPACITY });
    const at = 2 * this.#batch.push(this.times.launch(cost)) - 2;
    return { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** Ends a batch of launches with the commands that bring its timestamps out; call `read` after they were submitted. */
  resolve(encoder: GPUCommandEncoder): (() => Promise<void>) | undefined {
    const [batch, queries] = [this.#batch, this.#queries];
    if (batch.length === 0 || !queries) return undefined;
    this.#batch = [];
    const size = batch.length * 16;
    const resolved = this.#device.createBuffer({ size, usage: QUERY_RESOLVE });
    const staging = this.#device.createBuffer({ size, usage: MAP_READ });
    encoder.resolveQuerySet(queries, 0, 2 * batch.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    return async () => {
      await staging.mapAsync(1);
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

export function costOf<T extends ParamTypes>(
  kernel: Kernel<T>,
  constants: Constants,
  params: ParamValues<T>,
): LaunchCost {
  const bufferBytes = Object.values(kernel.buffers).map(
    ({ access, size }) => (access === 'update' ? 8 : 4) * size(params),
  );
  const bytes = bufferBytes.reduce((sum, one) => sum + one, 0);
  const variant = Object.entries(constants).map(([name, value]) =>
    typeof value === 'string' ? value : `${name} ${value}`,
  );
  return {
    kernel: kernel.name,
    variant: variant.join(', '),
    flops: kernel.flops?.(params) ?? 0,
    bytes,
  };
}
