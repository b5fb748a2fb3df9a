import { ArgumentError } from '../../platform/errors.ts';
import { isObject } from '../../platform/format.ts';
import { checkOptions, describeValue, isPlain } from '../../platform/options.ts';
import { globalGenerator } from '../../tensor/globalRng.ts';
import { stack, Tensor, tensor } from '../../tensor/index.ts';
import { Philox } from '../../tensor/random.ts';
import { type Dataset, hasBatches } from './datasets.ts';
import type { Sampler } from './samplers.ts';

/** Options of `DataLoader`. */
export interface DataLoaderOptions<T, B> {
  /** Examples in a batch. Default: 1. */
  batchSize?: number;
  /** Whether each pass has an order of its own. Default: false. */
  shuffle?: boolean;
  /** The order of examples, in place of `shuffle`. */
  sampler?: Sampler;
  /** Seed of the orders that `shuffle` makes; default: the generator that `manualSeed` sets. */
  seed?: number;
  /** Whether a last batch that is not full is left out. Default: false. */
  dropLast?: boolean;
  /** Makes a batch of examples. Default: `defaultCollate`. */
  collate?: (examples: T[]) => B;
}

/** What `defaultCollate` makes of examples of a type. */
export type Collated<T> = T extends Tensor | number | boolean | Float32Array | Int32Array
  ? Tensor
  : T extends string
    ? string[]
    : T extends ReadonlyMap<infer K, infer V>
      ? Map<K, Collated<V>>
      : { [K in keyof T]: Collated<T[K]> };

/**
 * Batches of a dataset, in its order or shuffled, PyTorch's `DataLoader`: an async iterable, new at
 * each pass.
 * @example
 * const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 32, shuffle: true });
 * for await (const [inputs, targets] of loader) train(inputs, targets);
 */
export class DataLoader<T, B = Collated<T>> implements AsyncIterable<B> {
  readonly dataset: Dataset<T>;
  readonly #options: DataLoaderOptions<T, B>;
  readonly #batchSize: number;
  #passes = 0;

  /**
   * @throws ArgumentError unless `batchSize` is a whole number ≥ 1, with two orders, with a seed
   *   for a sampler, or for an unknown option.
   */
  constructor(dataset: Dataset<T>, options: DataLoaderOptions<T, B> = {}) {
    const known = ['batchSize', 'shuffle', 'sampler', 'seed', 'dropLast', 'collate'];
    checkOptions('DataLoader', options, known);
    const { batchSize = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new ArgumentError(
        `DataLoader: \`batchSize\`: expected a whole number ≥ 1, got ${batchSize}`,
      );
    if (options.sampler && options.shuffle)
      throw new ArgumentError('DataLoader: expected `shuffle` or `sampler`, got both');
    if (options.sampler && options.seed !== undefined)
      throw new ArgumentError(
        'DataLoader: `seed`: expected none beside `sampler`, which draws by itself (those of ' +
          `wigbert from the generator that \`manualSeed\` sets), got ${options.seed}`,
      );
    this.dataset = dataset;
    this.#options = options;
    this.#batchSize = batchSize;
  }

  /** Number of batches. */
  get length(): number {
    const { sampler = this.dataset } = this.#options;
    const batches = sampler.length / this.#batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<B> {
    const order = this.#order();
    for (let batch = 0; batch < this.length; batch++) {
      const start = batch * this.#batchSize;
      yield await this.#batch(order.slice(start, start + this.#batchSize));
    }
  }

  #order(): number[] {
    const { shuffle = false, seed, sampler } = this.#options;
    if (sampler) return [...sampler];
    const { length } = this.dataset;
    if (!shuffle) return Array.from({ length }, (_, i) => i);
    const random = seed === undefined ? globalGenerator() : new Philox(seed, this.#passes++);
    return [...random.permutation(length)];
  }

  async #batch(indices: readonly number[]): Promise<B> {
    const { collate } = this.#options;
    if (!collate && hasBatches(this.dataset)) return (await this.dataset.getBatch(indices)) as B;
    const examples = await Promise.all(indices.map((i) => this.dataset.get(i)));
    return collate ? collate(examples) : (defaultCollate(examples) as B);
  }
}

/**
 * One batch of examples of a kind, PyTorch's `default_collate`: tensors are stacked; typed arrays
 * and numbers become a tensor (numbers float32, booleans bool); arrays, maps and objects are
 * collated member by member; strings stay an array. Labels that should be int32 are tensors or
 * Int32Arrays.
 * @throws ArgumentError if there are no examples, or of a kind that is not known.
 * @example
 * defaultCollate([{ x: tensor([1, 2]), label: 0 }, { x: tensor([3, 4]), label: 1 }]);
 * // { x: [[1, 2], [3, 4]], label: [0, 1] }
 */
export function defaultCollate<T>(examples: readonly T[]): Collated<T> {
  return collateAny(examples) as Collated<T>;
}

function collateAny(examples: readonly unknown[]): unknown {
  const [first] = examples;
  if (first instanceof Tensor) return stack(examples as Tensor[]);
  if (ArrayBuffer.isView(first))
    return stack((examples as (Float32Array | Int32Array)[]).map((values) => tensor(values)));
  if (typeof first === 'number' || typeof first === 'boolean')
    return tensor(examples as number[] | boolean[]);
  if (typeof first === 'string') return [...examples];
  if (Array.isArray(first)) {
    if (examples.some((e) => (e as unknown[]).length !== first.length))
      throw new ArgumentError('defaultCollate: expected arrays of one length: give a `collate`');
    return first.map((_, i) => collateAny(examples.map((e) => (e as unknown[])[i])));
  }
  if (first instanceof Map)
    return new Map(
      Array.from(first.keys(), (key) => [
        key,
        collateAny(examples.map((e) => (e as Map<unknown, unknown>).get(key))),
      ]),
    );
  // What has no fields, such as a Set or a Date, holds something else.
  if (isObject(first) && (isPlain(first) || Object.keys(first).length > 0))
    return Object.fromEntries(
      Object.keys(first).map((key) => [
        key,
        collateAny(examples.map((e) => (e as Record<string, unknown>)[key])),
      ]),
    );
  throw new ArgumentError(
    'defaultCollate: expected tensors, numbers, strings, arrays, maps or objects, ' +
      `got ${describeValue(first)}: give a \`collate\``,
  );
}
