import { ArgumentError } from '../../platform/errors.ts';
import { operation } from '../operation.ts';
import { formatShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { pairwiseDistance } from './algebra.ts';
import type { ElementLossOptions } from './elementLoss.ts';
import {
  add,
  affine,
  clamp,
  div,
  eq,
  exp,
  gt,
  log,
  minimum,
  mul,
  neg,
  relu,
  softplus,
  square,
  sub,
  where,
} from './elementwise.ts';
import { applyReduction, checkTargets } from './loss.ts';
import { mean } from './reduce.ts';
import { cosineSimilarity } from './statistics.ts';
import { unsqueeze } from './views.ts';

/** Losses of pairs, of triplets and of distributions. */

export interface MarginOptions extends ElementLossOptions {
  /** Default: 0, or 1 for `hingeEmbeddingLoss` and `tripletMarginLoss`. */
  margin?: number;
}

/**
 * max(0, -y (x1 - x2) + margin): x1 should be above x2 where the target y is 1, below where it is
 * -1 (PyTorch's `margin_ranking_loss`).
 * @throws ArgumentError if the shapes differ.
 * @example
 * marginRankingLoss(tensor([0.5, 2]), tensor([1, 1]), tensor([1, 1])); // 0.25
 */
export const marginRankingLoss = operation(
  'marginRankingLoss',
  3,
  (x1: Tensor, x2: Tensor, y: Tensor, options: MarginOptions = {}): Tensor => {
    const { reduction = 'mean', margin = 0 } = options;
    checkTargets('marginRankingLoss', x1, x2);
    checkTargets('marginRankingLoss', x1, y);
    return applyReduction(relu(affine(mul(y, sub(x2, x1)), 1, margin)), reduction);
  },
  ['reduction', 'margin'],
);

/**
 * x where the target is 1, max(0, margin - x) where it is -1 (PyTorch's `hinge_embedding_loss`).
 * @throws ArgumentError if the shapes differ.
 * @example
 * hingeEmbeddingLoss(tensor([0.5, 0.25]), tensor([1, -1])); // 0.625
 */
export const hingeEmbeddingLoss = operation(
  'hingeEmbeddingLoss',
  2,
  (x: Tensor, y: Tensor, options: MarginOptions = {}): Tensor => {
    const { reduction = 'mean', margin = 1 } = options;
    checkTargets('hingeEmbeddingLoss', x, y);
    const losses = where(eq(y, 1), x, relu(affine(x, -1, margin)));
    return applyReduction(losses, reduction);
  },
  ['reduction', 'margin'],
);

/**
 * 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1 (PyTorch's
 * `cosine_embedding_loss`). x1, x2: [rows, size] or [size], targets: [rows] or [].
 * @throws ArgumentError if the shapes do not fit.
 * @example
 * cosineEmbeddingLoss(tensor([[1, 0]]), tensor([[1, 0]]), tensor([1])); // 0
 */
export const cosineEmbeddingLoss = operation(
  'cosineEmbeddingLoss',
  3,
  (x1: Tensor, x2: Tensor, y: Tensor, options: MarginOptions = {}): Tensor => {
    const { reduction = 'mean', margin = 0 } = options;
    checkTargets('cosineEmbeddingLoss', x1, x2);
    if (x1.ndim < 1 || x1.ndim > 2)
      throw new ArgumentError(
        `cosineEmbeddingLoss: expected [rows, size] or [size], got ${formatShape(x1.shape)}`,
      );
    const cos = cosineSimilarity(x1, x2, x1.ndim - 1);
    checkTargets('cosineEmbeddingLoss', cos, y);
    const losses = where(eq(y, 1), affine(cos, -1, 1), relu(affine(cos, 1, -margin)));
    return applyReduction(losses, reduction);
  },
  ['reduction', 'margin'],
);

/** Options of `tripletMarginLoss`. */
export interface TripletMarginOptions extends MarginOptions {
  /** Order of the norm. Default: 2. */
  p?: number;
  /** Default: 1e-6. */
  eps?: number;
  /** Whether the distance of positive and negative counts where it is smaller. Default: false. */
  swap?: boolean;
}

/**
 * max(0, d(anchor, positive) - d(anchor, negative) + margin) of rows [..., size] (PyTorch's
 * `triplet_margin_loss`).
 * @throws ArgumentError if the shapes do not broadcast.
 * @example
 * tripletMarginLoss(tensor([[0, 0]]), tensor([[0, 1]]), tensor([[0, 1.5]])); // 0.5
 */
export const tripletMarginLoss = operation(
  'tripletMarginLoss',
  3,
  (anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletMarginOptions = {}) => {
    const { reduction = 'mean', margin = 1, p = 2, eps = 1e-6, swap = false } = options;
    const near = pairwiseDistance(anchor, positive, p, eps);
    const far = pairwiseDistance(anchor, negative, p, eps);
    const apart = swap ? minimum(far, pairwiseDistance(positive, negative, p, eps)) : far;
    return applyReduction(relu(affine(sub(near, apart), 1, margin)), reduction);
  },
  ['reduction', 'margin', 'p', 'eps', 'swap'],
);

/** Options of `tripletMarginWithDistanceLoss`. */
export interface TripletDistanceOptions extends MarginOptions {
  /** The distance of rows. Default: `pairwiseDistance`. */
  distanceFunction?: (a: Tensor, b: Tensor) => Tensor;
  /** Whether the distance of positive and negative counts where it is smaller. Default: false. */
  swap?: boolean;
}
/**
 * `tripletMarginLoss` by a distance of one's own (PyTorch's
 * `triplet_margin_with_distance_loss`).
 * @example
 * const distanceFunction = (a: Tensor, b: Tensor) => a.sub(b).abs().sum(-1);
 * tripletMarginWithDistanceLoss(anchor, positive, negative, { distanceFunction });
 */
export const tripletMarginWithDistanceLoss = operation(
  'tripletMarginWithDistanceLoss',
  3,
  (anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletDistanceOptions = {}) => {
    const { reduction = 'mean', margin = 1, swap = false } = options;
    const { distanceFunction: distance = (a, b) => pairwiseDistance(a, b) } = options;
    const far = distance(anchor, negative);
    const apart = swap ? minimum(far, distance(positive, negative)) : far;
    const losses = relu(affine(sub(distance(anchor, positive), apart), 1, margin));
    return applyReduction(losses, reduction);
  },
  ['reduction', 'margin', 'distanceFunction', 'swap'],
);

/**
 * log(1 + exp(-y x)) with targets y of 1 and -1 (PyTorch's `soft_margin_loss`).
 * @throws ArgumentError if the shapes differ.
 * @example
 * softMarginLoss(tensor([0.5, -0.5]), tensor([1, -1])); // 0.4741
 */
export const softMarginLoss = operation(
  'softMarginLoss',
  2,
  (x: Tensor, y: Tensor, { reduction = 'mean' }: ElementLossOptions = {}): Tensor => {
    checkTargets('softMarginLoss', x, y);
    return applyReduction(softplus(neg(mul(y, x))), reduction);
  },
  ['reduction'],
);

/**
 * Mean binary cross-entropy of each row's logits with its labels (PyTorch's
 * `multilabel_soft_margin_loss`). x, targets: [..., classes].
 * @throws ArgumentError if the shapes differ.
 * @example
 * multilabelSoftMarginLoss(tensor([[0.5, -0.5]]), tensor([[1, 0]])); // 0.4741
 */
export const multilabelSoftMarginLoss = operation(
  'multilabelSoftMarginLoss',
  2,
  (x: Tensor, y: Tensor, { reduction = 'mean' }: ElementLossOptions = {}): Tensor => {
    checkTargets('multilabelSoftMarginLoss', x, y);
    const losses = add(mul(y, softplus(neg(x))), mul(affine(y, -1, 1), softplus(x)));
    return applyReduction(mean(losses, -1), reduction);
  },
  ['reduction'],
);

/** Options of `poissonNllLoss`. */
export interface PoissonNllOptions extends ElementLossOptions {
  /** Whether x is the logarithm of the rate. Default: true. */
  logInput?: boolean;
  /** Whether to add Stirling's approximation of the targets' factorial. Default: false. */
  full?: boolean;
  /** Added to a rate of 0. Default: 1e-8. */
  eps?: number;
}

/**
 * Negative log-likelihood of counts under a Poisson distribution: e^x - y x, or x - y log(x + eps)
 * (PyTorch's `poisson_nll_loss`).
 * @throws ArgumentError if the shapes differ.
 * @example
 * poissonNllLoss(tensor([0, 1]), tensor([1, 2])); // 0.8591
 */
export const poissonNllLoss = operation(
  'poissonNllLoss',
  2,
  (x: Tensor, y: Tensor, options: PoissonNllOptions = {}): Tensor => {
    const { reduction = 'mean', logInput = true, full = false, eps = 1e-8 } = options;
    checkTargets('poissonNllLoss', x, y);
    const base = logInput ? sub(exp(x), mul(y, x)) : sub(x, mul(y, log(affine(x, 1, eps))));
    if (!full) return applyReduction(base, reduction);
    const known = where(gt(y, 1), y, 1);
    const stirling = add(
      sub(mul(known, log(known)), known),
      affine(log(affine(known, 2 * Math.PI, 0)), 0.5, 0),
    );
    return applyReduction(add(base, where(gt(y, 1), stirling, 0)), reduction);
  },
  ['reduction', 'logInput', 'full', 'eps'],
);

/** Variances that broadcast to x: one for each element, or for each row of the last dimension. */
function variancesOf({ shape }: Tensor, variance: Tensor): Tensor {
  const rows = shape.slice(0, -1);
  const isOfRows = shape.length > 0 && sameShape(variance.shape, rows);
  if (isOfRows) return unsqueeze(variance, -1);
  if (!sameShape(variance.shape, shape) && !sameShape(variance.shape, [...rows, 1]))
    throw new ArgumentError(
      `\`variance\`: expected the shape ${formatShape(shape)}, ${formatShape([...rows, 1])} or ` +
        `${formatShape(rows)}, got ${formatShape(variance.shape)}`,
    );
  return variance;
}

/**
 * Negative log-likelihood of targets under normal distributions of mean x and variance `variance`,
 * at least `eps`: (log v + (x - y)² / v) / 2 (PyTorch's `gaussian_nll_loss`). `variance` has the
 * shape of x, or one number for each row: a last size of 1, or no last dimension.
 * @param options `full`: whether to add log(2π) / 2
 * @throws ArgumentError if the shapes do not fit.
 * @example
 * gaussianNllLoss(tensor([1, 2]), tensor([1, 4]), tensor([1, 1])); // 1
 */
export const gaussianNllLoss = operation(
  'gaussianNllLoss',
  3,
  (
    x: Tensor,
    y: Tensor,
    variance: Tensor,
    options: ElementLossOptions & { full?: boolean; eps?: number } = {},
  ): Tensor => {
    const { reduction = 'mean', full = false, eps = 1e-6 } = options;
    checkTargets('gaussianNllLoss', x, y);
    const each = variancesOf(x, variance);
    // The limit passes the gradient on, as in PyTorch.
    const v = add(each, sub(clamp(each.detach(), eps), each.detach()));
    const losses = affine(add(log(v), div(square(sub(x, y)), v)), 0.5, 0);
    const constant = full ? 0.5 * Math.log(2 * Math.PI) : 0;
    return applyReduction(affine(losses, 1, constant), reduction);
  },
  ['reduction', 'full', 'eps'],
);
