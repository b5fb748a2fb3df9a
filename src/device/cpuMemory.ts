import type { DeviceBuffer, MemoryUse } from './device.ts';
import { OutOfMemoryError } from './errors.ts';
import type { ArrayOf, ElementType, HostArray } from './kernel.ts';

export interface CpuBuffer extends DeviceBuffer {
  readonly data: ArrayBuffer;
  /** The latest view of each kind, since the same ones are asked for in each step. */
  readonly views: Partial<Record<'f32' | 'i32' | 'u32', HostArray>>;
}

/** Larger buffers are not kept for reuse: they cost little, compared to what fills them. */
const MAX_POOLED = 1 << 20;
/** Bytes of all buffers that are kept. */
const MAX_POOL = 1 << 24;

/** Memory of the cpu device. Small buffers are reused by size, which spares the collector work. */
export class CpuMemory {
  readonly #usage: MemoryUse = { bytes: 0, buffers: 0, pooledBytes: 0, peakBytes: 0 };
  readonly #idle = new Map<number, CpuBuffer[]>();
  readonly #limit: number;
  /** Frees what nothing refers to any more. */
  reclaim?: () => void;

  /** @param limit bytes in use and kept for reuse beyond which an allocation fails */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  /** @throws OutOfMemoryError if the runtime has no memory for it, or the limit is reached. */
  alloc(requested: number): CpuBuffer {
    const bytes = Math.ceil(requested / 4) * 4;
    const idle = this.#idle.get(bytes)?.pop();
    if (idle) this.#usage.pooledBytes -= bytes;
    const buffer = idle ?? { bytes, data: this.#create(bytes), views: {} };
    this.#usage.bytes += bytes;
    this.#usage.buffers++;
    this.#usage.peakBytes = Math.max(this.#usage.peakBytes, this.#usage.bytes);
    return buffer;
  }

  free(buffer: CpuBuffer): void {
    const { bytes } = buffer;
    this.#usage.bytes -= bytes;
    this.#usage.buffers--;
    if (bytes > MAX_POOLED) return;
    if (this.#usage.pooledBytes + bytes > MAX_POOL) this.dropIdle();
    const list = this.#idle.get(bytes);
    if (list) list.push(buffer);
    else this.#idle.set(bytes, [buffer]);
    this.#usage.pooledBytes += bytes;
  }

  get usage(): MemoryUse {
    return { ...this.#usage };
  }

  /** A copy on the host of a part of a buffer; throws as `alloc`. */
  copy({ data }: CpuBuffer, offset: number, size: number): ArrayBuffer {
    return this.#orOutOfMemory(size, () => data.slice(offset, offset + size));
  }

  #create(bytes: number): ArrayBuffer {
    const isBeyond = () => this.#usage.bytes + this.#usage.pooledBytes + bytes > this.#limit;
    if (isBeyond()) this.dropIdle();
    if (isBeyond()) this.#reclaimAll();
    if (isBeyond()) throw this.#outOfMemory(bytes);
    try {
      return new ArrayBuffer(bytes);
    } catch {
      this.#reclaimAll();
      return this.#orOutOfMemory(bytes, () => new ArrayBuffer(bytes));
    }
  }

  #reclaimAll(): void {
    this.reclaim?.();
    this.dropIdle();
  }

  /** Forgets the buffers that are kept for reuse. */
  dropIdle(): void {
    this.#idle.clear();
    this.#usage.pooledBytes = 0;
  }

  #orOutOfMemory<T>(bytes: number, allocate: () => T): T {
    try {
      return allocate();
    } catch (error) {
      throw error instanceof RangeError ? this.#outOfMemory(bytes) : error;
    }
  }

  #outOfMemory(bytes: number): OutOfMemoryError {
    return new OutOfMemoryError(
      `the cpu device has no memory for ${bytes} more bytes: ${this.#usage.bytes} are in use; ` +
        'use smaller batches or shorter texts',
    );
  }
}

/** `count` elements of a buffer from byte `offset` on. */
export function viewOf<E extends ElementType>(
  buffer: CpuBuffer,
  type: E,
  offset: number,
  count: number,
): ArrayOf<E> {
  const kind = type === 'u32' ? 'u32' : type === 'i32' || type === 'I' ? 'i32' : 'f32';
  const latest = buffer.views[kind];
  if (latest?.byteOffset === offset && latest.length === count) return latest as ArrayOf<E>;
  const View = kind === 'u32' ? Uint32Array : kind === 'i32' ? Int32Array : Float32Array;
  return (buffer.views[kind] = new View(buffer.data, offset, count)) as ArrayOf<E>;
}
