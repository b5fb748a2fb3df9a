import { exactMatch, multiLabelReport } from '../metrics/index.ts';
import { cleanLabel } from './labelNames.ts';
import { labelName, scoresByLabel, type Task } from './task.ts';

/** About the least that float32 holds. */
const SMALLEST = 1e-38;
/** Half of the distance from 1 to the float32 below. */
const TO_ONE = 2 ** -25;

/** Any number of labels per example, as 1 for labels that apply and 0 for the others. */
export const multiLabel: Task = {
  name: 'multi-label',
  problemType: 'multi_label_classification',
  perToken: false,
  labelColumns: ['labels', 'label', 'classes', 'categories', 'tags', 'topics', 'emotions'],
  parse(value, separator, known) {
    const cells = listOf(value, separator);
    // What an array lacks is null or left out: a text such as NA is a name there.
    const isArray = Array.isArray(value);
    const names = cells?.map((cell) => labelName(cell, isArray ? [cleanLabel(`${cell}`)] : known));
    if (names?.every((name) => name !== undefined)) return names;
    return `an array of labels, or a text with ${JSON.stringify(separator)} between them`;
  },
  encode(rawLabel, idOf, numLabels) {
    const row = Array<number>(numLabels).fill(0);
    for (const name of rawLabel as string[]) row[idOf(name)] = 1;
    return row;
  },
  collate(labels) {
    const rows = labels as number[][];
    return { data: Float32Array.from(rows.flat()), shape: [rows.length, rows[0].length] };
  },
  stepMetric: 'microF1',
  stepRatio(logits, labels) {
    const predicted = logits.gt(0).toFloat();
    return [predicted.mul(labels).sum().mul(2), predicted.sum().add(labels.sum())];
  },
  postprocess: (logits) => logits.sigmoid(),
  logitOf: (probability) =>
    Math.log(Math.max(probability, SMALLEST)) - Math.log(Math.max(1 - probability, TO_ONE)),
  predictionOf: (output) => Array.from(output, (probability) => (probability > 0.5 ? 1 : 0)),
  // sigmoid(x) is the second of softmax([0, x]).
  decisions: (logits, label) =>
    (label as number[]).map((applies, id) => ({ logits: [0, logits[id]], label: applies })),
  lossWeight: () => 1,
  monitoredMetrics: () => ['microF1'],
  report(predictions, truth, labels) {
    const [predicted, known] = [predictions as number[][], truth as number[][]];
    const { perLabel, micro, macro, weighted } = multiLabelReport(predicted, known);
    return {
      metrics: {
        microF1: micro.f1,
        macroF1: macro.f1,
        weightedF1: weighted.f1,
        exactMatch: exactMatch(predicted, known),
      },
      perLabel: scoresByLabel(perLabel, labels),
    };
  },
};

/** The labels in a cell: an array, one as JSON or Python writes it, or names with separators. */
function listOf(value: unknown, separator: string): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string') return undefined;
  const list = /^\s*\[(.*)\]\s*$/s.exec(value)?.[1];
  if (list !== undefined) return jsonTexts(value) ?? pythonList(list);
  return value.split(separator).filter((name) => name.trim() !== '');
}

/** The items of a JSON array of texts, escapes and all. */
function jsonTexts(json: string): string[] | undefined {
  try {
    const items: unknown[] = JSON.parse(json);
    return items.every((item) => typeof item === 'string') ? items : undefined;
  } catch {
    return undefined;
  }
}

/** The items of a list as Python writes it, or of an array as NumPy does, without commas. */
function pythonList(text: string): string[] {
  const items = text.matchAll(/\s*(?:"([^"]*)"|'([^']*)'|([^,]+))\s*(?:,|(?=["'])|$)/g);
  return Array.from(items, ([, double, single, bare]) => double ?? single ?? bare);
}
