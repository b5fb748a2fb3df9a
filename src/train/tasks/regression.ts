import { pearson, spearman } from '../metrics/index.ts';
import type { Task } from './task.ts';

const decimalPattern = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
/** So that float32 holds the sum of the squares of a batch. */
const MAX_SCORE = 1e15;

/** A score; the loss is the mean squared error. */
export const regression: Task = {
  name: 'regression',
  problemType: 'regression',
  perToken: false,
  labelColumns: ['score', 'label', 'labels', 'similarity', 'rating', 'stars', 'target', 'y'],
  parse(value) {
    const score = typeof value === 'string' && decimalPattern.test(value) ? Number(value) : value;
    if (typeof score !== 'number') return 'a number';
    return Math.abs(score) <= MAX_SCORE
      ? score
      : `a number of at most ${MAX_SCORE.toExponential()} in size`;
  },
  encode: (rawLabel) => rawLabel as number,
  collate: (labels) => ({ data: Float32Array.from(labels as number[]), shape: [labels.length] }),
  postprocess: (logits) => logits,
  predictionOf: (output) => output[0],
  lossWeight: () => 1,
  monitoredMetrics: () => ['spearman', 'pearson'],
  report(predictions, truth) {
    const [predicted, known] = [predictions as number[], truth as number[]];
    return {
      metrics: { spearman: spearman(predicted, known), pearson: pearson(predicted, known) },
    };
  },
};
