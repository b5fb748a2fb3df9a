import { ArgumentError } from '../../platform/errors.ts';
import { record } from '../autograd.ts';
import { operation } from '../operation.ts';
import type { Tensor } from '../tensor.ts';
import {
  abs,
  add,
  affine,
  clamp,
  div,
  eq,
  exp,
  log,
  lt,
  maskedFill,
  mul,
  neg,
  softplus,
  square,
  sub,
  where,
} from './elementwise.ts';
import { applyReduction, checkTargets, type Reduction } from './loss.ts';
import { sum } from './reduce.ts';

/** Options of losses that compare element by element. */
export interface ElementLossOptions {
  /** Default: mean. */
  reduction?: Reduction;
}

/** Options of the binary cross-entropies. */
export interface BinaryCrossEntropyOptions extends ElementLossOptions {
  /** A factor of each element's loss; broadcasts to the input. */
  weight?: Tensor | null;
  /** A factor of the loss of positive targets, as [labels]; broadcasts to the input. */
  posWeight?: Tensor | null;
}

/**
 * Binary cross-entropy of logits x with targets y in [0, 1]: w (q y log(1 + exp(-x)) + (1 - y)
 * log(1 + exp(x))), with `weight` w and `posWeight` q, as PyTorch's
 * `binary_cross_entropy_with_logits`.
 * @param options a reduction alone, or several options
 * @throws ArgumentError if the targets have another shape.
 * @example
 * binaryCrossEntropyWithLogits(logits, targets, { posWeight: tensor([3, 1, 1]) });
 */
export const binaryCrossEntropyWithLogits = operation(
  'binaryCrossEntropyWithLogits',
  2,
  (x: Tensor, y: Tensor, options: Reduction | BinaryCrossEntropyOptions = {}): Tensor => {
    const {
      reduction = 'mean',
      weight,
      posWeight,
    } = typeof options === 'string' ? { reduction: options } : options;
    checkTargets('binaryCrossEntropyWithLogits', x, y);
    const positive = mul(y, softplus(neg(x)));
    const losses = add(
      posWeight ? mul(positive, posWeight) : positive,
      mul(affine(y, -1, 1), softplus(x)),
    );
    return applyReduction(weight ? mul(losses, weight) : losses, reduction);
  },
  ['reduction', 'weight', 'posWeight'],
);

/**
 * Binary cross-entropy of probabilities p with targets y in [0, 1]: -w (y log p + (1 - y) log(1 -
 * p)), as PyTorch's `binary_cross_entropy`. Logarithms are at least -100, so that the loss is
 * finite. With logits, `binaryCrossEntropyWithLogits` is more exact.
 * @throws ArgumentError if the targets have another shape.
 * @example
 * binaryCrossEntropy(tensor([0.5, 0.5]), tensor([1, 0])); // 0.6931
 */
export const binaryCrossEntropy = operation(
  'binaryCrossEntropy',
  2,
  (
    p: Tensor,
    y: Tensor,
    { reduction = 'mean', weight }: Omit<BinaryCrossEntropyOptions, 'posWeight'> = {},
  ): Tensor => {
    checkTargets('binaryCrossEntropy', p, y);
    const boundedLog = (x: Tensor) => clamp(log(x), -100);
    const [x, target] = [p.detach(), y.detach()];
    const positive = mul(target, boundedLog(x));
    const raw = neg(add(positive, mul(affine(target, -1, 1), boundedLog(affine(x, -1, 1)))));
    const losses = record('binaryCrossEntropy', raw, [p, y], (dy) => {
      const slope = () => div(sub(p, y), clamp(mul(p, affine(p, -1, 1)), 1e-12));
      const ofTarget = () => sub(boundedLog(affine(p, -1, 1)), boundedLog(p));
      return [
        p.requiresGrad ? mul(dy, slope()) : null,
        y.requiresGrad ? mul(dy, ofTarget()) : null,
      ];
    });
    return applyReduction(weight ? mul(losses, weight) : losses, reduction);
  },
  ['reduction', 'weight'],
);

/**
 * Squared error below `beta`, absolute error above: d² / (2 beta) where |d| < beta, else |d| - beta
 * / 2, as PyTorch's `smooth_l1_loss` (Girshick 2015, arXiv 1504.08083). With `beta` 0 it is
 * `l1Loss`.
 * @throws ArgumentError if the targets have another shape, or `beta` is negative.
 * @example
 * smoothL1Loss(tensor([0, 3]), tensor([0.5, 0]), { reduction: 'none' }); // [0.125, 2.5]
 */
export const smoothL1Loss = operation(
  'smoothL1Loss',
  2,
  (
    x: Tensor,
    y: Tensor,
    { reduction = 'mean', beta = 1 }: ElementLossOptions & { beta?: number } = {},
  ): Tensor => {
    if (!(beta >= 0))
      throw new ArgumentError(`smoothL1Loss: \`beta\`: expected a number ≥ 0, got ${beta}`);
    checkTargets('smoothL1Loss', x, y);
    const error = abs(sub(x, y));
    if (beta === 0) return applyReduction(error, reduction);
    const near = affine(square(error), 0.5 / beta, 0);
    return applyReduction(where(lt(error, beta), near, affine(error, 1, -beta / 2)), reduction);
  },
  ['reduction', 'beta'],
);

/**
 * Squared error below `delta`, absolute error above: d² / 2 where |d| < delta, else delta (|d| -
 * delta / 2), as PyTorch's `huber_loss` (Huber 1964).
 * @throws ArgumentError if the targets have another shape, or `delta` is not positive.
 * @example
 * huberLoss(tensor([0.5, 3]), tensor([0, 0]), { reduction: 'none' }); // [0.125, 2.5]
 */
export const huberLoss = operation(
  'huberLoss',
  2,
  (
    x: Tensor,
    y: Tensor,
    { reduction = 'mean', delta = 1 }: ElementLossOptions & { delta?: number } = {},
  ): Tensor => {
    if (!(delta > 0))
      throw new ArgumentError(`huberLoss: \`delta\`: expected a number > 0, got ${delta}`);
    checkTargets('huberLoss', x, y);
    const error = abs(sub(x, y));
    const near = affine(square(error), 0.5, 0);
    const far = affine(error, delta, (-delta * delta) / 2);
    return applyReduction(where(lt(error, delta), near, far), reduction);
  },
  ['reduction', 'delta'],
);

/**
 * Kullback–Leibler divergence of log-probabilities `logQ` from the targets P, element by element: P
 * (log P - logQ), as PyTorch's `kl_div`. `batchmean`, the sum over the number of rows, is the
 * divergence as mathematics has it; PyTorch's default, `mean`, divides by all elements.
 * @param options `logTarget`: whether the targets are log-probabilities
 * @throws ArgumentError if the targets have another shape.
 * @example
 * klDiv(tensor([0.5, 0.5]).log(), tensor([0.25, 0.75]), { reduction: 'sum' }); // 0.1308
 */
export const klDiv = operation(
  'klDiv',
  2,
  (
    logQ: Tensor,
    target: Tensor,
    {
      reduction = 'mean',
      logTarget = false,
    }: { reduction?: Reduction | 'batchmean'; logTarget?: boolean } = {},
  ): Tensor => {
    checkTargets('klDiv', logQ, target);
    const losses = logTarget
      ? mul(exp(target), sub(target, logQ))
      : sub(xlogx(target), mul(target, logQ));
    if (reduction !== 'batchmean') return applyReduction(losses, reduction);
    return affine(sum(losses), 1 / (logQ.shape[0] ?? 1), 0);
  },
  ['reduction', 'logTarget'],
);

/** x log x, which is 0 at 0. */
function xlogx(x: Tensor): Tensor {
  return mul(x, log(maskedFill(x, eq(x.detach(), 0), 1)));
}
