import { UsageError } from '../../platform/errors.ts';
import { Philox } from '../../tensor/random.ts';

// A stream of the seed. Epochs use the streams from 0, so the split is independent of their orders.
const splitStream = -1;
const oversampleStream = -2;

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
  const shares = byLabel(labels, random.permutation(labels.length)).map((group) => {
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

/**
 * One of `folds` splits, in each of which other examples are set aside: every example once. Labels
 * are dealt out in turn, so that the folds have equal shares of them.
 * @param labels the label id of each example
 * @param fold from 1
 * @throws UsageError when `folds` is below 2, or more than there are examples.
 * @example
 * for (let fold = 1; fold <= 5; fold++) console.log(foldSplit(labels, { folds: 5, fold }, 42));
 */
export function foldSplit(
  labels: ArrayLike<number>,
  { folds, fold }: { folds: number; fold: number },
  seed: number,
): Split {
  if (!(Number.isInteger(folds) && folds >= 2))
    throw new UsageError(`\`folds\`: expected an integer ≥ 2, got ${folds}`);
  if (folds > labels.length)
    throw new UsageError(
      `\`folds\`: expected at most the ${labels.length} examples there are, got ${folds}`,
    );
  const random = new Philox(seed, splitStream);
  const order = Array.from(random.permutation(labels.length));
  // Sorting is stable: within a label the order stays random.
  const dealt = order.sort((a, b) => labels[a] - labels[b]);
  const split: Split = { train: [], valid: [] };
  for (const [i, index] of dealt.entries())
    split[i % folds === fold - 1 ? 'valid' : 'train'].push(index);
  return { train: random.shuffle(split.train), valid: random.shuffle(split.valid) };
}

/**
 * Repeats the examples of rarer labels until each label has as many as the most frequent one (as
 * imbalanced-learn's RandomOverSampler): all of them as often as it fits, then some at random.
 * @param labels the label id of each example
 * @returns indices, those of all examples first.
 * @example
 * const balanced = oversample(labels, 42).map((index) => examples[index]);
 */
export function oversample(labels: readonly number[], seed: number): number[] {
  const groups = byLabel(labels, labels.keys());
  const most = groups.reduce((longest, { length }) => Math.max(longest, length), 0);
  const random = new Philox(seed, oversampleStream);
  const added = groups.flatMap((group) => {
    const missing = most - group.length;
    const whole = Array.from({ length: Math.floor(missing / group.length) }, () => group).flat();
    return [...whole, ...random.shuffle([...group]).slice(0, missing % group.length)];
  });
  return [...labels.keys(), ...added];
}

/** The indices of each label, in the given order. */
function byLabel(labels: ArrayLike<number>, order: Iterable<number>): number[][] {
  const groups = new Map<number, number[]>();
  for (const index of order) {
    const group = groups.get(labels[index]);
    if (group) group.push(index);
    else groups.set(labels[index], [index]);
  }
  return [...groups.values()];
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
