/** Elements of four bytes, which is what ranks exchange. */
export type Words = Float32Array | Int32Array | Uint32Array;

/**
 * What processes that train together ask of each other. All of them make the same calls in the same
 * order; a call returns once it is done. Rank 0 is the one that writes and reports.
 */
export interface Collective {
  /** Number of this process, from 0. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /** Seconds spent in calls so far, waiting for others included. */
  readonly seconds: number;
  /** Adds the arrays of all ranks, in place, in an order that the library chooses. */
  allReduce(data: Float32Array): void;
  /** The arrays of all ranks, which have one length, in the order of the ranks. */
  allGather<T extends Words>(data: T): T;
  /**
   * Sends to each other rank r its `counts[r]` elements of `data`, which has those of all ranks in
   * their order. What the others send here, `received[r]` elements of each, comes to `into`, in
   * that order. This rank's own elements stay where they are.
   */
  allToAll(
    data: Float32Array,
    counts: readonly number[],
    received: readonly number[],
    into: Float32Array,
  ): void;
  /**
   * Fills in what the others have of `data`: `counts[r]` elements of each rank r, in the order of
   * the ranks. This rank's own are there.
   */
  fillIn(data: Float32Array, counts: readonly number[]): void;
  /** Replaces the elements by those of rank `root`. */
  broadcast(data: Words, root: number): void;
  /** Waits until all ranks are here, however long their work takes. */
  barrier(): void;
}

/** One process alone. */
export const local: Collective = {
  rank: 0,
  size: 1,
  seconds: 0,
  allReduce() {},
  allGather: (data) => data.slice() as typeof data,
  allToAll() {},
  fillIn() {},
  broadcast() {},
  barrier() {},
};
