import {
  crossEntropyBackward,
  crossEntropyStateSize,
  crossEntropy as kernel,
} from '../../kernels/crossEntropy.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { tensor } from '../create.ts';
import { launch } from '../launch.ts';
import { formatShape, requireWhole } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import {
  abs,
  add,
  affine,
  div,
  eq,
  maskedFill,
  mul,
  ne,
  neg,
  softplus,
  square,
  sub,
  toFloat,
  toInt,
} from './elementwise.ts';
import { findInvalidIndex, gather } from './embedding.ts';
import { mean, sum } from './reduce.ts';
import { contiguous, reshape } from './views.ts';

/** Default label of rows that do not count in a loss, as in PyTorch. */
export const IGNORE_INDEX = -100;

export type Reduction = 'mean' | 'sum' | 'none';

export interface CrossEntropyOptions {
  reduction?: Reduction;
  /** Rows with this label do not count, as in PyTorch. */
  ignoreIndex?: number;
  labelSmoothing?: number;
}

/**
 * Cross-entropy of logits [rows, classes] with labels [rows] (int32). The mean is over the rows
 * that are not ignored; NaN if all are.
 * @throws ArgumentError if shapes do not fit, or a label from the host is not a class (in a part of
 * a tensor it gives NaN).
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const { reduction = 'mean', ignoreIndex = IGNORE_INDEX, labelSmoothing: smoothing = 0 } = options;
  const [rows, cols] = logits.shape;
  if (logits.ndim !== 2 || formatShape(labels.shape) !== formatShape([rows])) {
    throw new ArgumentError(
      'crossEntropy: expected logits [rows, classes] and labels [rows], ' +
        `got ${formatShape(logits.shape)} and ${formatShape(labels.shape)}`,
    );
  }
  checkLabels('crossEntropy', labels, cols, ignoreIndex);
  const params = { rows, cols, first: 0, classes: cols, ignoreIndex, smoothing };
  const x = contiguous(logits);
  const targets = contiguous(labels);
  const loss = empty([rows], 'float32', x.device);
  const state = empty([crossEntropyStateSize(rows)], 'float32', x.device);
  launch(kernel, { x, labels: targets, state, loss }, params);
  const losses = record('crossEntropy', loss, [x], (dy) => {
    const dx = empty(x.shape, 'float32', x.device);
    launch(crossEntropyBackward, { dloss: contiguous(dy), x, labels: targets, state, dx }, params);
    return [dx];
  });
  if (reduction === 'none') return losses;
  return reduction === 'sum'
    ? sum(losses)
    : div(sum(losses), countNotIgnored(targets, ignoreIndex));
}

/** Number of labels that are not ignored. */
export const countNotIgnored = (labels: Tensor, ignoreIndex: number): Tensor =>
  sum(toFloat(ne(labels, ignoreIndex)));

/**
 * @throws ArgumentError if a label known from the host is not a class; others, and parts of a
 * tensor, give NaN.
 */
export function checkLabels(
  operation: string,
  labels: Tensor,
  classes: number,
  ignoreIndex: number,
): void {
  if (labels.dtype === 'float32')
    throw new ArgumentError(`${operation}: expected int32 labels, got float32`);
  labels.device.onReplay(() => {
    const invalid = findInvalidIndex(labels, classes, ignoreIndex);
    if (invalid !== undefined)
      throw new ArgumentError(
        `${operation}: label ${invalid} is out of range: there are ${classes} classes ` +
          `(0 to ${classes - 1})`,
      );
  });
}

/** Negative log-likelihood of log-probabilities [rows, classes]. */
export function nllLoss(
  logProbs: Tensor,
  labels: Tensor,
  { reduction = 'mean', ignoreIndex = IGNORE_INDEX }: CrossEntropyOptions = {},
): Tensor {
  const [rows, classes] = logProbs.shape;
  if (logProbs.ndim !== 2 || formatShape(labels.shape) !== formatShape([rows]))
    throw new ArgumentError(
      'nllLoss: expected log-probabilities [rows, classes] and labels [rows], got ' +
        `${formatShape(logProbs.shape)} and ${formatShape(labels.shape)}`,
    );
  checkLabels('nllLoss', labels, classes, ignoreIndex);
  const ignored = eq(labels, ignoreIndex);
  const safeLabels = toInt(maskedFill(toFloat(labels), ignored, 0));
  const picked = reshape(gather(logProbs, 1, reshape(safeLabels, [rows, 1])), [rows]);
  const losses = maskedFill(neg(picked), ignored, 0);
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : div(sum(losses), countNotIgnored(labels, ignoreIndex));
}

const applyReduction = (losses: Tensor, reduction: Reduction): Tensor =>
  reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);

/**
 * Mean squared error.
 * @throws ArgumentError if the targets have another shape.
 */
export function mseLoss(x: Tensor, y: Tensor, reduction: Reduction = 'mean'): Tensor {
  checkTargets('mseLoss', x, y);
  return applyReduction(square(sub(x, y)), reduction);
}

/**
 * Mean absolute error.
 * @throws ArgumentError if the targets have another shape.
 */
export function l1Loss(x: Tensor, y: Tensor, reduction: Reduction = 'mean'): Tensor {
  checkTargets('l1Loss', x, y);
  return applyReduction(abs(sub(x, y)), reduction);
}

/** Targets of another shape would broadcast, and the loss be that of all pairs. */
function checkTargets(operation: string, x: Tensor, targets: Tensor): void {
  if (formatShape(x.shape) !== formatShape(targets.shape))
    throw new ArgumentError(
      `${operation}: expected targets of shape ${formatShape(x.shape)}, ` +
        `got ${formatShape(targets.shape)}`,
    );
}

/**
 * Binary cross-entropy of logits with targets in [0, 1]: y log(1 + exp(-x)) + (1 - y) log(1 +
 * exp(x)).
 * @throws ArgumentError if the targets have another shape.
 */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  y: Tensor,
  reduction: Reduction = 'mean',
): Tensor {
  checkTargets('binaryCrossEntropyWithLogits', x, y);
  return applyReduction(
    add(mul(y, softplus(neg(x))), mul(affine(y, -1, 1), softplus(x))),
    reduction,
  );
}

/** The lower triangle of x (columns up to row + diagonal), 0 elsewhere. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  if (x.ndim < 2)
    throw new ArgumentError(`tril: expected two or more dimensions, got ${formatShape(x.shape)}`);
  requireWhole([diagonal], 'tril', 'diagonal');
  const [rows, cols] = x.shape.slice(-2);
  const above = Int32Array.from({ length: rows * cols }, (_, i) =>
    Number(i % cols > Math.floor(i / cols) + diagonal),
  );
  return maskedFill(x, tensor(above, { shape: [rows, cols], device: x.device }), 0);
}
