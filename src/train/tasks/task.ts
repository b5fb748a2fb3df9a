import type { ProblemType } from '../../bert/config.ts';
import type { TaskName } from '../../bert/registry.ts';
import type { HostTensor, Tensor } from '../../tensor/index.ts';
import type { Scores } from '../metrics/index.ts';
import { cleanLabel, isMissingLabel } from './labelNames.ts';
import type { Metric } from './metric.ts';
import type { ContextWindow } from './spans.ts';

export type { TaskName };

/** A label or prediction as numbers; their meaning depends on the task. */
export type Label = number | number[];

/** Label in a data file: names of classes or tags, or a score. */
export type RawLabel = string[] | number;

/** A metric that is meaningful for the few examples of a step. */
export type StepMetric = 'accuracy' | 'microF1';

/** A choice among labels, as a model makes it: a text may need several. */
export interface Decision {
  /** Of each label that could be chosen. */
  logits: ArrayLike<number>;
  /** The one that is right. */
  label: number;
}

/** Results of an evaluation. */
export interface Report {
  /** By name, the most important first, with all of `monitoredMetrics`; NaN if undefined. */
  metrics: Record<string, number>;
  /** Of each label, or type of entity. */
  perLabel?: Record<string, Scores>;
  /** How often each label (row) was predicted as each label (column), in the order of their ids. */
  confusion?: number[][];
}

/** A task defines its labels end to end: parsing, encoding, loss input, prediction, metrics. */
export interface Task {
  readonly name: TaskName;
  /** Value for config.json; null if the architecture implies it. */
  readonly problemType: ProblemType | null;
  /** Names of label columns; the first one present is used. */
  readonly labelColumns: readonly string[];
  /** True if each word of a text has a label, not the text as a whole. */
  readonly perToken: boolean;
  /** True if the model has outputs for each token, not for the text as a whole. */
  readonly outputsPerToken?: boolean;
  /**
   * The label in a cell, or, if it is invalid, a description of what is expected. Names in `known`
   * are labels even if they look like missing values.
   */
  parse(value: unknown, separator: string, known?: readonly string[]): RawLabel | string;
  /** The label as numbers, given the id of each name and the number of labels. */
  encode(rawLabel: RawLabel, idOf: (name: string) => number, numLabels: number): Label;
  /** Labels of a batch; `length` is that of its padded texts, in tokens. */
  collate(labels: readonly Label[], length: number): HostTensor;
  /** Metric of a training step, and two scalars whose ratio it is; absent for scores. */
  readonly stepMetric?: StepMetric;
  stepRatio?(logits: Tensor, labels: Tensor): [part: Tensor, whole: Tensor];
  /** Output that is read back: probabilities or scores. */
  postprocess(logits: Tensor): Tensor;
  /** A logit that gives a probability, finite also of 0 and 1. Absent for scores. */
  logitOf?(probability: number): number;
  /** Prediction from one example's row of the output. */
  predictionOf(output: Float32Array, numLabels: number): Label;
  /**
   * The choices of an example that its label tells right from wrong: of one label or text, of each
   * label whether it applies, or of each tag. Absent for scores.
   * @param logits of the example
   */
  decisions?(logits: readonly number[], label: Label, numLabels: number): Decision[];
  /** How many labels of an example count in the loss. */
  lossWeight(label: Label): number;
  /** Validation metrics in the history; the first decides which epoch is best. */
  monitoredMetrics(labels: readonly string[]): readonly [Metric, ...Metric[]];
  report(
    predictions: readonly Label[],
    truth: readonly Label[],
    labels: readonly string[],
    /** What was predicted on; answers to questions are measured as texts. */
    examples?: readonly { window?: ContextWindow }[],
  ): Report;
}

/** Whether examples have labels of the model, not scores, answers or choices of their own. */
export const hasLabels = ({ decisions, name }: Task): boolean =>
  decisions !== undefined && name !== 'multiple-choice';

/** Index of the largest value, the first among equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** A single name in a cell, undefined if it is missing; JSON numbers and booleans become text. */
export function labelName(value: unknown, known?: readonly string[]): string | undefined {
  if (isMissingLabel(value, known)) return undefined;
  if (typeof value === 'string') return cleanLabel(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Scores by the name of their label. */
export const scoresByLabel = (
  scores: readonly Scores[],
  labels: readonly string[],
): Record<string, Scores> => Object.fromEntries(scores.map((each, id) => [labels[id], each]));
