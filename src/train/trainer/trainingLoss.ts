import type { BertModel } from '../../bert/model.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import {
  binaryCrossEntropyWithLogits,
  cosineSimilarity,
  crossEntropy,
  full,
  IGNORE_INDEX,
  keep,
  nllLoss,
  noGrad,
  type Tensor,
  tensor,
} from '../../tensor/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import { type SimilarityLossName, similarityLosses } from '../tasks/lossNames.ts';
import { pairVectors } from '../tasks/similarity.ts';
import { cosineLoss, multipleNegativesLoss } from '../tasks/similarityLosses.ts';
import type { Label, TaskName } from '../tasks/task.ts';
import { deviceOf, forwardForTask, type TaskModel, taskOf } from '../tasks/taskModel.ts';

/** What a classifier learns by, besides its labels. */
export interface LossOptions {
  /** Share of each label that all classes divide evenly, 0 to below 1 (Szegedy et al. 2016, §7). */
  labelSmoothing?: number;
  /**
   * A weight for each class, in the order of the labels; the loss is a weighted mean. `balanced`:
   * n / (classes · count) of the training examples or tags, as in scikit-learn.
   */
  classWeights?: 'balanced' | readonly number[];
  /**
   * γ of the focal loss, (1 - p)^γ times the cross-entropy, where p is the label's probability:
   * what is easy counts less (Lin et al. 2017, arXiv 1708.02002). Default 0.
   */
  focalLoss?: number;
  /**
   * How pairs of texts teach (`similarity`). `cosent` (default): a higher score is to mean a higher
   * cosine. `cosine`: the cosine is to be the score, brought to 0 to 1. `multiple-negatives`: the
   * second text of a pair is to be nearer than the other second texts of the batch; the pairs with
   * scores in the upper half of the range count.
   */
  loss?: SimilarityLossName;
}

/** The loss of fine-tuning: the model's own, unless options ask for another. */
export class TrainingLoss {
  /** Whether the losses of a batch's parts add up to its own: no example meets another. */
  readonly isDivisible: boolean;
  readonly #model: TaskModel;
  readonly #labelSmoothing: number;
  readonly #gamma: number;
  readonly #weights: readonly number[] | undefined;
  readonly #weight: Tensor | undefined;
  readonly #pairLoss: PairLoss | undefined;

  /** @throws UsageError if an option is out of range, or not for the model's task. */
  constructor(
    model: TaskModel,
    train: readonly EncodedExample[],
    { labelSmoothing = 0, classWeights, focalLoss = 0, loss }: LossOptions,
  ) {
    if (!(labelSmoothing >= 0 && labelSmoothing < 1))
      throw new UsageError(
        `\`labelSmoothing\`: expected a number from 0 to below 1, got ${labelSmoothing}`,
      );
    if (!(Number.isFinite(focalLoss) && focalLoss >= 0))
      throw new UsageError(
        `\`focalLoss\`: expected a number of at least 0, got ${formatValue(focalLoss)}`,
      );
    if (focalLoss > 0 && labelSmoothing > 0)
      throw new UsageError('`focalLoss` and `labelSmoothing` exclude each other');
    const { name } = taskOf(model);
    this.#pairLoss = pairLossOf(loss, name, train);
    this.isDivisible = name !== 'similarity' || loss === 'cosine';
    if (focalLoss > 0 && withoutClasses.includes(name))
      throw new UsageError(`\`focalLoss\`: expected a task with classes or labels, got ${name}`);
    const given = labelSmoothing > 0 ? 'labelSmoothing' : classWeights && 'classWeights';
    if (given && name !== 'classification' && name !== 'token-classification')
      throw new UsageError(
        `\`${given}\`: expected a task with one class a text or token, got ${name}`,
      );
    this.#model = model;
    this.#labelSmoothing = labelSmoothing;
    this.#gamma = focalLoss;
    this.#weights = classWeights && weightsOf(classWeights, train, model.config.numLabels);
    const device = deviceOf(model);
    this.#weight = this.#weights && keep(tensor(Float32Array.from(this.#weights), { device }));
  }

  /** Loss and logits of a batch. */
  forward(inputs: Record<string, Tensor>): { loss: Tensor; logits: Tensor } {
    if (this.#pairLoss) {
      const { labels, ...texts } = inputs;
      const vectors = pairVectors(this.#model as BertModel, texts);
      const logits = noGrad(() => cosineSimilarity(...vectors, -1).unsqueeze(1));
      return { loss: this.#pairLoss(vectors, labels), logits };
    }
    if (this.#labelSmoothing === 0 && this.#gamma === 0 && !this.#weight) {
      const { loss, logits } = forwardForTask(this.#model, inputs);
      return { loss: loss!, logits };
    }
    const { labels, ...rest } = inputs;
    const { logits } = forwardForTask(this.#model, rest);
    if (taskOf(this.#model).name === 'multi-label') {
      const losses = binaryCrossEntropyWithLogits(logits, labels.toFloat(), 'none');
      return { loss: losses.mul(focalFactor(losses, this.#gamma)).mean(), logits };
    }
    const options = { labelSmoothing: this.#labelSmoothing, weight: this.#weight };
    const rows = logits.reshape([-1, logits.shape.at(-1)!]);
    const targets = labels.reshape([-1]);
    if (this.#gamma === 0) return { loss: crossEntropy(rows, targets, options), logits };
    const factor = focalFactor(crossEntropy(rows, targets, { reduction: 'none' }), this.#gamma);
    const losses = crossEntropy(rows, targets, { ...options, reduction: 'none' }).mul(factor);
    // A probability of 1 / e for each class: the sum of the labels' weights.
    const unit = full(rows.shape, -1, { device: rows.device });
    const total = nllLoss(unit, targets, { weight: this.#weight, reduction: 'sum' });
    return { loss: losses.sum().div(total), logits };
  }

  /** What a label counts in the mean. */
  weightOf(label: Label): number {
    const weights = this.#weights;
    return weights
      ? classesOf(label).reduce((sum, id) => sum + weights[id], 0)
      : taskOf(this.#model).lossWeight(label);
  }

  /** Frees the weights on the device. */
  dispose(): void {
    this.#weight?.dispose();
  }
}

const withoutClasses: readonly TaskName[] = ['regression', 'question-answering', 'similarity'];

type PairLoss = (vectors: readonly [Tensor, Tensor], scores: Tensor) => Tensor;

/**
 * The loss of pairs that an option asks for; undefined: the model's own.
 * @throws UsageError for another name, or a task without pairs to compare.
 */
function pairLossOf(
  loss: SimilarityLossName | undefined,
  task: TaskName,
  train: readonly EncodedExample[],
): PairLoss | undefined {
  if (loss === undefined) return undefined;
  if (!similarityLosses.includes(loss))
    throw new UsageError(
      `\`loss\`: expected one of ${similarityLosses.join(', ')}, got ${formatValue(loss)}`,
    );
  if (task !== 'similarity')
    throw new UsageError(`\`loss\`: expected the task similarity, got ${task}`);
  if (loss === 'cosent') return undefined;
  const range = { lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY };
  for (const { label } of train) {
    range.lowest = Math.min(range.lowest, label as number);
    range.highest = Math.max(range.highest, label as number);
  }
  const lossOf = loss === 'cosine' ? cosineLoss : multipleNegativesLoss;
  return (vectors, scores) => lossOf(vectors, scores, range);
}

/** (1 - p)^γ, where p is the probability that a cross-entropy is -log of. */
const focalFactor = (losses: Tensor, gamma: number): Tensor =>
  // At p = 1 the slope of a power below 1 is infinite.
  losses.neg().exp().neg().add(1).clamp(1e-7).pow(gamma);

/** The class of a text, or those of its tagged tokens. */
const classesOf = (label: Label): number[] =>
  typeof label === 'number' ? [label] : label.filter((id) => id !== IGNORE_INDEX);

function weightsOf(
  given: 'balanced' | readonly number[],
  train: readonly EncodedExample[],
  numLabels: number,
): readonly number[] {
  if (given === 'balanced') {
    const counts = new Array<number>(numLabels).fill(0);
    for (const { label } of train) for (const id of classesOf(label!)) counts[id]++;
    const present = counts.filter((count) => count > 0).length;
    const all = counts.reduce((sum, count) => sum + count, 0);
    // A class without examples has no say.
    return counts.map((count) => (count > 0 ? all / (present * count) : 1));
  }
  const isWeight = (weight: unknown) => Number.isFinite(weight) && (weight as number) > 0;
  if (!Array.isArray(given) || given.length !== numLabels || !given.every(isWeight))
    throw new UsageError(
      `\`classWeights\`: expected 'balanced' or a number above 0 for each of the ${numLabels} ` +
        `labels, got ${formatValue(given)}`,
    );
  return given;
}
