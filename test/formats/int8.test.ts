import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantizeRows, quantizedParts, quantizeRows } from '../../src/formats/int8.ts';

describe('quantizeRows', () => {
  it('brings the largest of each row to the limit', () => {
    const { values, scales } = quantizeRows(Float32Array.of(1, -2, 0, 0, 0.5, 0.25), 3);
    expect([...values]).toEqual([64, -127, 0, 0, 127, 64]);
    expect([...scales]).toEqual([2 / 127, 0, 0.5 / 127].map(Math.fround));
    expect([...quantizeRows(Float32Array.of(1, -2), 1, 64).values]).toEqual([32, -64]);
  });

  it('is undone to half a step', () => {
    const number = fc.float({ noNaN: true, min: -1000, max: 1000 });
    const matrix = fc.record({ rows: fc.integer({ min: 1, max: 4 }), seed: fc.array(number) });
    fc.assert(
      fc.property(matrix, ({ rows, seed }) => {
        const data = Float32Array.from({ length: rows * 5 }, (_, i) => seed[i] ?? i - 7);
        const quantized = quantizeRows(data, rows);
        const again = dequantizeRows(quantized);
        for (const [i, value] of data.entries()) {
          const step = quantized.scales[Math.floor(i / 5)];
          expect(Math.abs(value - again[i])).toBeLessThanOrEqual(0.501 * step + 1e-6);
        }
      }),
      { seed: 7, numRuns: 50 },
    );
  });
});

describe('quantizedParts', () => {
  it.each([[['scales', 'values']], [['values', 'scales']]] as const)(
    'fetches a matrix once for %s, and again for another reading',
    async (order) => {
      const data = Float32Array.of(1, -2, 0, 0, 0.5, 0.25);
      let fetched = 0;
      const parts = quantizedParts(
        async () => {
          fetched++;
          return data;
        },
        3,
        64,
      );
      const expected = quantizeRows(data, 3, 64);
      for (const reading of [1, 2]) {
        for (const part of order) expect(await parts[part]()).toEqual(expected[part]);
        expect(fetched).toBe(reading);
      }
    },
  );
});
