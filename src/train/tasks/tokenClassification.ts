import { areEntityTags } from '../metrics/entities.ts';
import { accuracy, classificationReport, entityReport } from '../metrics/index.ts';
import { argmax, byName, nameIn, type Report, type Task } from './task.ts';

/** What marks a token whose tag does not count, as Hugging Face and PyTorch do. */
export const IGNORED = -100;

/** A tag for each word. As numbers: for each token a tag's id, or -100 where it is not the first of a word. */
export const tokenClassification: Task = {
  name: 'token-classification',
  problemType: null,
  ofWords: true,
  labelColumns: ['tags', 'ner_tags', 'labels', 'pos_tags'],
  parse(value) {
    const names = Array.isArray(value) ? value.map(nameIn) : [undefined];
    return names.every((name) => name !== undefined) ? names : 'an array of tags';
  },
  encode: (stated, ids) => (stated as string[]).map((name) => ids.get(name)!),
  collate(labels, length) {
    const data = new Int32Array(labels.length * length).fill(IGNORED);
    for (const [row, tags] of labels.entries()) data.set(tags as number[], row * length);
    return { data, shape: [labels.length, length] };
  },
  stepMetric: 'accuracy',
  stepRatio: (logits, labels) => [
    logits.argmax(-1).eq(labels).toFloat().sum(),
    labels.ne(IGNORED).toFloat().sum(),
  ],
  output: (logits) => logits.softmax(-1),
  decide(output, numLabels) {
    const tokens = output.length / numLabels;
    return Array.from({ length: tokens }, (_, i) =>
      argmax(output.subarray(i * numLabels, (i + 1) * numLabels)),
    );
  },
  weight: (label) => (label as number[]).filter((tag) => tag !== IGNORED).length,
  monitored: (labels) => (areEntityTags(labels) ? ['f1', 'accuracy'] : ['accuracy']),
  report(predictions, truth, labels): Report {
    const pairs = (truth as number[][]).map((tags, row) =>
      tags.flatMap((tag, i) =>
        tag === IGNORED ? [] : [{ tag, predicted: (predictions[row] as number[])[i] }],
      ),
    );
    const all = pairs.flat();
    const [predicted, known] = [all.map((pair) => pair.predicted), all.map(({ tag }) => tag)];
    const right = accuracy(predicted, known);
    if (!areEntityTags(labels)) {
      const { perLabel, macro } = classificationReport(predicted, known, labels.length);
      return {
        metrics: { accuracy: right, macroF1: macro.f1 },
        perLabel: byName(perLabel, labels),
      };
    }
    const { perType, micro } = entityReport(
      pairs.map((row) => row.map((pair) => labels[pair.predicted])),
      pairs.map((row) => row.map(({ tag }) => labels[tag])),
    );
    const { f1, precision, recall } = micro;
    return { metrics: { f1, precision, recall, accuracy: right }, perLabel: perType };
  },
};
