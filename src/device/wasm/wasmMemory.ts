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
/** All addresses of 32 bits. */
const MAX_PAGES = 1 << 16;
/** Buffers start at multiples of a line of the processor's cache. */
const ALIGNMENT = 64;
/** Memory grows by this, or by an eighth: a step allocates in small parts. */
const MIN_GROWTH = 1 << 24;

/**
 * The memory of the wasm device: one WebAssembly.Memory, of which each buffer is a part. Free parts
 * that touch become one; a buffer takes the smallest that is large enough.
 */
export class WasmMemory {
  readonly memory = new WebAssembly.Memory({ initial: 2, maximum: MAX_PAGES, shared: true });
  readonly #usage: MemoryUse = { bytes: 0, buffers: 0, pooledBytes: 0, peakBytes: 0 };
  /** Starts and sizes of the free parts, by address. */
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];
  #end = 2 * PAGE;
  #nextId = 1;

  readonly #limit: number;

  /** @param limit bytes in use beyond which an allocation fails */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    // The first page is for what the threads share (assembly/threads.ts).
    this.#insert(PAGE, PAGE);
  }

  /** @throws OutOfMemoryError if the memory cannot grow by as much, or the limit is reached. */
  acquire(requested: number): WasmBuffer {
    const bytes = Math.max(1, Math.ceil(requested / ALIGNMENT)) * ALIGNMENT;
    if (this.#usage.bytes + bytes > this.#limit) throw this.#outOfMemory(bytes);
    const base = this.#take(bytes) ?? this.#takeGrown(bytes);
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
  bytes({ base }: WasmBuffer, offset: number, size: number): Uint8Array {
    // The first page has what the threads share, which a stray write would destroy.
    if (base < PAGE) throw new StateError('the buffer has no memory: its captured step never ran');
    return new Uint8Array(this.memory.buffer, base + offset, size);
  }

  /** A copy of them, in memory of its own. */
  copyOut(buffer: WasmBuffer, offset: number, size: number): ArrayBuffer {
    const copy = new Uint8Array(size);
    copy.set(this.bytes(buffer, offset, size));
    return copy.buffer;
  }

  /** `count` elements of a buffer from byte `offset` on. */
  view<E extends ElementType>(
    { views, base }: WasmBuffer,
    type: E,
    offset: number,
    count: number,
  ): ArrayOf<E> {
    const kind = type === 'u32' ? 'u32' : type === 'i32' || type === 'I' ? 'i32' : 'f32';
    const latest = views[kind];
    if (latest?.byteOffset === base + offset && latest.length === count)
      return latest as ArrayOf<E>;
    const View = kind === 'u32' ? Uint32Array : kind === 'i32' ? Int32Array : Float32Array;
    return (views[kind] = new View(this.memory.buffer, base + offset, count)) as ArrayOf<E>;
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

  #takeGrown(bytes: number): number {
    const last = this.#starts.length - 1;
    const atEnd = last >= 0 && this.#starts[last] + this.#sizes[last] === this.#end;
    const missing = bytes - (atEnd ? this.#sizes[last] : 0);
    const wanted = Math.max(missing, MIN_GROWTH, this.#end / 8);
    const added = this.#grow(Math.ceil(wanted / PAGE)) || this.#grow(Math.ceil(missing / PAGE));
    if (added === 0) throw this.#outOfMemory(bytes);
    this.#insert(this.#end, added);
    this.#end += added;
    return this.#take(bytes)!;
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
    const most = Math.min(this.#limit, MAX_PAGES * PAGE);
    return new OutOfMemoryError(
      `the wasm device has no memory for ${bytes} more bytes: ${this.#usage.bytes} are in use of ` +
        `${most} at most; use smaller batches or shorter texts`,
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
