import type { WordCounts } from './words.ts';

/** Two neighbouring pieces within words, by id. */
export interface Pair {
  readonly left: number;
  readonly right: number;
  /** Number of occurrences in the corpus. */
  count: number;
  /** Positions of the left piece; some are outdated. */
  positions: number[];
  /** Score and index in the queue, which updates both; the index is -1 outside the queue. */
  score: number;
  heapIndex: number;
}

/** No piece at a position. */
const NONE = -1;

/**
 * The words of a corpus, split into pieces, with the count of each piece and pair. Merging a pair
 * visits only its own positions.
 */
export class CorpusPieces {
  // By position, a character of a distinct word: the piece that begins there, the positions of its
  // neighbours in the word, and the count of the word.
  readonly #piece: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #weight: Float64Array;
  /** By left piece, then by right piece. */
  readonly #pairs: Map<number, Pair>[] = [];
  readonly #pairsWith: Pair[][] = [];
  readonly #counts: number[] = [];
  #total = 0;

  /** @param idOf the id of the piece for a single character */
  constructor(words: WordCounts, idOf: (char: string, isFirst: boolean) => number) {
    let length = 0;
    for (const [word] of words) for (const _ of word) length++;
    this.#piece = new Int32Array(length);
    this.#next = new Int32Array(length).fill(NONE);
    this.#previous = new Int32Array(length).fill(NONE);
    this.#weight = new Float64Array(length);
    let at = 0;
    for (const [word, count] of words) {
      const first = at;
      for (const char of word) {
        const id = idOf(char, at === first);
        this.#piece[at] = id;
        this.#weight[at] = count;
        this.#counts[id] = this.count(id) + count;
        this.#total += count;
        if (at > first) {
          this.#previous[at] = at - 1;
          this.#next[at - 1] = at;
          this.#addPair(at - 1);
        }
        at++;
      }
    }
  }

  /** Number of occurrences of a piece. */
  count(id: number): number {
    return this.#counts[id] ?? 0;
  }

  /** Number of occurrences of all pieces. */
  get totalPieces(): number {
    return this.#total;
  }

  /** Every pair that occurs, or once occurred. */
  *pairs(): Generator<Pair> {
    for (const pairs of this.#pairs) if (pairs) yield* pairs.values();
  }

  /** The pairs that contain a piece. */
  pairsWith(id: number): readonly Pair[] {
    return this.#pairsWith[id] ?? [];
  }

  /**
   * Merges all occurrences of a pair, from left to right. Returns the pairs whose count changed.
   */
  merge(pair: Pair, id: number): Set<Pair> {
    const { left, right, positions } = pair;
    const changed = new Set([pair]);
    pair.positions = [];
    // In a run of equal pieces the pairs overlap, so their order matters.
    if (left === right) positions.sort((a, b) => a - b);
    for (const at of positions) {
      const second = this.#next[at];
      if (this.#piece[at] !== left || second === NONE || this.#piece[second] !== right) continue;
      const before = this.#previous[at];
      const after = this.#next[second];
      if (before !== NONE) changed.add(this.#removePair(before));
      this.#removePair(at);
      if (after !== NONE) changed.add(this.#removePair(second));

      const weight = this.#weight[at];
      this.#counts[left] -= weight;
      this.#counts[right] -= weight;
      this.#counts[id] = this.count(id) + weight;
      this.#total -= weight;
      this.#piece[at] = id;
      this.#piece[second] = NONE;
      this.#next[at] = after;
      if (after !== NONE) this.#previous[after] = at;

      if (before !== NONE) changed.add(this.#addPair(before));
      if (after !== NONE) changed.add(this.#addPair(at));
    }
    return changed;
  }

  /** Counts the pair whose left piece is at a position. */
  #addPair(at: number): Pair {
    const pair = this.#pairAt(at);
    pair.count += this.#weight[at];
    pair.positions.push(at);
    return pair;
  }

  #removePair(at: number): Pair {
    const pair = this.#pairAt(at);
    pair.count -= this.#weight[at];
    return pair;
  }

  #pairAt(at: number): Pair {
    const left = this.#piece[at];
    const right = this.#piece[this.#next[at]];
    const pairs = (this.#pairs[left] ??= new Map());
    let pair = pairs.get(right);
    if (!pair) {
      pair = {
        left,
        right,
        count: 0,
        positions: [],
        score: Number.NEGATIVE_INFINITY,
        heapIndex: -1,
      };
      pairs.set(right, pair);
      for (const id of new Set([left, right])) (this.#pairsWith[id] ??= []).push(pair);
    }
    return pair;
  }
}
