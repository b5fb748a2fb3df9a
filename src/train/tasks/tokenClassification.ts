import { IGNORE_INDEX } from '../../tensor/index.ts';
import { areEntityTags } from '../metrics/entities.ts';
import { accuracy, classificationReport, entityReport } from '../metrics/index.ts';
import { tagScheme } from '../metrics/tagSchemes.ts';
import { argmax, labelName, type Report, scoresByLabel, type Task } from './task.ts';

/** A tag for each word, as its id at the first token of the word and -100 at other tokens. */
export const tokenClassification: Task = {
  name: 'token-classification',
  problemType: null,
  perToken: true,
  labelColumns: ['tags', 'ner_tags', 'labels', 'pos_tags', 'ner'],
  parse(value) {
    const names = Array.isArray(value) ? value.map(tagName) : [undefined];
    return names.every((name) => name !== undefined) ? names : 'an array of tags';
  },
  encode: (rawLabel, idOf) => (rawLabel as string[]).map(idOf),
  collate(labels, length) {
    const data = new Int32Array(labels.length * length).fill(IGNORE_INDEX);
    for (const [row, tags] of labels.entries()) data.set(tags as number[], row * length);
    return { data, shape: [labels.length, length] };
  },
  stepMetric: 'accuracy',
  stepRatio: (logits, labels) => [
    logits.argmax(-1).eq(labels).toFloat().sum(),
    labels.ne(IGNORE_INDEX).toFloat().sum(),
  ],
  postprocess: (logits) => logits.softmax(-1),
  predictionOf(output, numLabels) {
    const tokens = output.length / numLabels;
    return Array.from({ length: tokens }, (_, i) =>
      argmax(output.subarray(i * numLabels, (i + 1) * numLabels)),
    );
  },
  decisions: (logits, label, numLabels) =>
    (label as number[]).flatMap((tag, i) =>
      tag === IGNORE_INDEX
        ? []
        : [{ logits: logits.slice(i * numLabels, (i + 1) * numLabels), label: tag }],
    ),
  lossWeight: (label) => (label as number[]).filter((tag) => tag !== IGNORE_INDEX).length,
  monitoredMetrics: (labels) => (areEntityTags(labels) ? ['f1', 'accuracy'] : ['accuracy']),
  report(predictions, truth, labels): Report {
    const pairs = (truth as number[][]).map((tags, row) =>
      tags.flatMap((tag, i) =>
        tag === IGNORE_INDEX ? [] : [{ tag, predicted: (predictions[row] as number[])[i] }],
      ),
    );
    const all = pairs.flat();
    const [predicted, known] = [all.map((pair) => pair.predicted), all.map(({ tag }) => tag)];
    const right = accuracy(predicted, known);
    const scheme = tagScheme(labels);
    if (!scheme) {
      const { perLabel, macro } = classificationReport(predicted, known, labels.length);
      return {
        metrics: { accuracy: right, macroF1: macro.f1 },
        perLabel: scoresByLabel(perLabel, labels),
      };
    }
    const { perType, micro } = entityReport(
      pairs.map((row) => row.map((pair) => labels[pair.predicted])),
      pairs.map((row) => row.map(({ tag }) => labels[tag])),
      scheme,
    );
    const { f1, precision, recall } = micro;
    return { metrics: { f1, precision, recall, accuracy: right }, perLabel: perType };
  },
};

/** `NA` is a part of speech in Sejong's tag set. */
const tagName = (value: unknown): string | undefined => labelName(value, ['NA']);
