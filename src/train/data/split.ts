import { UsageError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';

// Streams of one seed, so that the split and the orders of the epochs are independent of each other.
const splitStream = -1;

/** Indices of the examples to train on and to validate with, each in random order. */
export interface Split {
  train: number[];
  valid: number[];
}

/**
 * Sets a random share of the examples aside for validation, label by label: each label's share differs from
 * `validSplit` by less than one example, and every label keeps at least one example to train on.
 * @param labels the label id of each example
 * @param validSplit the share set aside, 0 (none) up to but not 1
 * @throws UsageError when `validSplit` is out of range, or above 0 with too few examples to set one aside.
 */
export function stratifiedSplit(
  labels: ArrayLike<number>,
  validSplit: number,
  seed: number,
): Split {
  if (!(validSplit >= 0 && validSplit < 1))
    throw new UsageError(`the validation split must be at least 0 and below 1, not ${validSplit}`);
  const random = new Philox(seed, splitStream);
  const groups = new Map<number, number[]>();
  for (const index of random.permutation(labels.length)) {
    const group = groups.get(labels[index]);
    if (group) group.push(index);
    else groups.set(labels[index], [index]);
  }

  const shares = [...groups.values()].map((group) => {
    const exact = group.length * validSplit;
    return { group, count: Math.floor(exact), remainder: exact % 1 };
  });
  // The largest remainders get what rounding down left over.
  let left =
    Math.round(labels.length * validSplit) - shares.reduce((sum, { count }) => sum + count, 0);
  for (const share of shares.toSorted((a, b) => b.remainder - a.remainder)) {
    if (left > 0 && share.count < share.group.length - 1) {
      share.count++;
      left--;
    }
  }

  const train = random.shuffle(shares.flatMap(({ group, count }) => group.slice(count)));
  const valid = random.shuffle(shares.flatMap(({ group, count }) => group.slice(0, count)));
  if (validSplit > 0 && valid.length === 0)
    throw new UsageError(
      `a validation split of ${validSplit} leaves no example to validate with out of ${labels.length}: give more examples or a split of 0`,
    );
  return { train, valid };
}

/** Batches within which examples are sorted by length. */
const MEGA_BATCH_MULTIPLIER = 50;

/**
 * The batches of one epoch: `indices` in an order that depends on seed and epoch alone, cut into `batchSize` each;
 * one batch may be smaller. With `lengthOf`, each holds examples of like lengths, and the batches are in random order.
 */
export function epochBatches(
  indices: readonly number[],
  batchSize: number,
  seed: number,
  epoch: number,
  lengthOf?: (index: number) => number,
): number[][] {
  const random = new Philox(seed, epoch);
  const order = random.shuffle([...indices]);
  if (!lengthOf) return batches(order, batchSize);
  const groups = batches(order, MEGA_BATCH_MULTIPLIER * batchSize).map((group) =>
    group.sort((a, b) => lengthOf(a) - lengthOf(b)),
  );
  return random.shuffle(groups.flatMap((group) => batches(group, batchSize)));
}

/** Cuts a list into runs of `batchSize`; the last may be smaller. */
export function batches<T>(items: readonly T[], batchSize: number): T[][] {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError(`the batch size must be a whole number of at least 1, not ${batchSize}`);
  return Array.from({ length: Math.ceil(items.length / batchSize) }, (_, batch) =>
    items.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}
