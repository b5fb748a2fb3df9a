import { ArgumentError } from '../../platform/errors.ts';
import { globalGenerator } from '../../tensor/globalRng.ts';

/** An order of examples: their positions in a dataset. Iterating again may give another one. */
export interface Sampler extends Iterable<number> {
  readonly length: number;
}

/**
 * Positions drawn with the probabilities of weights, which need not add up to 1 (PyTorch's
 * `WeightedRandomSampler`). It draws from the generator that `manualSeed` sets.
 * @example
 * const balanced = new WeightedRandomSampler(labels.map((y) => 1 / counts[y]), labels.length);
 * new DataLoader(dataset, { sampler: balanced, batchSize: 16 });
 */
export class WeightedRandomSampler implements Sampler {
  readonly weights: readonly number[];
  readonly length: number;
  readonly replacement: boolean;

  /**
   * @throws ArgumentError unless weights are ≥ 0 with a sum > 0, and enough of them are positive to
   *   draw without replacement.
   */
  constructor(weights: readonly number[], numSamples: number, replacement = true) {
    const positive = weights.filter((weight) => weight > 0).length;
    const isValid = weights.every((weight) => weight >= 0 && Number.isFinite(weight));
    if (!isValid || positive === 0 || (!replacement && numSamples > positive))
      throw new ArgumentError(
        `WeightedRandomSampler: expected weights ≥ 0, ` +
          `${replacement ? 'one' : numSamples} or more of them positive, got ${positive}`,
      );
    if (!Number.isInteger(numSamples) || numSamples < 1)
      throw new ArgumentError(
        `WeightedRandomSampler: expected a whole number of samples ≥ 1, got ${numSamples}`,
      );
    this.weights = weights;
    this.length = numSamples;
    this.replacement = replacement;
  }

  *[Symbol.iterator](): Generator<number> {
    if (!this.replacement) {
      yield* this.#order();
      return;
    }
    const random = globalGenerator();
    let total = 0;
    const sums = Float64Array.from(this.weights, (weight) => (total += weight));
    // Rounding may lead past the sum: the last one that is possible.
    const last = sums.indexOf(total);
    for (let drawn = 0; drawn < this.length; drawn++) {
      const at = firstAbove(sums, random.uniform() * total);
      yield Math.min(at, last);
    }
  }

  /** By exponential numbers of the weights' rates, the least first (Efraimidis & Spirakis 2006). */
  #order(): number[] {
    const random = globalGenerator();
    const keys = this.weights.map((weight) => -Math.log(1 - random.uniform()) / weight);
    const possible = [...keys.keys()].filter((i) => this.weights[i] > 0);
    return possible.sort((a, b) => keys[a] - keys[b] || 0).slice(0, this.length);
  }
}

/** The first position whose element is above a bound, in rising order; the length if none is. */
function firstAbove(rising: Float64Array, bound: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle] > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Some positions in random order (PyTorch's `SubsetRandomSampler`).
 * @example
 * new nn.data.SubsetRandomSampler([0, 2, 4]); // these three in random order
 */
export class SubsetRandomSampler implements Sampler {
  readonly indices: readonly number[];

  constructor(indices: readonly number[]) {
    this.indices = indices;
  }

  get length(): number {
    return this.indices.length;
  }

  *[Symbol.iterator](): Generator<number> {
    for (const place of globalGenerator().permutation(this.length)) yield this.indices[place];
  }
}
