import { ArgumentError } from '../../platform/errors.ts';
import { globalGenerator } from '../../tensor/globalRng.ts';
import { cat, indexSelect, type Tensor, tensor } from '../../tensor/index.ts';
import { Philox } from '../../tensor/random.ts';
import { formatShape } from '../../tensor/shape.ts';

/** Examples by position, PyTorch's map-style `Dataset`. `get` may be asynchronous. */
export interface Dataset<T> {
  readonly length: number;
  get(index: number): T | Promise<T>;
  /** A whole batch at once, where that is faster than stacking examples. */
  getBatch?(indices: readonly number[]): unknown;
}

/** Whether a dataset has a batch of its own making. */
export const hasBatches = <T>(
  dataset: Dataset<T>,
): dataset is Dataset<T> & { getBatch(indices: readonly number[]): unknown } =>
  dataset.getBatch !== undefined;

/**
 * Rows of tensors of equal length, PyTorch's `TensorDataset`. An example is an array with a row of
 * each.
 * @example
 * const dataset = new TensorDataset(features, labels);
 * const [x, y] = dataset.get(0);
 */
export class TensorDataset implements Dataset<Tensor[]> {
  readonly tensors: readonly Tensor[];

  /** @throws ArgumentError if there are no tensors, or their first sizes differ. */
  constructor(...tensors: readonly Tensor[]) {
    if (
      tensors.length === 0 ||
      tensors.some((t) => t.ndim === 0 || t.shape[0] !== tensors[0].shape[0])
    )
      throw new ArgumentError(
        'TensorDataset: expected tensors with equally many rows, got ' +
          (tensors.map(({ shape }) => formatShape(shape)).join(', ') || 'none'),
      );
    this.tensors = tensors;
  }

  get length(): number {
    return this.tensors[0].shape[0];
  }

  get(index: number): Tensor[] {
    return this.tensors.map((t) => t.select(0, index));
  }

  getBatch(indices: readonly number[]): Tensor[] {
    return this.tensors.map((t) => {
      if (t.dtype !== 'float32') return cat(indices.map((i) => t.slice([[i, i + 1]])));
      return indexSelect(t, 0, tensor(Int32Array.from(indices), { device: t.device }));
    });
  }
}

/**
 * Datasets one after the other, PyTorch's `ConcatDataset`.
 * @example
 * new nn.data.ConcatDataset([reviews, questions]).length; // of both together
 */
export class ConcatDataset<T> implements Dataset<T> {
  readonly datasets: readonly Dataset<T>[];

  /** @throws ArgumentError if there are none. */
  constructor(datasets: readonly Dataset<T>[]) {
    if (datasets.length === 0)
      throw new ArgumentError('ConcatDataset: expected one or more datasets, got none');
    this.datasets = datasets;
  }

  get length(): number {
    return this.datasets.reduce((sum, { length }) => sum + length, 0);
  }

  /** @throws ArgumentError if the index is out of range. */
  get(index: number): T | Promise<T> {
    let at = index;
    for (const dataset of this.datasets) {
      if (at >= 0 && at < dataset.length) return dataset.get(at);
      at -= dataset.length;
    }
    throw new ArgumentError(
      `ConcatDataset: expected an index from 0 to ${this.length - 1}, got ${index}`,
    );
  }
}

/**
 * Some examples of a dataset, in the order of `indices`.
 * @example
 * new nn.data.Subset(reviews, [0, 2, 4]).length; // 3
 */
export class Subset<T> implements Dataset<T> {
  readonly dataset: Dataset<T>;
  readonly indices: readonly number[];
  readonly getBatch?: (indices: readonly number[]) => unknown;

  /** @throws ArgumentError if an index is out of range. */
  constructor(dataset: Dataset<T>, indices: readonly number[]) {
    const wrong = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= dataset.length);
    if (wrong !== undefined)
      throw new ArgumentError(
        `Subset: expected indices from 0 to ${dataset.length - 1}, got ${wrong}`,
      );
    this.dataset = dataset;
    this.indices = indices;
    if (hasBatches(dataset))
      this.getBatch = (places) => dataset.getBatch(places.map((i) => indices[i]));
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number): T | Promise<T> {
    return this.dataset.get(this.indices[index]);
  }
}

/**
 * Splits a dataset at random into parts without common examples, PyTorch's `random_split`.
 * @param lengths whole numbers that add up to the dataset's, or fractions that add up to 1 (what is
 *   left by rounding down goes to the first parts)
 * @param seed default: the generator that `manualSeed` sets
 * @throws ArgumentError if the lengths do not add up.
 * @example
 * const [train, validation] = randomSplit(dataset, [0.9, 0.1], 42);
 */
export function randomSplit<T>(
  dataset: Dataset<T>,
  lengths: readonly number[],
  seed?: number,
): Subset<T>[] {
  const total = lengths.reduce((a, b) => a + b, 0);
  const sizes = [...lengths];
  if (Math.abs(total - 1) < 1e-9 && lengths.every((share) => share >= 0 && share <= 1)) {
    for (const [i, share] of lengths.entries()) sizes[i] = Math.floor(share * dataset.length);
    const rest = dataset.length - sizes.reduce((a, b) => a + b, 0);
    for (let i = 0; i < rest; i++) sizes[i % sizes.length]++;
  }
  const sum = sizes.reduce((a, b) => a + b, 0);
  if (sum !== dataset.length || sizes.some((n) => !Number.isInteger(n) || n < 0))
    throw new ArgumentError(
      `randomSplit: expected lengths that add up to ${dataset.length}, or fractions that add up ` +
        `to 1, got ${lengths.join(', ')}`,
    );
  const random = seed === undefined ? globalGenerator() : new Philox(seed);
  const order = [...random.permutation(dataset.length)];
  let start = 0;
  return sizes.map((size) => new Subset(dataset, order.slice(start, (start += size))));
}
