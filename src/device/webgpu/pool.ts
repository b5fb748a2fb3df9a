import type { DeviceBuffer, MemoryUse } from '../device.ts';
import { OutOfMemoryError } from '../errors.ts';
import { BufferUsage } from './flags.ts';

export interface GpuBuffer extends DeviceBuffer {
  readonly id: number;
  readonly gpu: GPUBuffer;
  /** Where it starts in `gpu`: not at 0 in the upload block of a captured step. */
  readonly base: number;
  /** The batch of commands that used it last: host writes must not overtake that batch. */
  lastBatch: number;
  /** Number of captured steps that use it: it is not reused while there are any. */
  pins: number;
  /** Released while pinned: the last `unpin` gives it back. */
  releaseOnUnpin?: boolean;
  /** The adapter had no memory for it. */
  allocationFailed?: boolean;
}

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** Largest step of rounding: large buffers are rarely nearly equal in size. */
const MAX_BUCKET_STEP = 1 << 24;

/**
 * Rounds a size up to a quarter of its power of two, so that tensors of nearly equal size share
 * buffers.
 */
export function bucketSize(bytes: number): number {
  const quarter = 2 ** Math.floor(Math.log2(Math.max(1, bytes - 1))) / 4;
  const step = Math.min(MAX_BUCKET_STEP, Math.max(256, quarter));
  return Math.max(256, Math.ceil(bytes / step) * step);
}

/**
 * Reuses GPU buffers by size, larger ones too. It always takes the lowest free id first, so that a
 * step that allocates as the last one did gets the same buffers, and with them the same cached bind
 * groups. If idle memory exceeds half of the peak in use (shapes that keep changing), idle buffers
 * are destroyed before new ones are created.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #submit: () => void;
  readonly #report: (verdict: Promise<Error | undefined>) => void;
  readonly #limit: number;
  readonly #idle = new Map<number, GpuBuffer[]>();
  readonly #usage: MemoryUse = { bytes: 0, buffers: 0, pooledBytes: 0, peakBytes: 0 };
  #nextId = 1;

  /**
   * @param submit sends the commands that may still use idle buffers
   * @param report gets the verdict of the adapter on each new buffer
   * @param limit bytes in use and kept for reuse beyond which an allocation fails
   */
  constructor(
    device: GPUDevice,
    submit: () => void,
    report: (verdict: Promise<Error | undefined>) => void,
    limit = Number.POSITIVE_INFINITY,
  ) {
    this.#device = device;
    this.#submit = submit;
    this.#report = report;
    this.#limit = limit;
  }

  /** @throws OutOfMemoryError if the adapter has no buffers of this size. */
  sizeFor(bytes: number): number {
    const size = Math.min(bucketSize(bytes), this.#device.limits.maxBufferSize);
    if (bytes > size) {
      throw new OutOfMemoryError(
        `buffer: expected at most ${size} bytes, the largest of this adapter, got ${bytes}`,
      );
    }
    return size;
  }

  acquire(bytes: number): GpuBuffer {
    const size = this.sizeFor(bytes);
    const idle = this.#takeIdle(size);
    if (idle) this.#usage.pooledBytes -= idle.bytes;
    const buffer = idle ?? this.#create(size);
    if (buffer.allocationFailed) return buffer;
    this.#usage.bytes += buffer.bytes;
    this.#usage.buffers++;
    this.#usage.peakBytes = Math.max(this.#usage.peakBytes, this.#usage.bytes);
    return buffer;
  }

  release(buffer: GpuBuffer): void {
    buffer.releaseOnUnpin = buffer.pins > 0;
    // What was not got is not counted any more.
    if (buffer.releaseOnUnpin || buffer.allocationFailed) return;
    this.#usage.bytes -= buffer.bytes;
    this.#usage.buffers--;
    this.#usage.pooledBytes += buffer.bytes;
    const list = this.#idle.get(buffer.bytes) ?? [];
    const at = list.findIndex((other) => other.id > buffer.id);
    list.splice(at < 0 ? list.length : at, 0, buffer);
    this.#idle.set(buffer.bytes, list);
  }

  unpin(buffer: GpuBuffer): void {
    if (--buffer.pins === 0 && buffer.releaseOnUnpin) this.release(buffer);
  }

  memoryUse(): MemoryUse {
    return { ...this.#usage };
  }

  /** An idle buffer of a size, or else the smallest of up to twice as much. */
  #takeIdle(size: number): GpuBuffer | undefined {
    const exact = this.#idle.get(size)?.shift();
    if (exact) return exact;
    let best = Number.POSITIVE_INFINITY;
    for (const [other, { length }] of this.#idle)
      if (length > 0 && other > size && other <= 2 * size) best = Math.min(best, other);
    return this.#idle.get(best)?.shift();
  }

  #create(size: number): GpuBuffer {
    const isBeyondLimit = () => this.#usage.bytes + this.#usage.pooledBytes + size > this.#limit;
    if (2 * this.#usage.pooledBytes > this.#usage.peakBytes || isBeyondLimit()) this.destroyIdle();
    const allocationFailed = isBeyondLimit();
    const { bytes, pooledBytes, peakBytes } = this.#usage;
    this.#device.pushErrorScope('out-of-memory');
    const gpu = this.#device.createBuffer({ size, usage: STORAGE });
    const buffer: GpuBuffer = {
      id: this.#nextId++,
      bytes: size,
      gpu,
      base: 0,
      lastBatch: -1,
      pins: 0,
      allocationFailed,
    };
    this.#report(
      this.#device.popErrorScope().then((error) => {
        if (!error && !allocationFailed) return undefined;
        if (!allocationFailed) this.#forget(buffer, peakBytes);
        this.destroyIdle();
        return new OutOfMemoryError(
          `the adapter has no memory for ${size} more bytes: ${bytes} are in use, ` +
            `${pooledBytes} kept for reuse; use smaller batches or shorter texts`,
        );
      }),
    );
    return buffer;
  }

  /** Undoes the count of a buffer that was not got. */
  #forget(buffer: GpuBuffer, peakBefore: number): void {
    const { bytes: size } = buffer;
    buffer.allocationFailed = true;
    this.#usage.peakBytes = Math.max(peakBefore, this.#usage.peakBytes - size);
    // One that was released before is idle, and goes with the others.
    if (this.#idle.get(size)?.includes(buffer)) return;
    this.#usage.bytes -= size;
    this.#usage.buffers--;
  }

  /** Gives back to the adapter what is kept for reuse. */
  destroyIdle(): void {
    this.#submit();
    for (const buffer of [...this.#idle.values()].flat()) buffer.gpu.destroy();
    this.#idle.clear();
    this.#usage.pooledBytes = 0;
  }
}
