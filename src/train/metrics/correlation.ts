import { ArgumentError } from '../../platform/errors.ts';

/**
 * Correlation of predicted and true scores, as in SciPy: NaN if either is constant. Both functions
 * throw ArgumentError when the lists differ in length, are empty, or hold a value that is not
 * finite.
 */
type Values = ArrayLike<number>;

/**
 * Pearson's r, -1 to 1: how close the scores are to a straight line.
 * @example
 * pearson([1, 2, 3], [2, 4, 6]); // 1
 */
export function pearson(predicted: Values, truth: Values): number {
  checkScores(predicted, truth);
  const [x, y] = [unitVector(predicted), unitVector(truth)];
  if (!x || !y) return Number.NaN;
  const r = x.reduce((sum, value, i) => sum + value * y[i], 0);
  return Math.max(-1, Math.min(1, r));
}

/**
 * Spearman's rho: Pearson's r of the ranks; equal values share their mean rank.
 * @example
 * spearman([1, 2, 3], [1, 4, 9]); // 1
 */
export function spearman(predicted: Values, truth: Values): number {
  checkScores(predicted, truth);
  return pearson(ranks(predicted), ranks(truth));
}

function checkScores(predicted: Values, truth: Values) {
  if (predicted.length !== truth.length)
    throw new ArgumentError(`predicted: expected ${truth.length} scores, got ${predicted.length}`);
  if (truth.length === 0) throw new ArgumentError('scores: expected at least one, got none');
  for (const values of [predicted, truth])
    for (let i = 0; i < values.length; i++)
      if (!Number.isFinite(values[i]))
        throw new ArgumentError(`score ${i}: expected a finite number, got ${values[i]}`);
}

/** Distances from the mean, scaled to length 1; undefined where all values are equal. */
function unitVector(values: Values): number[] | undefined {
  const all = Array.from(values);
  if (all.every((value) => value === all[0])) return undefined;
  const mean = all.reduce((sum, value) => sum + value / all.length, 0);
  const distances = all.map((value) => value - mean);
  // Scaled first, so that no square overflows or vanishes.
  const largest = distances.reduce((most, distance) => Math.max(most, Math.abs(distance)), 0);
  const scaled = distances.map((distance) => distance / largest);
  const length = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0));
  return scaled.map((value) => value / length);
}

/** Places in ascending order, from 1. */
function ranks(values: Values): number[] {
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const result: number[] = Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (const i of order.slice(start, end)) result[i] = (start + 1 + end) / 2;
  }
  return result;
}
