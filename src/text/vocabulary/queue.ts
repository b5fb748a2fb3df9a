import type { Pair } from './pieces.ts';

/** Of equal scores, the pair whose left piece came first into the vocabulary goes first; then, whose right piece did. */
function isBefore(a: Pair, b: Pair): boolean {
  if (a.score !== b.score) return a.score > b.score;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A heap of pairs, the highest score on top. Each knows its place, so that it can move when its score changes. */
export class PairQueue {
  readonly #heap: Pair[] = [];
  readonly #score: (pair: Pair) => number;

  /** @param score of a pair as things stand; minus infinity: not to be merged */
  constructor(score: (pair: Pair) => number) {
    this.#score = score;
  }

  /** Scores a pair anew and puts it where it belongs. */
  update(pair: Pair): void {
    const score = this.#score(pair);
    if (score === pair.score) return;
    pair.score = score;
    if (pair.place < 0) {
      pair.place = this.#heap.length;
      this.#heap.push(pair);
    }
    this.#raise(pair);
    this.#lower(pair);
  }

  /**
   * The pair to merge now, if there is one. Scores kept in the queue must not be too low; those too high are put right
   * when they come up.
   */
  best(): Pair | undefined {
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      this.update(top);
      if (top.place === 0) return top.score === Number.NEGATIVE_INFINITY ? undefined : top;
    }
    return undefined;
  }

  #raise(pair: Pair): void {
    let place = pair.place;
    while (place > 0) {
      const parent = this.#heap[(place - 1) >> 1];
      if (!isBefore(pair, parent)) break;
      this.#put(parent, place);
      place = (place - 1) >> 1;
    }
    this.#put(pair, place);
  }

  #lower(pair: Pair): void {
    let place = pair.place;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && isBefore(this.#heap[child + 1], this.#heap[child]))
        child++;
      if (!isBefore(this.#heap[child], pair)) break;
      this.#put(this.#heap[child], place);
      place = child;
    }
    this.#put(pair, place);
  }

  #put(pair: Pair, place: number): void {
    this.#heap[place] = pair;
    pair.place = place;
  }
}
