import { ArgumentError } from '../../platform/errors.ts';
import { operation } from '../operation.ts';
import { formatShape, product, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { add, affine, div, eq, maskedFill, mul, neg, toFloat, toInt } from './elementwise.ts';
import { gather } from './embedding.ts';
import {
  checkLabels,
  checkReduction,
  countNotIgnored,
  IGNORE_INDEX,
  type Reduction,
  rowCrossEntropy,
} from './loss.ts';
import { sum } from './reduce.ts';
import { logSoftmax } from './softmax.ts';
import { permute, reshape } from './views.ts';

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Default: mean. */
  reduction?: Reduction;
  /** Rows with this label do not count, as in PyTorch. Default: -100. */
  ignoreIndex?: number;
  /** Share of the target that all classes divide evenly (Szegedy et al. 2016, §7). Default: 0. */
  labelSmoothing?: number;
  /** A weight for each class: [classes]. */
  weight?: Tensor | null;
}

/**
 * Cross-entropy of logits with labels (int32), or with probabilities of the classes (float32), as
 * PyTorch's `cross_entropy`. logits: [rows, classes, …], labels: [rows, …], probabilities: the
 * shape of the logits; or logits [classes] with one label []. The mean over labels is weighted by
 * the classes' `weight`, and leaves ignored rows out: it is NaN if all are ignored. The mean over
 * probabilities divides by the number of rows. → a scalar, or [rows, …] without a reduction
 * @throws ArgumentError if shapes do not fit, or a label from the host is not a class (in a part of
 * a tensor it gives NaN).
 * @example
 * crossEntropy(tensor([[2, 0], [0, 1]]), tensor(Int32Array.of(0, 1)), { labelSmoothing: 0.1 });
 */
export const crossEntropy = operation(
  'crossEntropy',
  2,
  (logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor => {
    const { labelSmoothing = 0, reduction = 'mean' } = options;
    checkReduction(reduction);
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
      throw new ArgumentError(
        `crossEntropy: \`labelSmoothing\`: expected a number from 0 to 1, got ${labelSmoothing}`,
      );
    if (labels.dtype === 'float32' && sameShape(labels.shape, logits.shape))
      return softCrossEntropy(logits, labels, options);
    return overRows('crossEntropy', logits, labels, options, (rows, targets) =>
      labelCrossEntropy(rows, targets, options),
    );
  },
  ['reduction', 'ignoreIndex', 'labelSmoothing', 'weight'],
);

/**
 * Negative log-likelihood of log-probabilities [rows, classes, …] with labels [rows, …] (int32), as
 * PyTorch's `nll_loss`. The mean is weighted by the classes' `weight` and leaves ignored rows out.
 * @throws ArgumentError if shapes do not fit, or a label from the host is not a class (in a part of
 * a tensor it gives NaN).
 * @example
 * nllLoss(logSoftmax(tensor([[0.5, 0.5]])), tensor(Int32Array.of(0))); // 0.6931
 */
export const nllLoss = operation(
  'nllLoss',
  2,
  (
    logProbs: Tensor,
    labels: Tensor,
    options: Omit<CrossEntropyOptions, 'labelSmoothing'> = {},
  ): Tensor => {
    const { ignoreIndex = IGNORE_INDEX, weight, reduction = 'mean' } = options;
    checkReduction(reduction);
    return overRows('nllLoss', logProbs, labels, options, (rows, targets) => {
      const ignored = eq(targets, ignoreIndex);
      const picked = gather(rows, 1, reshape(safeLabels(targets, ignored), [targets.size, 1]));
      const losses = maskedFill(neg(reshape(picked, [targets.size])), ignored, 0);
      return weight ? mul(losses, weightsOf(targets, weight, ignoreIndex)) : losses;
    });
  },
  ['reduction', 'ignoreIndex', 'weight'],
);

/**
 * Brings logits and labels into the shapes [rows, classes] and [rows], and the losses of the rows
 * back into the labels' shape, or to their sum or mean.
 */
function overRows(
  operation: string,
  logits: Tensor,
  labels: Tensor,
  { reduction = 'mean', ignoreIndex = IGNORE_INDEX, weight }: CrossEntropyOptions,
  lossesOf: (rows: Tensor, targets: Tensor) => Tensor,
): Tensor {
  const [classDim, classes] = classDimOf(operation, logits, weight);
  const expected = logits.shape.filter((_, d) => d !== classDim);
  if (!sameShape(labels.shape, expected)) {
    throw new ArgumentError(
      `${operation}: expected logits [rows, classes, …] and labels [rows, …], ` +
        `got ${formatShape(logits.shape)} and ${formatShape(labels.shape)}`,
    );
  }
  checkLabels(operation, labels, classes, ignoreIndex);
  const targets = labels.ndim === 1 ? labels : reshape(labels, [-1]);
  const losses = lossesOf(classesLast(logits, classDim), targets);
  if (reduction === 'none') return labels.ndim === 1 ? losses : reshape(losses, labels.shape);
  if (reduction === 'sum') return sum(losses);
  const total = weight
    ? sum(weightsOf(targets, weight, ignoreIndex))
    : countNotIgnored(targets, ignoreIndex);
  return div(sum(losses), total);
}

/** The dimension of the classes, and their number. */
function classDimOf(
  operation: string,
  logits: Tensor,
  weight?: Tensor | null,
): [dim: number, classes: number] {
  if (logits.ndim === 0)
    throw new ArgumentError(`${operation}: expected logits [rows, classes, …], got a scalar`);
  const dim = logits.ndim === 1 ? 0 : 1;
  const classes = logits.shape[dim];
  if (weight && formatShape(weight.shape) !== formatShape([classes])) {
    throw new ArgumentError(
      `${operation}: \`weight\`: expected a weight for each class, shape [${classes}], ` +
        `got ${formatShape(weight.shape)}`,
    );
  }
  return [dim, classes];
}

/** [rows, classes, …] as a matrix, whose rows are in the order of labels [rows, …]. */
function classesLast(x: Tensor, classDim: number): Tensor {
  if (x.ndim === 2) return x;
  const others = x.shape.map((_, d) => d).filter((d) => d !== classDim);
  const rows = product(others.map((d) => x.shape[d]));
  return reshape(permute(x, [...others, classDim]), [rows, x.shape[classDim]]);
}

function labelCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  { ignoreIndex = IGNORE_INDEX, labelSmoothing = 0, weight }: CrossEntropyOptions,
): Tensor {
  if (!weight) return rowCrossEntropy(logits, labels, ignoreIndex, labelSmoothing);
  const plain = rowCrossEntropy(logits, labels, ignoreIndex, 0);
  const weighted = mul(plain, weightsOf(labels, weight, ignoreIndex));
  if (labelSmoothing === 0) return weighted;
  // All classes have a share of the target, each by its own weight.
  const overClasses = neg(sum(mul(logSoftmax(logits, 1), weight), 1));
  const smooth = maskedFill(overClasses, eq(labels, ignoreIndex), 0);
  return add(
    affine(weighted, 1 - labelSmoothing, 0),
    affine(smooth, labelSmoothing / logits.shape[1], 0),
  );
}

/** Labels with 0 in place of those that are ignored, which may be no index. */
const safeLabels = (labels: Tensor, ignored: Tensor): Tensor =>
  toInt(maskedFill(toFloat(labels), ignored, 0));

/** The weight of each row's label, [rows]; 0 if it is ignored. */
function weightsOf(labels: Tensor, weight: Tensor, ignoreIndex: number): Tensor {
  const ignored = eq(labels, ignoreIndex);
  return maskedFill(gather(weight, 0, safeLabels(labels, ignored)), ignored, 0);
}

function softCrossEntropy(
  logits: Tensor,
  probabilities: Tensor,
  {
    reduction = 'mean',
    ignoreIndex = IGNORE_INDEX,
    labelSmoothing = 0,
    weight,
  }: CrossEntropyOptions,
): Tensor {
  const [dim, classes] = classDimOf('crossEntropy', logits, weight);
  if (ignoreIndex >= 0)
    throw new ArgumentError(
      '`ignoreIndex`: expected int32 labels for it, got probabilities (float32)',
    );
  const target =
    labelSmoothing > 0
      ? affine(probabilities, 1 - labelSmoothing, labelSmoothing / classes)
      : probabilities;
  const perClass = mul(logSoftmax(logits, dim), target);
  const alongClasses = logits.shape.map((_, d) => (d === dim ? classes : 1));
  const losses = neg(sum(weight ? mul(perClass, reshape(weight, alongClasses)) : perClass, dim));
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : affine(sum(losses), classes / logits.size, 0);
}
