import { full } from '../../tensor/index.ts';
import {
  accuracy,
  classificationReport,
  confusionMatrix,
  matthewsCorrelation,
} from '../metrics/index.ts';
import { argmax, labelName, scoresByLabel, type Task } from './task.ts';

/** About the least that float32 holds. */
const SMALLEST = 1e-38;

/** One label per example, as its id. */
export const classification: Task = {
  name: 'classification',
  problemType: 'single_label_classification',
  perToken: false,
  labelColumns: [
    ...['label', 'gold_label', 'labels', 'class', 'category', 'target', 'sentiment', 'intent'],
    ...['emotion', 'topic', 'stars', 'rating', 'y'],
  ],
  parse(value, _, known) {
    const name = labelName(value, known);
    return name === undefined ? 'one label (several are for multi-label)' : [name];
  },
  encode: (rawLabel, idOf) => idOf((rawLabel as string[])[0]),
  collate: (labels) => ({ data: Int32Array.from(labels as number[]), shape: [labels.length] }),
  stepMetric: 'accuracy',
  stepRatio(logits, labels) {
    const right = logits.argmax(-1).eq(labels).toFloat().sum();
    return [right, full([], labels.shape[0], { device: labels.device })];
  },
  postprocess: (logits) => logits.softmax(-1),
  logitOf: (probability) => Math.log(Math.max(probability, SMALLEST)),
  predictionOf: (output) => argmax(output),
  decisions: (logits, label) => [{ logits, label: label as number }],
  lossWeight: () => 1,
  monitoredMetrics: () => ['accuracy'],
  report(predictions, truth, labels) {
    const [predicted, known] = [predictions as number[], truth as number[]];
    const { perLabel, macro, weighted } = classificationReport(predicted, known, labels.length);
    return {
      metrics: {
        accuracy: accuracy(predicted, known),
        macroF1: macro.f1,
        weightedF1: weighted.f1,
        matthews: matthewsCorrelation(predicted, known),
      },
      perLabel: scoresByLabel(perLabel, labels),
      confusion: confusionMatrix(predicted, known, labels.length),
    };
  },
};
