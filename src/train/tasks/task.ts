import type { ProblemType } from '../../bert/config.ts';
import type { TaskName } from '../../bert/registry.ts';
import type { HostTensor, Tensor } from '../../tensor/index.ts';
import type { Scores } from '../metrics/index.ts';
import type { Metric } from './metric.ts';

export type { TaskName };

/** A label, or a prediction, as numbers; each task says which. */
export type Label = number | number[];

/** What a data file says of an example: names of classes or tags, or a score. */
export type RawLabel = string[] | number;

/** A metric that a step's few examples can tell. */
export type StepMetric = 'accuracy' | 'microF1';

/** What an evaluation tells. */
export interface Report {
  /** By name, what matters most first, all of `monitoredMetrics` among them; NaN where a measure is not defined. */
  metrics: Record<string, number>;
  /** Of each label, or type of entity. */
  perLabel?: Record<string, Scores>;
  /** How often each label (row) was predicted as each label (column), in the order of their ids. */
  confusion?: number[][];
}

/** What is special about one kind of data: its labels, from the file over the step to the figures. */
export interface Task {
  readonly name: TaskName;
  /** Of config.json; null where the architecture says enough. */
  readonly problemType: ProblemType | null;
  /** Columns that hold the label, the first there is. */
  readonly labelColumns: readonly string[];
  /** Whether a label is for the words of a sentence, one by one, rather than for a text or pair. */
  readonly perToken: boolean;
  /** The label in a cell of a file, or, where it cannot be used, what was expected. */
  parse(value: unknown, separator: string): RawLabel | string;
  /** The label as numbers, given the id of each name. */
  encode(rawLabel: RawLabel, ids: ReadonlyMap<string, number>): Label;
  /** Labels of a batch; `length` is that of its padded texts, in tokens. */
  collate(labels: readonly Label[], length: number): HostTensor;
  /** The measure of a training step, and two scalars whose ratio it is; none where the loss says it all. */
  readonly stepMetric?: StepMetric;
  stepRatio?(logits: Tensor, labels: Tensor): [part: Tensor, whole: Tensor];
  /** What is read back of a batch: probabilities, or scores. */
  postprocess(logits: Tensor): Tensor;
  /** What one example's row of the output predicts. */
  predictionOf(output: Float32Array, numLabels: number): Label;
  /** How many labels of an example count in the loss. */
  lossWeight(label: Label): number;
  /** What is kept of each epoch's validation, the first deciding which epoch is best. */
  monitoredMetrics(labels: readonly string[]): readonly [Metric, ...Metric[]];
  report(predictions: readonly Label[], truth: readonly Label[], labels: readonly string[]): Report;
}

/** The place of the largest value, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** A single name in a cell; JSON numbers and booleans count by how they are written. */
export function labelName(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Scores by the name of their label. */
export const scoresByLabel = (
  scores: readonly Scores[],
  labels: readonly string[],
): Record<string, Scores> => Object.fromEntries(scores.map((each, id) => [labels[id], each]));
