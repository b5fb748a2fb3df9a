import { UsageError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';

// A stream of the seed. Epochs use the streams from 0, so the split is independent of their orders.
const splitStream = -1;

/** Indices of the training and validation examples, each in random order. */
export interface Split {
  train: number[];
  valid: number[];
}

/**
 * Splits off a random share of the examples for validation, label by label. The share of each label
 * differs from `validSplit` by less than one example, and each label keeps a training example.
 * @param labels the label id of each example
 * @param validSplit share for validation, from 0 to below 1
 * @throws UsageError when `validSplit` is out of range, or above 0 with too few examples to split.
 * @example
 * const { train, valid } = stratifiedSplit(examples.map(({ label }) => label), 0.2, 42);
 */
export function stratifiedSplit(
  labels: ArrayLike<number>,
  validSplit: number,
  seed: number,
): Split {
  if (!(validSplit >= 0 && validSplit < 1))
    throw new UsageError(`\`validSplit\`: expected a number from 0 to below 1, got ${validSplit}`);
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
  // The largest remainders get the examples that rounding down left over.
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
      `\`validSplit\`: expected at least one validation example, got none of ${labels.length} ` +
        `with ${validSplit}: give more examples or a split of 0`,
    );
  return { train, valid };
}

/** Number of batches among which examples are sorted by length. */
const MEGA_BATCH_MULTIPLIER = 50;

/**
 * The batches of one epoch: `indices` in an order that depends only on seed and epoch, in runs of
 * `batchSize`; one batch may be smaller. With `lengthOf`, a batch has examples of similar lengths,
 * and the batches are in random order.
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

/** Splits a list into runs of `batchSize`; the last may be smaller. */
export function batches<T>(items: readonly T[], batchSize: number): T[][] {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError(`\`batchSize\`: expected an integer ≥ 1, got ${batchSize}`);
  return Array.from({ length: Math.ceil(items.length / batchSize) }, (_, batch) =>
    items.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}
