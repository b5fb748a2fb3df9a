import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/platform/errors.ts';
import {
  batches,
  epochBatches,
  foldSplit,
  oversample,
  stratifiedSplit,
} from '../../../src/train/data/split.ts';

const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('stratifiedSplit', () => {
  it('keeps the balance of the labels', () => {
    const labels = range(100).map((i) => (i < 90 ? 0 : 1));
    const { train, valid } = stratifiedSplit(labels, 0.2, 1);
    expect(valid).toHaveLength(20);
    expect(valid.filter((i) => labels[i] === 1)).toHaveLength(2);
    expect(sorted([...train, ...valid])).toEqual(range(100));
  });

  it('rounds where the remainder is largest', () => {
    const labels = range(20).map((i) => (i < 6 ? 0 : i < 14 ? 1 : 2));
    // The exact shares are 1.2, 1.6 and 1.2; four of twenty make the fifth.
    const valid = stratifiedSplit(labels, 0.2, 1).valid.map((i) => labels[i]);
    expect(sorted(valid)).toEqual([0, 1, 1, 2]);
  });

  it('holds its promises for any labels and share', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0, max: 0.95, noNaN: true }),
        fc.integer(),
        (labels, share, seed) => {
          let split: ReturnType<typeof stratifiedSplit>;
          try {
            split = stratifiedSplit(labels, share, seed);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
            return;
          }
          expect(sorted([...split.train, ...split.valid])).toEqual(range(labels.length));
          for (const label of new Set(labels)) {
            const all = labels.filter((l) => l === label).length;
            const valid = split.valid.filter((i) => labels[i] === label).length;
            expect(Math.abs(valid - all * share)).toBeLessThan(1);
            expect(valid).toBeLessThan(all);
          }
        },
      ),
    );
  });

  it('depends on the seed, and mixes the labels', () => {
    const labels = range(200).map((i) => (i < 100 ? 0 : 1));
    expect(stratifiedSplit(labels, 0.2, 1)).toEqual(stratifiedSplit(labels, 0.2, 1));
    expect(stratifiedSplit(labels, 0.2, 1)).not.toEqual(stratifiedSplit(labels, 0.2, 2));
    const { train, valid } = stratifiedSplit(labels, 0.2, 1);
    for (const part of [train, valid])
      expect(new Set(part.slice(0, 15).map((i) => labels[i])).size).toBe(2);
  });

  it('sets nothing aside at 0', () => {
    expect(stratifiedSplit([0, 1, 0], 0, 1).valid).toEqual([]);
  });

  it('says when the share or the data cannot be split', () => {
    for (const share of [1, -0.1, Number.NaN])
      expect(() => stratifiedSplit([0, 1], share, 1)).toThrow('from 0 to below 1');
    expect(() => stratifiedSplit([0, 1], 0.5, 1)).toThrow(
      'expected at least one validation example, got none of 2',
    );
  });
});

describe('epochBatches', () => {
  it('holds every example once, in an order of seed and epoch alone', () => {
    const indices = range(103).map((i) => i * 2);
    const first = epochBatches(indices, 10, 5, 1);
    expect(first.map((batch) => batch.length)).toEqual([...new Array(10).fill(10), 3]);
    expect(sorted(first.flat())).toEqual(indices);
    expect(epochBatches(indices, 10, 5, 1)).toEqual(first);
    expect(epochBatches(indices, 10, 5, 2)).not.toEqual(first);
    expect(epochBatches(indices, 10, 6, 1)).not.toEqual(first);
    expect(indices[1]).toBe(2);
  });

  it('puts like lengths together when asked', () => {
    const lengths = range(1037).map((i) => (i * 7919) % 101);
    const lengthOf = (i: number) => lengths[i];
    const grouped = (seed: number, epoch: number) =>
      epochBatches(range(1037), 10, seed, epoch, lengthOf);
    const first = grouped(5, 1);
    expect(sorted(first.flat())).toEqual(range(1037));
    expect(sorted(first.map((batch) => batch.length))).toEqual([7, ...new Array(103).fill(10)]);
    const spread = (batches: number[][]) =>
      batches.reduce(
        (sum, batch) => sum + Math.max(...batch.map(lengthOf)) - Math.min(...batch.map(lengthOf)),
        0,
      );
    expect(spread(first)).toBeLessThan(spread(epochBatches(range(1037), 10, 5, 1)) / 10);
    // Neither short ones first nor long ones.
    const longest = first.map((batch) => Math.max(...batch.map(lengthOf)));
    expect(longest.slice(0, 20)).not.toEqual(sorted(longest.slice(0, 20)));
    expect(grouped(5, 1)).toEqual(first);
    expect(grouped(5, 2)).not.toEqual(first);
  });
});

describe('batches', () => {
  it('keeps the order', () => {
    expect(batches(['a', 'b', 'c', 'd', 'e'], 2)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(batches([], 2)).toEqual([]);
  });

  it.each([0, 1.5, Number.NaN])('rejects a batch size of %d', (size) => {
    expect(() => batches([1], size)).toThrow(UsageError);
  });
});

describe('foldSplit', () => {
  it('sets every example aside once, with equal shares of the labels, for any labels', () => {
    const cases = fc.record({
      labels: fc.array(fc.nat(3), { minLength: 6, maxLength: 40 }),
      folds: fc.integer({ min: 2, max: 6 }),
      seed: fc.nat(),
    });
    const holds = ({ labels, folds, seed }: { labels: number[]; folds: number; seed: number }) => {
      const splits = range(folds).map((i) => foldSplit(labels, { folds, fold: i + 1 }, seed));
      expect(sorted(splits.flatMap(({ valid }) => valid))).toEqual(range(labels.length));
      for (const { train, valid } of splits)
        expect(sorted([...train, ...valid])).toEqual(range(labels.length));
      for (const label of new Set(labels)) {
        const counts = splits.map(({ valid }) => valid.filter((i) => labels[i] === label).length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
      const sizes = splits.map(({ valid }) => valid.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(foldSplit(labels, { folds, fold: 1 }, seed)).toEqual(splits[0]);
    };
    fc.assert(fc.property(cases, holds), { seed: 3, numRuns: 60 });
  });

  it('refuses other numbers of folds', () => {
    for (const folds of [1, 2.5, Number.NaN])
      expect(() => foldSplit([0, 1, 0], { folds, fold: 1 }, 1)).toThrow('expected an integer ≥ 2');
    expect(() => foldSplit([0, 1, 0], { folds: 4, fold: 1 }, 1)).toThrow('at most the 3 examples');
  });
});

describe('oversample', () => {
  it.each([[[0, 0, 0, 1]], [[2, 0, 1, 0, 0, 0, 0, 1]], [[1, 1]], [[]]])(
    'of %j gives each label as many examples',
    (labels) => {
      const indices = oversample(labels, 7);
      const counts = new Map<number, number>();
      for (const i of indices) counts.set(labels[i], (counts.get(labels[i]) ?? 0) + 1);
      const most = Math.max(0, ...counts.values());
      expect([...counts.values()]).toEqual([...counts].map(() => most));
      expect(indices.slice(0, labels.length)).toEqual(range(labels.length));
      expect(oversample(labels, 7)).toEqual(indices);
      // No example is repeated twice more often than another of its label.
      const uses = range(labels.length).map((i) => indices.filter((index) => index === i).length);
      for (const label of counts.keys()) {
        const own = uses.filter((_, i) => labels[i] === label);
        expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1);
      }
    },
  );
});
