import { describe, expect, it } from 'vitest';
import { methods } from '../../src/study/methods.ts';
import { formatDifference, formatSpread, spread, summarise } from '../../src/study/summary.ts';

describe('arithmetic', () => {
  it('mean and deviation of a sample', () => {
    const { mean, deviation } = spread([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(mean).toBe(5);
    // 32 / 7, not 32 / 8.
    expect(deviation).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(spread([0.5]).deviation).toBeNaN();
    expect(spread([]).mean).toBeNaN();
    expect([[0.5, 0.7], [0.6], []].map((values) => formatSpread(spread(values)))).toEqual([
      '60.0 ± 14.1',
      '60.0',
      '–',
    ]);
    expect(formatDifference(spread([0.1, -0.02, 0.04]))).toBe('+4.0 ± 6.0 (2 of 3)');
    expect(formatDifference(spread([]))).toBe('–');
  });

  it('methods and claims are those of the pre-trainings that were chosen', () => {
    const settings = { sizes: [10], pretrainings: ['skip-gram', 'mlm'] };
    const { methods: found, claims } = summarise({ cells: [], settings });
    expect(found.map(({ id }) => id)).toEqual([
      'random',
      'skip-gram-features',
      'mlm-features',
      'mlm-fine-tuned',
    ]);
    const titles = found.map(({ title }) => title);
    expect(claims).toHaveLength(3);
    for (const { better, worse } of claims)
      expect(titles).toEqual(expect.arrayContaining([better, worse]));
  });

  it('differences are taken seed by seed, of seeds that have both', () => {
    const cell = (method: string, seed: number, size: number, accuracy: number) => ({
      ...{ method, seed, size, accuracy },
      ...{ parameters: 5, trained: 3 },
    });
    const cells = [
      cell('random', 1, 10, 0.5),
      cell('random', 2, 10, 0.8),
      cell('mlm-fine-tuned', 2, 10, 0.9),
      cell('mlm-fine-tuned', 1, 10, 0.75),
      cell('mlm-fine-tuned', 3, 10, 0.1),
      cell('mlm-fine-tuned', 1, 20, 0.6),
    ];
    const summary = summarise({ cells, settings: { sizes: [10, 20] } });
    const [first] = summary.claims;
    expect([first.better, first.worse]).toEqual([
      'masked language model: fine-tuned',
      'random weights: fine-tuned',
    ]);
    expect(first.difference[0].mean).toBeCloseTo(0.175);
    expect(first.difference[0].deviation).toBeCloseTo(Math.SQRT1_2 * 0.15);
    expect(first.difference[1].values).toEqual([]);
    expect(
      summary.methods
        .find(({ id }) => id === 'mlm-fine-tuned')!
        .accuracy.map(({ values }) => values.length),
    ).toEqual([3, 1]);
    expect(summary.methods.map(({ id }) => id)).toEqual(methods.map(({ id }) => id));
  });
});
