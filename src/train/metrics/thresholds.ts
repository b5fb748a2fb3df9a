import { ArgumentError } from '../../platform/errors.ts';

const DEFAULT = 0.5;

/**
 * For each label, the probability above which it is best given: the one of the highest F1, for
 * models that give several labels. Among thresholds that are as good, 0.5 is taken, else the
 * closest to it, midway between two probabilities. It stays 0.5 for a label that never occurs.
 * @param probabilities a row for each example, a probability for each label
 * @param truth a row for each example, a 1 or 0 for each label
 * @throws ArgumentError when the lists differ in length or are empty.
 * @example
 * bestThresholds([[0.4], [0.2], [0.1]], [[1], [0], [0]]); // [0.3]
 */
export function bestThresholds(
  probabilities: readonly ArrayLike<number>[],
  truth: readonly ArrayLike<number>[],
): number[] {
  if (probabilities.length !== truth.length)
    throw new ArgumentError(
      `probabilities: expected ${truth.length} rows, got ${probabilities.length}`,
    );
  if (truth.length === 0)
    throw new ArgumentError('probabilities: expected at least one row, got none');
  const uneven = truth.findIndex(
    ({ length }, i) => length !== truth[0].length || length !== probabilities[i].length,
  );
  if (uneven >= 0)
    throw new ArgumentError(
      `row ${uneven}: expected ${truth[0].length} labels, ` +
        `got ${probabilities[uneven].length} probabilities and ${truth[uneven].length} labels`,
    );
  return Array.from(truth[0], (_, label) =>
    bestThreshold(truth.map((row, i) => ({ score: probabilities[i][label], truth: row[label] }))),
  );
}

function bestThreshold(examples: readonly { score: number; truth: number }[]): number {
  const sorted = [...examples].sort((a, b) => b.score - a.score);
  const positives = sorted.filter(({ truth }) => truth === 1).length;
  if (positives === 0) return DEFAULT;
  let best = { f1: -1, threshold: DEFAULT };
  let right = 0;
  // With `count` positive predictions, the threshold lies between two of the sorted scores.
  for (let count = 0; count <= sorted.length; count++) {
    if (count > 0) right += sorted[count - 1].truth;
    const above = sorted[count - 1]?.score ?? 1;
    const below = sorted[count]?.score ?? 0;
    if (above <= below) continue;
    const f1 = (2 * right) / (count + positives);
    const threshold = below <= DEFAULT && DEFAULT < above ? DEFAULT : (below + above) / 2;
    const isCloser = Math.abs(threshold - DEFAULT) < Math.abs(best.threshold - DEFAULT);
    if (f1 > best.f1 || (f1 === best.f1 && isCloser)) best = { f1, threshold };
  }
  return best.threshold;
}
