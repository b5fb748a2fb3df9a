import { describe, expect, it } from 'vitest';
import { nn } from '../../../src/index.ts';
import { manualSeed } from '../../../src/tensor/index.ts';

const { ConcatDataset, DataLoader, SubsetRandomSampler, WeightedRandomSampler } = nn.data;
const numbers = (from: number, length: number): nn.data.Dataset<string> => ({
  length,
  get: (i) => String(from + i),
});

describe('samplers', () => {
  it('WeightedRandomSampler draws by weight, each once without replacement', () => {
    manualSeed(1);
    const drawn = [...new WeightedRandomSampler([1, 0, 3], 4000)];
    expect(drawn.filter((i) => i === 1)).toEqual([]);
    expect(drawn.filter((i) => i === 2).length / 4000).toBeCloseTo(0.75, 1);
    for (let seed = 0; seed < 20; seed++) {
      manualSeed(seed);
      const once = [...new WeightedRandomSampler([1, 0, 3, 1e-9], 3, false)];
      expect(once.toSorted()).toEqual([0, 2, 3]);
    }
    expect(() => new WeightedRandomSampler([0, 0], 1)).toThrow('got 0');
    expect(() => new WeightedRandomSampler([1, 0], 2, false)).toThrow('2 or more of them positive');
    expect(() => new WeightedRandomSampler([1, -1], 1)).toThrow(/^WeightedRandomSampler: expected/);
    expect(() => new WeightedRandomSampler([1], 0.5)).toThrow('whole number of samples');
  });

  it('WeightedRandomSampler draws from many, the same for a seed', () => {
    const draw = (weights: number[], count: number, replacement?: boolean) => {
      manualSeed(7);
      return [...new WeightedRandomSampler(weights, count, replacement)];
    };
    expect(draw([1, 0, 3, 2, 0], 8)).toEqual([3, 0, 2, 2, 0, 3, 2, 0]);
    const many = Array.from({ length: 30_000 }, (_, i) => (i % 3 === 0 ? 0 : 1 + (i % 3)));
    for (const replacement of [true, false]) {
      const drawn = draw(many, 15_000, replacement);
      expect(drawn.some((i) => i % 3 === 0)).toBe(false);
      if (!replacement) expect(new Set(drawn).size).toBe(15_000);
      else expect(drawn.filter((i) => i % 3 === 2).length / 15_000).toBeCloseTo(0.6, 1);
    }
    // Without replacement, the first is drawn by weight as well.
    manualSeed(7);
    const firsts = Array.from(
      { length: 2000 },
      () => [...new WeightedRandomSampler([1, 0, 3], 2, false)][0],
    );
    expect(firsts.filter((i) => i === 2).length / 2000).toBeCloseTo(0.75, 1);
  });

  it('a DataLoader follows its sampler, over joined datasets', async () => {
    manualSeed(2);
    const dataset = new ConcatDataset([numbers(0, 3), numbers(10, 2)]);
    expect([dataset.length, dataset.get(3)]).toEqual([5, '10']);
    expect(() => dataset.get(5)).toThrow('from 0 to 4, got 5');
    const sampler = new SubsetRandomSampler([0, 3, 4]);
    const batches: string[][] = [];
    const loader = new DataLoader(dataset, { sampler, batchSize: 2 });
    for await (const batch of loader) batches.push(batch);
    expect(batches.map((one) => one.length)).toEqual([2, 1]);
    expect(loader.length).toBe(2);
    expect(batches.flat().toSorted()).toEqual(['0', '10', '11']);
    expect(() => new DataLoader(dataset, { sampler, shuffle: true })).toThrow('got both');
    expect(() => new DataLoader(dataset, { sampler, seed: 1 })).toThrow(
      '`seed`: expected none beside `sampler`',
    );
    expect(() => new DataLoader(dataset, 32 as unknown as object)).toThrow(
      'expected options as an object',
    );
    expect(() => new ConcatDataset([])).toThrow('got none');
  });
});
