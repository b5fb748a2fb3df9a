import { describe, expect, it } from 'vitest';
import { Philox } from '../../../src/tensor/random.ts';
import { negativeLogLikelihood, softmaxOf } from '../../../src/train/metrics/calibration.ts';
import {
  bestThresholds,
  calibrationBins,
  expectedCalibrationError,
  fitTemperature,
} from '../../../src/train/metrics/index.ts';

const seeds = [1, 2, 3, 4, 5];

/** Logits, and labels drawn with the probabilities that they have at a temperature. */
function sample(seed: number, rows: number, labels: number, temperature: number) {
  const random = new Philox(seed);
  const logits = Array.from({ length: rows }, () =>
    Array.from({ length: labels }, () => 8 * random.uniform() - 4),
  );
  const truth = logits.map((row) => {
    let left = random.uniform();
    const probabilities = softmaxOf(row, temperature);
    const at = probabilities.findIndex((each) => (left -= each) < 0);
    return at < 0 ? labels - 1 : at;
  });
  return { logits, truth };
}

const meanLoss = ({ logits, truth }: ReturnType<typeof sample>, temperature: number) =>
  logits.reduce((sum, row, i) => {
    const scaled = row.map((value) => value / temperature);
    return sum + negativeLogLikelihood(scaled, truth[i]);
  }, 0) / logits.length;

describe('fitTemperature', () => {
  it.each([0.5, 1, 2, 3])('finds the temperature %d that labels were drawn with', (drawn) => {
    const { logits, truth } = sample(7, 1500, 4, drawn);
    const found = fitTemperature(logits, truth);
    expect(Math.abs(Math.log(found / drawn))).toBeLessThan(0.15);
  });

  it.each(seeds)('has the least loss among its neighbours (seed %i)', (seed) => {
    const drawn = sample(seed, 60, 2 + seed, 1 + seed / 3);
    const found = fitTemperature(drawn.logits, drawn.truth);
    const least = meanLoss(drawn, found);
    for (const factor of [0.5, 0.9, 0.999, 1.001, 1.1, 2])
      expect(meanLoss(drawn, found * factor)).toBeGreaterThan(least);
    expect(fitTemperature(drawn.logits, drawn.truth)).toBe(found);
  });

  it('has a known value for one confidence: 3 of 4 right at a logit of 2', () => {
    const logits = Array(4).fill([2, 0]);
    expect(fitTemperature(logits, [0, 0, 0, 1])).toBeCloseTo(2 / Math.log(3), 12);
  });

  it('changes nothing where all are right, and is bounded where most are wrong', () => {
    const logits = [
      [3, 1],
      [0, 5],
      [900, -900],
    ];
    expect(fitTemperature(logits, [0, 1, 0])).toBe(1);
    expect(fitTemperature(logits, [1, 0, 1])).toBe(100);
  });

  it.each([
    [[], [], /at least one row/],
    [[[1, 2]], [0, 1], /expected 2 rows, got 1/],
    [[[1, 2]], [2], /label of row 0: expected 0 to 1, got 2/],
    [[[1, Number.NaN]], [0], /expected finite numbers, got NaN/],
  ])('refuses %j with %j', (logits, truth, message) => {
    expect(() => fitTemperature(logits as number[][], truth as number[])).toThrow(message);
    expect(() => calibrationBins(logits as number[][], truth as number[])).toThrow(message);
  });
});

describe('calibration error', () => {
  it.each(seeds)('is that of plain sums over 15 bins (seed %i)', (seed) => {
    const { logits, truth } = sample(seed, 300, 3, 2);
    const rows = logits.map((row) => softmaxOf(row));
    let expected = 0;
    for (let bin = 0; bin < 15; bin++) {
      const inside = rows.flatMap((row, i) => {
        const confidence = Math.max(...row);
        const isIn = confidence > bin / 15 && confidence <= (bin + 1) / 15;
        return isIn ? [{ confidence, right: row.indexOf(confidence) === truth[i] ? 1 : 0 }] : [];
      });
      const gap = inside.reduce((sum, { confidence, right }) => sum + right - confidence, 0);
      expected += Math.abs(gap) / rows.length;
    }
    expect(expectedCalibrationError(rows, truth)).toBeCloseTo(expected, 12);
    const bins = calibrationBins(rows, truth);
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(300);
  });

  it('falls when overconfident logits get their temperature', () => {
    const { logits, truth } = sample(3, 1200, 4, 3);
    const error = (by: number) =>
      expectedCalibrationError(
        logits.map((row) => softmaxOf(row, by)),
        truth,
      );
    expect(error(1)).toBeGreaterThan(0.1);
    expect(error(fitTemperature(logits, truth))).toBeLessThan(0.05);
  });
});

/** F1 of a label at a threshold. */
function f1At(scores: readonly number[], truth: readonly number[], threshold: number): number {
  const given = scores.map((score) => (score > threshold ? 1 : 0) as number);
  const both = given.filter((each, i) => each === 1 && truth[i] === 1).length;
  const all = [...given, ...truth].reduce((sum, each) => sum + each, 0);
  return all === 0 ? 0 : (2 * both) / all;
}

describe('bestThresholds', () => {
  it.each(seeds)('no threshold has a higher F1 (seed %i)', (seed) => {
    const random = new Philox(seed);
    const labels = 3;
    const rows = Array.from({ length: 40 }, () =>
      // Some probabilities are equal.
      Array.from({ length: labels }, () => Math.round(20 * random.uniform()) / 20),
    );
    const truth = rows.map((row) => row.map((each) => (random.uniform() < each / 2 ? 1 : 0)));
    const found = bestThresholds(rows, truth);
    for (let label = 0; label < labels; label++) {
      const scores = rows.map((row) => row[label]);
      const known = truth.map((row) => row[label]);
      const best = f1At(scores, known, found[label]);
      for (let other = 0; other <= 1; other += 0.005)
        expect(best).toBeGreaterThanOrEqual(f1At(scores, known, other));
    }
  });

  it('stays 0.5 where this is as good, and for a label that never occurs', () => {
    const rows = [
      [0.9, 0.9, 0.2],
      [0.4, 0.8, 0.6],
    ];
    expect(
      bestThresholds(rows, [
        [1, 0, 1],
        [0, 0, 1],
      ]),
    ).toEqual([0.5, 0.5, 0.1]);
  });

  it.each([
    [[], [], /at least one row/],
    [[[0.5]], [[1], [0]], /expected 2 rows, got 1/],
    [[[0.5, 0.1]], [[1]], /row 0: expected 1 labels, got 2 probabilities and 1 labels/],
  ])('refuses %j with %j', (rows, truth, message) => {
    expect(() => bestThresholds(rows as number[][], truth as number[][])).toThrow(message);
  });
});
