import { StateError } from '../../platform/errors.ts';
import type { DeviceBuffer, MemoryUse } from '../device.ts';
import { OutOfMemoryError } from '../errors.ts';
import type { ArrayOf, ElementType, HostArray } from '../kernel.ts';

/** A part of the memory that all threads share. */
export interface WasmBuffer extends DeviceBuffer {
  readonly id: number;
  /** Address of its first byte. */
  readonly base: number;
  /** Number of captured steps that use it: it is not reused while there are any. */
  pins: number;
  /** Released while pinned: the last `unpin` gives it back. */
  releaseOnUnpin?: boolean;
  /** The latest view of each kind, since the same ones are asked for in each step. */
  readonly views: Partial<Record<'f32' | 'i32' | 'u32', HostArray>>;
}

const PAGE = 1 << 16;
/**
 * Most pages: all addresses of 32 bits but those of the last page, since kernels compute where a
 * buffer ends; fewer where an engine does not reserve as many.
 */
const MAX_PAGES = [(1 << 16) - 1, 1 << 15, 1 << 14];
/** Buffers start at multiples of a line of the processor's cache. */
const ALIGNMENT = 64;
/** Memory grows by this, or by an eighth: a step allocates in small parts. */
const MIN_GROWTH = 1 << 24;

/** The bytes that a buffer of a size takes. */
export const alignedSize = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * Where a part of a buffer begins.
 * @throws StateError for a buffer without memory: its part of the first page is what the threads
 * share.
 */
export function addressOf({ base }: WasmBuffer, offset: number): number {
  if (base < PAGE) throw new StateError('the buffer has no memory: its captured step never ran');
  return base + offset;
}

function reserve(): { memory: WebAssembly.Memory; maximum: number } {
  for (const maximum of MAX_PAGES) {
    try {
      const memory = new WebAssembly.Memory({ initial: 2, maximum, shared: true });
      return { memory, maximum: maximum * PAGE };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new OutOfMemoryError(
    'the wasm device cannot reserve addresses: raise the limit of this process (`ulimit -v`), or ' +
      'set `device` to cpu',
  );
}

/**
 * The memory of the wasm device: one WebAssembly.Memory, of which each buffer is a part. Free parts
 * that touch become one; a buffer takes the smallest that is large enough.
 */
export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  /** Frees what nobody refers to any more. */
  reclaim?: () => void;
  readonly #usage: MemoryUse = { bytes: 0, buffers: 0, pooledBytes: 0, peakBytes: 0 };
  /** Starts and sizes of the free parts, by address. */
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];
  #end = 2 * PAGE;
  #nextId = 1;

  readonly #limit: number;

  /**
   * @param limit bytes in use beyond which an allocation fails
   * @throws OutOfMemoryError if the engine reserves no addresses.
   */
  constructor(limit = Number.POSITIVE_INFINITY) {
    const { memory, maximum } = reserve();
    this.memory = memory;
    this.#limit = Math.min(limit, maximum);
    // The first page is for what the threads share (assembly/threads.ts).
    this.#insert(PAGE, PAGE);
  }

  /** @throws OutOfMemoryError if the memory cannot grow by as much, or the limit is reached. */
  acquire(requested: number): WasmBuffer {
    const bytes = alignedSize(Math.max(1, requested));
    let base = this.#find(bytes);
    if (base === undefined) {
      this.reclaim?.();
      base = this.#find(bytes);
    }
    if (base === undefined) throw this.#outOfMemory(bytes);
    this.#usage.pooledBytes -= bytes;
    this.#usage.bytes += bytes;
    this.#usage.buffers++;
    this.#usage.peakBytes = Math.max(this.#usage.peakBytes, this.#usage.bytes);
    return { id: this.#nextId++, bytes, base, pins: 0, views: {} };
  }

  release(buffer: WasmBuffer): void {
    buffer.releaseOnUnpin = buffer.pins > 0;
    if (buffer.releaseOnUnpin) return;
    this.#usage.bytes -= buffer.bytes;
    this.#usage.buffers--;
    this.#insert(buffer.base, buffer.bytes);
  }

  unpin(buffer: WasmBuffer): void {
    if (--buffer.pins === 0 && buffer.releaseOnUnpin) this.release(buffer);
  }

  get usage(): MemoryUse {
    return { ...this.#usage };
  }

  /** Bytes of a buffer from `offset` on. */
  bytes(buffer: WasmBuffer, offset: number, size: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, addressOf(buffer, offset), size);
  }

  /** A copy of them, in memory of its own. */
  copyOut(buffer: WasmBuffer, offset: number, size: number): ArrayBuffer {
    const copy = new Uint8Array(size);
    copy.set(this.bytes(buffer, offset, size));
    return copy.buffer;
  }

  /** `count` elements of a buffer from byte `offset` on. */
  view<E extends ElementType>(
    buffer: WasmBuffer,
    type: E,
    offset: number,
    count: number,
  ): ArrayOf<E> {
    const kind = type === 'u32' ? 'u32' : type === 'i32' || type === 'I' ? 'i32' : 'f32';
    const { views } = buffer;
    const latest = views[kind];
    const address = addressOf(buffer, offset);
    if (latest?.byteOffset === address && latest.length === count) return latest as ArrayOf<E>;
    const View = kind === 'u32' ? Uint32Array : kind === 'i32' ? Int32Array : Float32Array;
    return (views[kind] = new View(this.memory.buffer, address, count)) as ArrayOf<E>;
  }

  /** The start of a free part, which the memory may grow for. */
  #find(bytes: number): number | undefined {
    if (this.#usage.bytes + bytes > this.#limit) return undefined;
    return this.#take(bytes) ?? this.#takeGrown(bytes);
  }

  /** The start of the smallest free part that is large enough. */
  #take(bytes: number): number | undefined {
    let best = -1;
    for (let i = 0; i < this.#sizes.length; i++) {
      if (this.#sizes[i] < bytes || (best >= 0 && this.#sizes[i] >= this.#sizes[best])) continue;
      best = i;
      if (this.#sizes[i] === bytes) break;
    }
    if (best < 0) return undefined;
    const start = this.#starts[best];
    if (this.#sizes[best] === bytes) {
      this.#starts.splice(best, 1);
      this.#sizes.splice(best, 1);
    } else {
      this.#starts[best] += bytes;
      this.#sizes[best] -= bytes;
    }
    return start;
  }

  #takeGrown(bytes: number): number | undefined {
    const last = this.#starts.length - 1;
    const atEnd = last >= 0 && this.#starts[last] + this.#sizes[last] === this.#end;
    const missing = bytes - (atEnd ? this.#sizes[last] : 0);
    const wanted = Math.max(missing, MIN_GROWTH, this.#end / 8);
    const added = this.#grow(Math.ceil(wanted / PAGE)) || this.#grow(Math.ceil(missing / PAGE));
    if (added === 0) return undefined;
    this.#insert(this.#end, added);
    this.#end += added;
    return this.#take(bytes);
  }

  /** Bytes by which the memory has grown; 0 if it could not. */
  #grow(pages: number): number {
    try {
      this.memory.grow(pages);
      return pages * PAGE;
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) return 0;
      throw error;
    }
  }

  #outOfMemory(bytes: number): OutOfMemoryError {
    return new OutOfMemoryError(
      `the wasm device has no memory for ${bytes} more bytes: ${this.#usage.bytes} are in use of ` +
        `${this.#limit} at most; use smaller batches or shorter texts`,
    );
  }

  #insert(start: number, size: number): void {
    this.#usage.pooledBytes += size;
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle] < start) low = middle + 1;
      else high = middle;
    }
    const touchesBefore = low > 0 && this.#starts[low - 1] + this.#sizes[low - 1] === start;
    const touchesAfter = low < this.#starts.length && start + size === this.#starts[low];
    if (touchesBefore) this.#sizes[low - 1] += size + (touchesAfter ? this.#sizes[low] : 0);
    else if (touchesAfter) {
      this.#starts[low] = start;
      this.#sizes[low] += size;
    } else {
      this.#starts.splice(low, 0, start);
      this.#sizes.splice(low, 0, size);
    }
    if (touchesBefore && touchesAfter) {
      this.#starts.splice(low, 1);
      this.#sizes.splice(low, 1);
    }
  }
}
