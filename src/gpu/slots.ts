/** A stretch of a step's life in which it needs memory: from one launch (inclusive) to another (exclusive). */
export interface Lifetime {
  bytes: number;
  from: number;
  to: number;
}

/**
 * Shares memory among lifetimes that do not overlap: largest first, each takes the smallest slot that is free all its
 * life (Pisarchyk & Lee 2020, arXiv 2001.03288, §4: greedy by size for shared objects). Slots are whole buffers, since
 * WebGPU does not let one launch read and write different parts of a buffer.
 * @param existing sizes of slots to take first; they are never grown
 * @returns for each lifetime the number of its slot, and the sizes of all slots
 */
export function shareSlots(lifetimes: readonly Lifetime[], existing: readonly number[]): { slotOf: number[]; sizes: number[] } {
  const sizes = [...existing];
  const tenants: Lifetime[][] = sizes.map(() => []);
  const slotOf: number[] = Array(lifetimes.length);
  const bySize = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || a - b);
  for (const i of bySize) {
    const mine = lifetimes[i];
    let best = -1;
    for (const [slot, size] of sizes.entries()) {
      const fits = size >= mine.bytes && (best < 0 || size < sizes[best]);
      if (fits && tenants[slot].every((other) => other.to <= mine.from || mine.to <= other.from)) best = slot;
    }
    if (best < 0) {
      best = sizes.push(mine.bytes) - 1;
      tenants.push([]);
    }
    tenants[best].push(mine);
    slotOf[i] = best;
  }
  return { slotOf, sizes };
}
