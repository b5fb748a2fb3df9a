/**
 * A sum whose order of additions depends on the number of addends alone, not on who adds which:
 * neighbours are added, then neighbours of these sums, and so on. Sums of float32 numbers depend on
 * their order, so processes that share the addends end with the same bits as one that has them all.
 */

/** The sum of the addends from `first` on, 2^`level` of them. */
export interface PartialSum<T> {
  first: number;
  level: number;
  sum: T;
}

/**
 * Adds up addends that come in order; at most one sum of each level waits, as the bits of a binary
 * counter.
 * @example
 * const tree = new SumTree<number>((a, b) => a + b);
 * [1, 2, 3].forEach((sum, first) => tree.push({ first, level: 0, sum }));
 * tree.total(); // (1 + 2) + 3
 */
export class SumTree<T> {
  /** Sums that wait for their neighbours. */
  readonly parts: PartialSum<T>[] = [];
  readonly #add: (a: T, b: T) => T;

  /** @param add may write the sum in the place of either */
  constructor(add: (a: T, b: T) => T) {
    this.#add = add;
  }

  push(part: PartialSum<T>): void {
    this.parts.push(part);
    while (this.#joinLast());
  }

  /** The sum of all; what has no neighbour is added last. @throws if there are no addends. */
  total(): T {
    return this.parts.map(({ sum }) => sum).reduceRight((right, left) => this.#add(left, right));
  }

  /** Adds the last two parts if they are neighbours in the tree. */
  #joinLast(): boolean {
    const [left, right] = this.parts.slice(-2);
    const areNeighbours =
      right !== undefined &&
      left.level === right.level &&
      left.first + 2 ** left.level === right.first &&
      left.first % 2 ** (left.level + 1) === 0;
    if (!areNeighbours) return false;
    const { first, level } = left;
    this.parts.splice(-2, 2, { first, level: level + 1, sum: this.#add(left.sum, right.sum) });
    return true;
  }
}

/** The parts of a batch of `count` that a rank computes: from `begin` to before `end`. */
export function partsOfRank(
  count: number,
  rank: number,
  size: number,
): { begin: number; end: number } {
  const begin = Math.floor((rank * count) / size);
  return { begin, end: Math.floor(((rank + 1) * count) / size) };
}

/** The sums that a rank has once its parts are added up: those that need nobody else's. */
export function sumsOfRank(count: number, rank: number, size: number): PartialSum<undefined>[] {
  const tree = new SumTree<undefined>(() => undefined);
  const { begin, end } = partsOfRank(count, rank, size);
  for (let first = begin; first < end; first++) tree.push({ first, level: 0, sum: undefined });
  return tree.parts;
}
