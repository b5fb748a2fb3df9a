import { pearson, spearman } from '../metrics.ts';
import type { Task } from './task.ts';

const decimal = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** A score. The loss is the mean square of what is wrong with it. */
export const regression: Task = {
  name: 'regression',
  problemType: 'regression',
  ofWords: false,
  labelColumns: ['score', 'label', 'labels', 'similarity', 'rating'],
  parse(value) {
    const score = typeof value === 'string' && decimal.test(value) ? Number(value) : value;
    return typeof score === 'number' && Number.isFinite(Math.fround(score)) ? score : 'a number';
  },
  encode: (stated) => stated as number,
  collate: (labels) => ({ data: Float32Array.from(labels as number[]), shape: [labels.length] }),
  output: (logits) => logits,
  decide: (output) => output[0],
  weight: () => 1,
  monitored: () => ['spearman', 'pearson'],
  report(predictions, truth) {
    const [predicted, known] = [predictions as number[], truth as number[]];
    return { metrics: { spearman: spearman(predicted, known), pearson: pearson(predicted, known) } };
  },
};
