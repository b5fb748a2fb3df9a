import { describe, expect, it } from 'vitest';
import { EarlyStopping, type Monitor } from '../src/train/earlyStopping.ts';
import { accuracy, confusionMatrix, macroF1, matthewsCorrelation } from '../src/train/metrics.ts';

// Three labels: 0 is right 2 of 3, 1 is right 1 of 2, 2 is right 1 of 1.
const truth = [0, 0, 0, 1, 1, 2];
const predicted = [0, 0, 1, 1, 2, 2];

describe('metrics', () => {
  it('counts three labels', () => {
    expect(accuracy(predicted, truth)).toBeCloseTo(4 / 6, 12);
    expect(confusionMatrix(predicted, truth, 4)).toEqual([
      [2, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 0],
    ]);
    // F1: 2·2/(3+2), 2·1/(2+2), 2·1/(1+2).
    expect(macroF1(predicted, truth)).toBeCloseTo((4 / 5 + 1 / 2 + 2 / 3) / 3, 12);
    // (4·6 - (3·2 + 2·2 + 1·2)) / sqrt((36 - 14) (36 - 12)).
    expect(matthewsCorrelation(predicted, truth)).toBeCloseTo(12 / Math.sqrt(22 * 24), 12);
  });

  it('equals the two-label formula of Matthews', () => {
    const t = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    const p = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0];
    const [tp, fn, fp, tn] = [3, 1, 1, 5];
    expect(matthewsCorrelation(p, t)).toBeCloseTo(
      (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
      12,
    );
    expect(macroF1(p, t)).toBeCloseTo((6 / 8 + 10 / 12) / 2, 12);
  });

  it('gives 1 when all is right and -1 when all is exchanged', () => {
    expect([accuracy, macroF1, matthewsCorrelation].map((f) => f([0, 1, 2], [0, 1, 2]))).toEqual([1, 1, 1]);
    expect(matthewsCorrelation([1, 0, 1, 0], [0, 1, 0, 1])).toBe(-1);
  });

  it('counts a zero denominator as 0', () => {
    expect(matthewsCorrelation([0, 0, 0], [0, 1, 1])).toBe(0);
    expect(matthewsCorrelation([1, 1], [1, 1])).toBe(0);
    // Label 1 is never predicted and label 2 never true: each has F1 0 and counts in the mean.
    expect(macroF1([0, 0, 2], [0, 0, 1])).toBeCloseTo(1 / 3, 12);
  });

  it('takes typed arrays', () => {
    expect(accuracy(Int32Array.of(1, 0), Uint8Array.of(1, 1))).toBe(0.5);
  });

  it('rejects lists that do not match and labels out of range', () => {
    for (const measure of [accuracy, macroF1, matthewsCorrelation]) {
      expect(() => measure([0], [0, 1])).toThrow('1 predicted labels for 2 true ones');
      expect(() => measure([], [])).toThrow('no labels');
    }
    expect(() => confusionMatrix([2], [0], 2)).toThrow('label 2 of example 0 is not in 0 to 1');
    expect(() => confusionMatrix([0], [-1], 2)).toThrow(RangeError);
  });
});

describe('EarlyStopping', () => {
  const run = (monitor: Monitor, patience: number, values: number[], minDelta?: number) => {
    const stopping = new EarlyStopping({ monitor, patience, minDelta });
    const answers = values.map((value) => stopping.update(value)[0]).join('');
    return [answers, stopping.best, stopping.bestEpoch];
  };

  it('stops after patience epochs in a row without improvement', () => {
    expect(run('validLoss', 2, [0.7, 0.5, 0.6, 0.4, 0.4, 0.5])).toEqual(['iiwiws', 0.4, 4]);
    expect(run('validAccuracy', 2, [0.7, 0.8, 0.8, 0.75])).toEqual(['iiws', 0.8, 2]);
  });

  it('stops at once with patience 1 or 0', () => {
    expect(run('validLoss', 1, [1, 1])).toEqual(['is', 1, 1]);
    expect(run('validLoss', 0, [1, 2])).toEqual(['is', 1, 1]);
  });

  it('asks for more than minDelta', () => {
    expect(run('validLoss', 3, [1, 0.75, 0.5, 0.4375], 0.25)).toEqual(['iwiw', 0.5, 3]);
  });

  it('never takes NaN for an improvement', () => {
    expect(run('validLoss', 2, [Number.NaN, 0.5, Number.NaN, Number.NaN])).toEqual(['wiws', 0.5, 2]);
    expect(run('validAccuracy', 2, [Number.NaN, Number.NaN])).toEqual(['ws', undefined, 0]);
  });

  it('rejects a patience or minDelta that is none', () => {
    expect(() => new EarlyStopping({ monitor: 'validLoss', patience: -1 })).toThrow('patience');
    expect(() => new EarlyStopping({ monitor: 'validLoss', patience: 1, minDelta: Number.NaN })).toThrow('minDelta');
  });
});
