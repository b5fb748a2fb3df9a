import {
  crossEntropyBackward,
  crossEntropyStateSize,
  crossEntropy as kernel,
} from '../../kernels/crossEntropy.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { requireOneOf } from '../../platform/oneOf.ts';
import { record } from '../autograd.ts';
import { launch } from '../launch.ts';
import { operation } from '../operation.ts';
import { formatShape } from '../shape.ts';
import { empty, type Tensor } from '../tensor.ts';
import {
  abs,
  add,
  affine,
  eq,
  maskedFill,
  ne,
  square,
  sub,
  toFloat,
  where,
} from './elementwise.ts';
import { findInvalidIndex, gather } from './embedding.ts';
import { mean, sum } from './reduce.ts';
import { logSoftmax } from './softmax.ts';
import { contiguous, reshape, unsqueeze } from './views.ts';

/** Default label of rows that do not count in a loss, as in PyTorch. */
export const IGNORE_INDEX = -100;

/** How the losses of elements become one: their mean, their sum, or not at all. */
export type Reduction = 'mean' | 'sum' | 'none';

/**
 * Cross-entropy of each row of logits [rows, classes] with its label [rows] (int32): 0 if it is
 * ignored.
 */
export function rowCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  ignoreIndex: number,
  smoothing: number,
): Tensor {
  const [rows, cols] = logits.shape;
  const params = { rows, cols, first: 0, classes: cols, ignoreIndex, smoothing };
  const x = contiguous(logits);
  const targets = contiguous(labels);
  const loss = empty([rows], 'float32', x.device);
  const state = empty([crossEntropyStateSize(rows)], 'float32', x.device);
  launch(kernel, { x, labels: targets, state, loss }, params);
  const backward = (dy: Tensor) => {
    const dx = empty(x.shape, 'float32', x.device);
    launch(crossEntropyBackward, { dloss: contiguous(dy), x, labels: targets, state, dx }, params);
    return [dx];
  };
  return record('crossEntropy', loss, [x], backward, () => {
    const isIgnored = eq(targets, ignoreIndex);
    const logProbs = logSoftmax(x, -1);
    const places = unsqueeze(where(isIgnored, 0, targets), 1);
    const ofLabel = affine(reshape(gather(logProbs, 1, places), [rows]), smoothing - 1, 0);
    const ofAll = affine(mean(logProbs, 1), -smoothing, 0);
    return maskedFill(add(ofLabel, ofAll), isIgnored, 0);
  });
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

/** @throws ArgumentError for another word. */
export const checkReduction = (reduction: Reduction): void =>
  requireOneOf(reduction, ['mean', 'sum', 'none'], '`reduction`');

/** A loss for each element, their sum, or their mean. @throws ArgumentError for another word. */
export function applyReduction(losses: Tensor, reduction: Reduction): Tensor {
  checkReduction(reduction);
  return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);
}

/**
 * Mean squared error.
 * @throws ArgumentError if the targets have another shape.
 * @example
 * mseLoss(tensor([1, 4]), tensor([0, 2])); // 2.5
 */
export const mseLoss = operation(
  'mseLoss',
  2,
  (x: Tensor, y: Tensor, reduction: Reduction = 'mean'): Tensor => {
    checkTargets('mseLoss', x, y);
    return applyReduction(square(sub(x, y)), reduction);
  },
);

/**
 * Mean absolute error.
 * @throws ArgumentError if the targets have another shape.
 * @example
 * l1Loss(tensor([1, 4]), tensor([0, 2])); // 1.5
 */
export const l1Loss = operation(
  'l1Loss',
  2,
  (x: Tensor, y: Tensor, reduction: Reduction = 'mean'): Tensor => {
    checkTargets('l1Loss', x, y);
    return applyReduction(abs(sub(x, y)), reduction);
  },
);

/**
 * Targets of another shape would broadcast, and the loss be that of all pairs.
 * @throws ArgumentError if the shapes differ.
 */
export function checkTargets(operation: string, x: Tensor, targets: Tensor): void {
  if (formatShape(x.shape) !== formatShape(targets.shape))
    throw new ArgumentError(
      `${operation}: expected targets of shape ${formatShape(x.shape)}, ` +
        `got ${formatShape(targets.shape)}`,
    );
}
