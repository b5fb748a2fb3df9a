import type { DeviceBuffer, MemoryUse } from './device.ts';
import { OutOfMemoryError } from './errors.ts';

export interface GpuBuffer extends DeviceBuffer {
  readonly id: number;
  readonly gpu: GPUBuffer;
  /** Where it starts in `gpu`: not at 0 for what lives in the block of a captured step. */
  readonly base: number;
  /** The batch of commands that used it last: writes from the host must not overtake that batch. */
  lastBatch: number;
  /** Captured steps that use it: until they are gone, it is not given to others. */
  pins: number;
  /** Given back while pinned. */
  orphan?: boolean;
}

const STORAGE = 0x80 | 0x04 | 0x08; // GPUBufferUsage.STORAGE | COPY_SRC | COPY_DST

/** Large buffers are rarely nearly equal: they are rounded to no more than this. */
const COARSEST = 1 << 24;

/** Sizes are rounded up to a quarter of their power of two, so that nearly equal tensors share buffers. */
export function bucketSize(bytes: number): number {
  const quarter = 2 ** Math.floor(Math.log2(Math.max(1, bytes - 1))) / 4;
  const step = Math.min(COARSEST, Math.max(256, quarter));
  return Math.max(256, Math.ceil(bytes / step) * step);
}

/**
 * Reuses GPU buffers by size. The lowest free id is always taken first, so that a step that allocates
 * as the last one did gets the same buffers, and with them the same cached bind groups.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GpuBuffer[]>();
  readonly #use: MemoryUse = { bytes: 0, buffers: 0, pooledBytes: 0, peakBytes: 0 };
  #nextId = 1;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  take(bytes: number): GpuBuffer {
    const size = Math.min(bucketSize(bytes), this.#device.limits.maxBufferSize);
    if (bytes > size) {
      throw new OutOfMemoryError(`a buffer of ${bytes} bytes was asked for; this adapter's largest is ${size}`);
    }
    const buffer = this.#free.get(size)?.shift();
    if (buffer) this.#use.pooledBytes -= size;
    this.#use.bytes += size;
    this.#use.buffers++;
    this.#use.peakBytes = Math.max(this.#use.peakBytes, this.#use.bytes);
    return (
      buffer ?? {
        id: this.#nextId++,
        bytes: size,
        gpu: this.#device.createBuffer({ size, usage: STORAGE }),
        base: 0,
        lastBatch: -1,
        pins: 0,
      }
    );
  }

  give(buffer: GpuBuffer): void {
    buffer.orphan = buffer.pins > 0;
    if (buffer.orphan) return;
    this.#use.bytes -= buffer.bytes;
    this.#use.buffers--;
    this.#use.pooledBytes += buffer.bytes;
    const list = this.#free.get(buffer.bytes) ?? [];
    const at = list.findIndex((other) => other.id > buffer.id);
    list.splice(at < 0 ? list.length : at, 0, buffer);
    this.#free.set(buffer.bytes, list);
  }

  unpin(buffer: GpuBuffer): void {
    if (--buffer.pins === 0 && buffer.orphan) this.give(buffer);
  }

  use(): MemoryUse {
    return { ...this.#use };
  }
}
