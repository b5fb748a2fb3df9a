import { pearson, spearman } from '../metrics/index.ts';
import type { Task } from './task.ts';

const decimal = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
/** So that float32 holds the sum of the squares of a batch. */
const LARGEST = 1e15;

/** A score. The loss is the mean square of what is wrong with it. */
export const regression: Task = {
  name: 'regression',
  problemType: 'regression',
  ofWords: false,
  labelColumns: ['score', 'label', 'labels', 'similarity', 'rating'],
  parse(value) {
    const score = typeof value === 'string' && decimal.test(value) ? Number(value) : value;
    if (typeof score !== 'number') return 'a number';
    return Math.abs(score) <= LARGEST
      ? score
      : `a number of at most ${LARGEST.toExponential()} in size`;
  },
  encode: (stated) => stated as number,
  collate: (labels) => ({ data: Float32Array.from(labels as number[]), shape: [labels.length] }),
  output: (logits) => logits,
  decide: (output) => output[0],
  weight: () => 1,
  monitored: () => ['spearman', 'pearson'],
  report(predictions, truth) {
    const [predicted, known] = [predictions as number[], truth as number[]];
    return {
      metrics: { spearman: spearman(predicted, known), pearson: pearson(predicted, known) },
    };
  },
};
