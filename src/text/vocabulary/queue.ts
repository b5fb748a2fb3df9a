import type { Pair } from './pieces.ts';

/** Equal scores are ordered by the id of the left piece, then of the right piece. */
function hasPriority(a: Pair, b: Pair): boolean {
  if (a.score !== b.score) return a.score > b.score;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A heap of pairs, highest score first. Each pair knows its index, so its score can be updated. */
export class PairQueue {
  readonly #heap: Pair[] = [];
  readonly #score: (pair: Pair) => number;

  /** @param score the current score of a pair; minus infinity if it must not be merged */
  constructor(score: (pair: Pair) => number) {
    this.#score = score;
  }

  /** Recomputes the score of a pair and moves it accordingly. */
  update(pair: Pair): void {
    const score = this.#score(pair);
    if (score === pair.score) return;
    pair.score = score;
    if (pair.heapIndex < 0) {
      pair.heapIndex = this.#heap.length;
      this.#heap.push(pair);
    }
    this.#siftUp(pair);
    this.#siftDown(pair);
  }

  /**
   * The pair to merge next, if any. Stored scores may be too high, which is corrected when the pair
   * reaches the top, but must not be too low.
   */
  best(): Pair | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      this.update(top);
      if (top.heapIndex === 0) return top.score === Number.NEGATIVE_INFINITY ? undefined : top;
    }
    return undefined;
  }

  #siftUp(pair: Pair): void {
    let index = pair.heapIndex;
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1];
      if (!hasPriority(pair, parent)) break;
      this.#setAt(parent, index);
      index = (index - 1) >> 1;
    }
    this.#setAt(pair, index);
  }

  #siftDown(pair: Pair): void {
    let index = pair.heapIndex;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && hasPriority(this.#heap[child + 1], this.#heap[child]))
        child++;
      if (!hasPriority(this.#heap[child], pair)) break;
      this.#setAt(this.#heap[child], index);
      index = child;
    }
    this.#setAt(pair, index);
  }

  #setAt(pair: Pair, index: number): void {
    this.#heap[index] = pair;
    pair.heapIndex = index;
  }
}
