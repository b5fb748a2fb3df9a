import { philox4x32 } from '../kernels/kit/philox.ts';
import { ArgumentError } from '../platform/errors.ts';

export { philox4x32 };

/** State of a `Philox`, to resume a run. Plain JSON. */
export interface PhiloxState {
  seed: number;
  stream: number;
  /** Words drawn so far. */
  position: number;
  /** The unused second normal of the last Box–Muller pair. */
  spare: number | null;
}

/**
 * A stream of random numbers over `philox4x32`: the seed is the key, the stream the upper half of
 * the counter. Equal seed and stream give equal numbers on every platform.
 */
export class Philox {
  readonly #seed: number;
  readonly #stream: number;
  readonly #block = new Uint32Array(4);
  #position = 0;
  #spare: number | null = null;

  /**
   * @param seed any safe integer
   * @param stream picks one of many independent sequences of one seed; a safe integer
   * @throws ArgumentError when either is not a safe integer.
   */
  constructor(seed: number, stream = 0) {
    if (!Number.isSafeInteger(seed))
      throw new ArgumentError(`seed: expected a safe integer, got ${seed}`);
    if (!Number.isSafeInteger(stream))
      throw new ArgumentError(`stream: expected a safe integer, got ${stream}`);
    this.#seed = seed;
    this.#stream = stream;
  }

  /** A uniform integer in [0, 2^32). */
  nextUint32(): number {
    if (this.#position % 4 === 0) this.#fillBlock();
    return this.#block[this.#position++ % 4];
  }

  /** A uniform number in [0, 1), a multiple of 2^-53. */
  uniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** A standard normal number, by Box–Muller in float64. */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** A uniform integer in [0, bound), without modulo bias. `bound` is 1 to 2^32. */
  randint(bound: number): number {
    const limit = 0x100000000 - (0x100000000 % bound);
    for (;;) {
      const word = this.nextUint32();
      if (word < limit) return word % bound;
    }
  }

  /** Shuffles in place (Fisher–Yates) and returns the same array. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(array: T): T {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.randint(last + 1);
      const moved = array[last];
      array[last] = array[other];
      array[other] = moved;
    }
    return array;
  }

  /** The numbers 0 to n - 1 in random order. */
  permutation(n: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length: n }, (_, index) => index));
  }

  /** The stream's current state. */
  get state(): PhiloxState {
    return { seed: this.#seed, stream: this.#stream, position: this.#position, spare: this.#spare };
  }

  /** A stream that continues from `state`. */
  static restore(state: PhiloxState): Philox {
    const philox = new Philox(state.seed, state.stream);
    philox.#position = state.position;
    philox.#spare = state.spare;
    if (state.position % 4 !== 0) philox.#fillBlock();
    return philox;
  }

  #fillBlock(): void {
    const block = Math.floor(this.#position / 4);
    // Two's complement: the upper word of a negative number is the floor of its quotient.
    philox4x32(
      block,
      Math.floor(block / 0x100000000),
      this.#stream,
      Math.floor(this.#stream / 0x100000000),
      this.#seed,
      Math.floor(this.#seed / 0x100000000),
      this.#block,
    );
  }
}
