import { BufferUsage } from './flags.ts';

const UNIFORM = BufferUsage.UNIFORM | BufferUsage.COPY_DST;
const ARENA_BYTES = 1 << 20;
/** Upper bound on the parameters of a launch. */
const MAX_PARAM_BYTES = 2048;

export interface UniformSlot {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
  /** Bind groups with these parameters, by pipeline and buffers. */
  readonly bindGroups: Map<string, GPUBindGroup>;
}

/**
 * Kernel parameters in one uniform buffer. They are mostly shapes, which recur in each step, so
 * equal parameters share a slot that is written once.
 */
export class UniformArena {
  readonly #device: GPUDevice;
  readonly #align: number;
  readonly #slots = new Map<string, UniformSlot>();
  #buffer: GPUBuffer;
  #at = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#align = device.limits.minUniformBufferOffsetAlignment;
    this.#buffer = device.createBuffer({ size: ARENA_BYTES, usage: UNIFORM });
  }

  /** Whether the next new parameters need `reset()` first. */
  get full(): boolean {
    return this.#at + MAX_PARAM_BYTES > ARENA_BYTES;
  }

  /**
   * Forgets all slots and takes a new buffer. Submitted commands keep the old one; submit all
   * others first.
   */
  reset(): void {
    this.#buffer = this.#device.createBuffer({ size: ARENA_BYTES, usage: UNIFORM });
    this.#slots.clear();
    this.#at = 0;
  }

  /** Drops the bind groups, and keeps the parameters. */
  forgetBindGroups(): void {
    for (const { bindGroups } of this.#slots.values()) bindGroups.clear();
  }

  slot(words: Uint32Array): UniformSlot {
    const key = words.join();
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = {
        buffer: this.#buffer,
        offset: this.#at,
        size: words.byteLength,
        bindGroups: new Map(),
      };
      this.#device.queue.writeBuffer(this.#buffer, this.#at, words as Uint32Array<ArrayBuffer>);
      this.#at += Math.ceil(words.byteLength / this.#align) * this.#align;
      this.#slots.set(key, slot);
    }
    return slot;
  }
}
