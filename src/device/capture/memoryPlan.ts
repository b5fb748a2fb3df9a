/** A buffer of a step is needed from one launch (inclusive) to another (exclusive). */
export interface Lifetime {
  bytes: number;
  from: number;
  to: number;
}

/**
 * Shares memory among lifetimes that do not overlap: largest first, each takes the smallest slot
 * that is free all the while (Pisarchyk & Lee 2020, arXiv 2001.03288, §4: greedy by size for shared
 * objects). Slots are whole buffers, since WebGPU does not let one launch read and write different
 * parts of a buffer.
 * @param existing sizes of slots to use first; if no free slot is large enough, the largest free
 *   one grows
 * @returns the number of each lifetime's slot, and the sizes of all slots
 */
export function assignSlots(
  lifetimes: readonly Lifetime[],
  existing: readonly number[],
): { slotOf: number[]; sizes: number[] } {
  const sizes = [...existing];
  const occupants: Lifetime[][] = sizes.map(() => []);
  const slotOf: number[] = Array(lifetimes.length);
  const bySize = lifetimes
    .map((_, i) => i)
    .sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || a - b);
  for (const i of bySize) {
    const lifetime = lifetimes[i];
    const free = [...sizes.keys()].filter((slot) =>
      occupants[slot].every((other) => other.to <= lifetime.from || lifetime.to <= other.from),
    );
    free.sort((a, b) => sizes[a] - sizes[b]);
    let best = free.find((slot) => sizes[slot] >= lifetime.bytes) ?? free.at(-1);
    if (best === undefined) {
      best = sizes.push(0) - 1;
      occupants.push([]);
    }
    sizes[best] = Math.max(sizes[best], lifetime.bytes);
    occupants[best].push(lifetime);
    slotOf[i] = best;
  }
  return { slotOf, sizes };
}

/** Where buffers come from. */
interface Pool<B> {
  acquire(bytes: number): B;
  release(buffer: B): void;
}

/** Memory for the temporaries of captured steps. Steps run one after the other, so all share it. */
export class SharedBuffers<B extends { bytes: number; allocationFailed?: boolean }> {
  readonly #pool: Pool<B>;
  readonly #buffers: B[] = [];
  #planCount = 0;
  /** Increases when a slot gets other memory: launches must then be bound again. */
  generation = 0;

  constructor(pool: Pool<B>) {
    this.#pool = pool;
  }

  /**
   * Finds slots for the temporaries of one more step; returns the number of each one's slot. If
   * there is no memory for them, the other steps keep theirs.
   */
  reserve(lifetimes: readonly Lifetime[]): number[] {
    const { slotOf, sizes } = assignSlots(
      lifetimes,
      this.#buffers.map(({ bytes }) => bytes),
    );
    this.#planCount++;
    try {
      for (const [slot, size] of sizes.entries()) this.#grow(slot, size);
    } catch (error) {
      this.release();
      throw error;
    }
    return slotOf;
  }

  #grow(slot: number, size: number): void {
    const before = this.#buffers.at(slot);
    if (!before) this.#buffers.push(this.#pool.acquire(size));
    else if (before.bytes < size) {
      this.#pool.release(before);
      this.generation++;
      try {
        this.#buffers[slot] = this.#pool.acquire(size);
      } catch (error) {
        // Other steps live in the slot. What was free just now is so again.
        this.#buffers[slot] = this.#pool.acquire(before.bytes);
        throw error;
      }
    }
  }

  /** Whether the allocation of a slot failed. */
  get allocationFailed(): boolean {
    return this.#buffers.some(({ allocationFailed }) => allocationFailed);
  }

  buffer(slot: number): B {
    return this.#buffers[slot];
  }

  /** A step was disposed; the last one gives the memory back. */
  release(): void {
    if (--this.#planCount === 0)
      for (const buffer of this.#buffers.splice(0)) this.#pool.release(buffer);
  }
}
