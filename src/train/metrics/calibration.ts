import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';

/**
 * Whether probabilities mean what they say, and how to make them: Guo et al., "On Calibration of
 * Modern Neural Networks", 2017 (arXiv 1706.04599). All throw ArgumentError when the lists differ
 * in length or are empty, or for a label that a row does not have.
 */
type Labels = ArrayLike<number>;
type Rows = readonly ArrayLike<number>[];

/** Predictions whose largest probability lies within a range. */
export interface CalibrationBin {
  /** The range: above `lower`, up to `upper`. */
  lower: number;
  upper: number;
  /** Number of predictions. */
  count: number;
  /** Mean of their largest probability; 0 without predictions. */
  confidence: number;
  /** Share of them that is right; 0 without predictions. */
  accuracy: number;
}

/** Temperatures are searched from its inverse up to it. */
const MAX_TEMPERATURE = 100;
/** As in the paper's tables. */
const BINS = 15;

/**
 * Predictions by their largest probability, in bins of equal width (section 2, "reliability
 * diagrams").
 * @param probabilities a row for each prediction, a probability for each label
 * @param truth the id of each true label
 * @example
 * const bins = calibrationBins([[0.9, 0.1], [0.4, 0.6]], [0, 0], 2);
 * bins[1]; // { lower: 0.5, upper: 1, count: 2, confidence: 0.75, accuracy: 0.5 }
 */
export function calibrationBins(
  probabilities: Rows,
  truth: Labels,
  bins: number = BINS,
): CalibrationBin[] {
  checkRows('probabilities', probabilities, truth);
  if (!(Number.isInteger(bins) && bins >= 1))
    throw new ArgumentError(`bins: expected an integer of at least 1, got ${formatValue(bins)}`);
  const predictions = probabilities.map((row, i) => {
    const best = largest(row);
    return { confidence: row[best], isRight: best === truth[i] };
  });
  return binPredictions(predictions, bins);
}

/** Bins of predictions, which come one by one: there may be one for each word of a corpus. */
export function binPredictions(
  predictions: Iterable<{ confidence: number; isRight: boolean }>,
  bins: number = BINS,
): CalibrationBin[] {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (const { confidence, isRight } of predictions) {
    const bin = Math.ceil(confidence * bins) - 1;
    const sum = sums[Math.min(bins - 1, Math.max(0, bin))];
    sum.count++;
    sum.confidence += confidence;
    if (isRight) sum.right++;
  }
  return sums.map(({ count, confidence, right }, i) => ({
    lower: i / bins,
    upper: (i + 1) / bins,
    count,
    confidence: count === 0 ? 0 : confidence / count,
    accuracy: count === 0 ? 0 : right / count,
  }));
}

/**
 * Expected calibration error: the distance between confidence and accuracy, averaged over the
 * predictions of each bin (section 2, equation 3). 0 to 1; 0 is best.
 * @param probabilities a row for each prediction, a probability for each label
 * @param truth the id of each true label
 * @example
 * expectedCalibrationError([[0.9, 0.1], [0.4, 0.6]], [0, 0], 2); // 0.25
 */
export const expectedCalibrationError = (
  probabilities: Rows,
  truth: Labels,
  bins: number = BINS,
): number => errorOfBins(calibrationBins(probabilities, truth, bins));

/** The expected calibration error of bins. */
export function errorOfBins(bins: readonly CalibrationBin[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return bins.reduce(
    (sum, { count, confidence, accuracy }) =>
      sum + (count / total) * Math.abs(accuracy - confidence),
    0,
  );
}

/**
 * The temperature T that softmax(logits / T) is most likely with: the least mean negative log
 * likelihood (section 4.2). Found by Newton's method from 1/T = 1, which is convex, within 0.01 to
 * 100. It is 1 if every label is that of the largest logit: then no temperature is the best.
 * @param logits a row for each prediction, a logit for each label
 * @param truth the id of each true label
 * @example
 * fitTemperature([[2, 0], [2, 0], [2, 0], [2, 0]], [0, 0, 0, 1]); // 2 / log(3) = 1.82
 */
export function fitTemperature(logits: Rows, truth: Labels): number {
  checkRows('logits', logits, truth);
  const rows = logits.map((row, i) => {
    const most = row[largest(row)];
    return { row: Array.from(row, (value) => value - most), label: truth[i] };
  });
  if (rows.every(({ row, label }) => row[label] === 0)) return 1;
  let [low, high] = [1 / MAX_TEMPERATURE, MAX_TEMPERATURE];
  if (derivatives(rows, low).first >= 0) return 1 / low;
  if (derivatives(rows, high).first <= 0) return 1 / high;
  let inverse = 1;
  for (let round = 0; round < 200; round++) {
    const { first, second } = derivatives(rows, inverse);
    if (first > 0) high = inverse;
    else low = inverse;
    const newton = inverse - first / second;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    const isClose = Math.abs(next - inverse) <= 1e-13 * inverse;
    inverse = next;
    if (isClose) break;
  }
  return 1 / inverse;
}

/** Of the mean negative log likelihood, by the inverse of the temperature. */
function derivatives(
  rows: readonly { row: readonly number[]; label: number }[],
  inverse: number,
): { first: number; second: number } {
  let [first, second] = [0, 0];
  for (const { row, label } of rows) {
    let [total, mean, square] = [0, 0, 0];
    for (const value of row) {
      const weight = Math.exp(inverse * value);
      total += weight;
      mean += weight * value;
      square += weight * value * value;
    }
    mean /= total;
    first += mean - row[label];
    second += square / total - mean * mean;
  }
  return { first: first / rows.length, second: second / rows.length };
}

/** softmax(logits / temperature), in float64. */
export function softmaxOf(logits: ArrayLike<number>, temperature = 1): number[] {
  const most = logits[largest(logits)];
  const weights = Array.from(logits, (value) => Math.exp((value - most) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** -log softmax(logits)[label], in float64. */
export function negativeLogLikelihood(logits: ArrayLike<number>, label: number): number {
  const most = logits[largest(logits)];
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i] - most);
  return Math.log(total) + most - logits[label];
}

/** Index of the largest value, the first among equals. */
function largest(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}

function checkRows(name: string, rows: Rows, truth: Labels): void {
  if (rows.length !== truth.length)
    throw new ArgumentError(`${name}: expected ${truth.length} rows, got ${rows.length}`);
  if (rows.length === 0) throw new ArgumentError(`${name}: expected at least one row, got none`);
  for (const [i, row] of rows.entries()) {
    const label = truth[i];
    if (!(Number.isInteger(label) && label >= 0 && label < row.length))
      throw new ArgumentError(
        `label of row ${i}: expected 0 to ${row.length - 1}, got ${formatValue(label)}`,
      );
    for (let j = 0; j < row.length; j++)
      if (!Number.isFinite(row[j]))
        throw new ArgumentError(`${name}: expected finite numbers, got ${row[j]} in row ${i}`);
  }
}
