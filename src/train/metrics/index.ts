import { ArgumentError } from '../../platform/errors.ts';
import { type Counts, type ScoreReport, scoreReport, sumOf } from './scores.ts';

export {
  type CalibrationBin,
  calibrationBins,
  expectedCalibrationError,
  fitTemperature,
} from './calibration.ts';
export { pearson, spearman } from './correlation.ts';
export { type EntityReport, type EntitySpan, entityReport, getEntities } from './entities.ts';
export type { ScoreReport, Scores } from './scores.ts';
export { type Mark, type ParsedTag, parseTag, type TagScheme, tagScheme } from './tagSchemes.ts';
export { bestThresholds } from './thresholds.ts';

/**
 * Measures of predicted against true label ids, as in scikit-learn; a ratio with denominator 0
 * counts as 0. All throw ArgumentError when the lists differ in length or are empty.
 */
type Labels = ArrayLike<number>;

/**
 * The share of examples whose label was predicted.
 * @example
 * accuracy([0, 1, 1], [0, 1, 0]); // 2 / 3
 */
export function accuracy(predicted: Labels, truth: Labels): number {
  checkLengths(predicted, truth);
  let correct = 0;
  for (let i = 0; i < truth.length; i++) if (predicted[i] === truth[i]) correct++;
  return correct / truth.length;
}

/**
 * How often each label (row) was predicted as each label (column).
 * @throws ArgumentError also when a label id is not in 0 to numLabels - 1.
 * @example
 * confusionMatrix([0, 1, 1], [0, 1, 0], 2); // [[1, 1], [0, 1]]
 */
export function confusionMatrix(predicted: Labels, truth: Labels, numLabels: number): number[][] {
  checkLengths(predicted, truth);
  const matrix = Array.from({ length: numLabels }, () => new Array<number>(numLabels).fill(0));
  for (let i = 0; i < truth.length; i++) {
    for (const label of [truth[i], predicted[i]])
      if (!(Number.isInteger(label) && label >= 0 && label < numLabels))
        throw new ArgumentError(
          `label of example ${i}: expected 0 to ${numLabels - 1}, got ${label}`,
        );
    matrix[truth[i]][predicted[i]]++;
  }
  return matrix;
}

/**
 * Precision, recall and F1 of each label; averages are over the labels that occur, true or
 * predicted.
 * @throws ArgumentError also when a label id is not in 0 to numLabels - 1.
 * @example
 * classificationReport([0, 1, 1], [0, 1, 0], 2).macro.f1; // 2 / 3
 */
export function classificationReport(
  predicted: Labels,
  truth: Labels,
  numLabels: number,
): ScoreReport {
  const matrix = confusionMatrix(predicted, truth, numLabels);
  const counts = matrix.map((row, id) => ({
    truth: sumOf(row),
    predicted: sumOf(matrix.map((other) => other[id])),
    correct: row[id],
  }));
  return scoreReport(counts, (each) => each.truth + each.predicted > 0);
}

/**
 * The same for examples with several labels, as rows of 0 and 1; averages are over all labels.
 * @throws ArgumentError also when rows differ in length.
 * @example
 * multiLabelReport([[1, 0]], [[1, 1]]).micro.recall; // 0.5
 */
export function multiLabelReport(
  predicted: readonly Labels[],
  truth: readonly Labels[],
): ScoreReport {
  checkLengths(predicted, truth);
  const counts = Array.from(truth[0], (): Counts => ({ truth: 0, predicted: 0, correct: 0 }));
  truth.forEach((row, i) => {
    if (row.length !== counts.length || predicted[i].length !== counts.length)
      throw new ArgumentError(
        `example ${i}: expected ${counts.length} labels, ` +
          `got ${predicted[i].length} predicted and ${row.length} true ones`,
      );
    counts.forEach((count, id) => {
      count.truth += row[id];
      count.predicted += predicted[i][id];
      count.correct += row[id] * predicted[i][id];
    });
  });
  return scoreReport(counts);
}

/**
 * Share of examples, as rows of 0 and 1, with all labels correct (subset accuracy).
 * @example
 * exactMatch([[1, 0], [0, 1]], [[1, 0], [1, 1]]); // 0.5
 */
export function exactMatch(predicted: readonly Labels[], truth: readonly Labels[]): number {
  checkLengths(predicted, truth);
  const isRight = (row: Labels, i: number) =>
    Array.from(row).every((value, id) => value === predicted[i][id]);
  return truth.filter(isRight).length / truth.length;
}

/**
 * Unweighted mean of F1 = 2 TP / (2 TP + FP + FN) over the labels that occur, true or predicted.
 * @example
 * macroF1([0, 1, 1], [0, 1, 0]); // 2 / 3
 */
export function macroF1(predicted: Labels, truth: Labels): number {
  const { correct, truthCount, predictedCount } = countLabels(predicted, truth);
  const labels = new Set([...truthCount.keys(), ...predictedCount.keys()]);
  const counts = Array.from(labels, (label) => ({
    truth: truthCount.get(label) ?? 0,
    predicted: predictedCount.get(label) ?? 0,
    correct: correct.get(label) ?? 0,
  }));
  return scoreReport(counts).macro.f1;
}

/**
 * Matthews correlation, -1 to 1, for any number of labels. Source: Gorodkin, "Comparing two
 * K-category assignments by a K-category correlation coefficient", 2004.
 * @example
 * matthewsCorrelation([0, 1, 1], [0, 1, 0]); // 0.5
 */
export function matthewsCorrelation(predicted: Labels, truth: Labels): number {
  const { correct, truthCount, predictedCount } = countLabels(predicted, truth);
  const n = truth.length;
  let covariance = n * sumOf(correct.values());
  for (const [label, count] of truthCount) covariance -= count * (predictedCount.get(label) ?? 0);
  const variances = [truthCount, predictedCount].map(
    (counts) => n * n - sumOf([...counts.values()].map((count) => count * count)),
  );
  const scale = Math.sqrt(variances[0] * variances[1]);
  return scale === 0 ? 0 : covariance / scale;
}

function countLabels(predicted: Labels, truth: Labels) {
  checkLengths(predicted, truth);
  const correct = new Map<number, number>();
  const truthCount = new Map<number, number>();
  const predictedCount = new Map<number, number>();
  const add = (counts: Map<number, number>, label: number) =>
    counts.set(label, (counts.get(label) ?? 0) + 1);
  for (let i = 0; i < truth.length; i++) {
    add(truthCount, truth[i]);
    add(predictedCount, predicted[i]);
    if (predicted[i] === truth[i]) add(correct, truth[i]);
  }
  return { correct, truthCount, predictedCount };
}

function checkLengths(predicted: ArrayLike<unknown>, truth: ArrayLike<unknown>) {
  if (predicted.length !== truth.length)
    throw new ArgumentError(`predicted: expected ${truth.length} labels, got ${predicted.length}`);
  if (truth.length === 0) throw new ArgumentError('labels: expected at least one, got none');
}
