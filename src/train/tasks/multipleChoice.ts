import { full } from '../../tensor/index.ts';
import { accuracy } from '../metrics/index.ts';
import { argmax, type Task } from './task.ts';

/** The right one of several choices, as its number from 0. */
export const multipleChoice: Task = {
  name: 'multiple-choice',
  problemType: null,
  perToken: false,
  labelColumns: ['label', 'answerKey', 'answer', 'answer_key', 'correct', 'target', 'gold'],
  parse: () => 'the number, letter or text of a choice',
  encode: (rawLabel) => rawLabel as number,
  collate: (labels) => ({ data: Int32Array.from(labels as number[]), shape: [labels.length] }),
  stepMetric: 'accuracy',
  stepRatio(logits, labels) {
    const right = logits.argmax(-1).eq(labels).toFloat().sum();
    return [right, full([], labels.shape[0], { device: labels.device })];
  },
  postprocess: (logits) => logits.softmax(-1),
  predictionOf: (output) => argmax(output),
  decisions: (logits, label) => [{ logits, label: label as number }],
  lossWeight: () => 1,
  monitoredMetrics: () => ['accuracy'],
  report: (predictions, truth) => ({
    metrics: { accuracy: accuracy(predictions as number[], truth as number[]) },
  }),
};
