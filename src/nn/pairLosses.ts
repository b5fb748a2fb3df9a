import {
  type CtcLossOptions,
  cosineEmbeddingLoss,
  ctcLoss,
  type ElementLossOptions,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  type MarginOptions,
  marginRankingLoss,
  multilabelSoftMarginLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  softMarginLoss,
  type Tensor,
  type TripletDistanceOptions,
  type TripletMarginOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from '../tensor/index.ts';
import { Loss } from './losses.ts';

/**
 * `marginRankingLoss` as a module.
 * @example
 * new nn.MarginRankingLoss().forward(tensor([0.5, 2]), tensor([1, 1]), tensor([1, 1])); // 0.25
 */
export class MarginRankingLoss extends Loss<MarginOptions> {
  protected static override readonly known = ['reduction', 'margin'];

  forward(x1: Tensor, x2: Tensor, y: Tensor): Tensor {
    return marginRankingLoss(x1, x2, y, this.options);
  }
}
/**
 * `hingeEmbeddingLoss` as a module.
 * @example
 * new nn.HingeEmbeddingLoss().forward(tensor([0.5, 0.25]), tensor([1, -1])); // 0.625
 */
export class HingeEmbeddingLoss extends Loss<MarginOptions> {
  protected static override readonly known = ['reduction', 'margin'];

  forward(x: Tensor, y: Tensor): Tensor {
    return hingeEmbeddingLoss(x, y, this.options);
  }
}
/**
 * `cosineEmbeddingLoss` as a module.
 * @example
 * new nn.CosineEmbeddingLoss().forward(tensor([[1, 0]]), tensor([[1, 0]]), tensor([1])); // 0
 */
export class CosineEmbeddingLoss extends Loss<MarginOptions> {
  protected static override readonly known = ['reduction', 'margin'];

  forward(x1: Tensor, x2: Tensor, y: Tensor): Tensor {
    return cosineEmbeddingLoss(x1, x2, y, this.options);
  }
}
/**
 * `tripletMarginLoss` as a module.
 * @example
 * const [anchor, positive, negative] = [randn(8, 16), randn(8, 16), randn(8, 16)];
 * new nn.TripletMarginLoss().forward(anchor, positive, negative).item();
 */
export class TripletMarginLoss extends Loss<TripletMarginOptions> {
  protected static override readonly known = ['reduction', 'margin', 'p', 'eps', 'swap'];

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this.options);
  }
}
/**
 * `softMarginLoss` as a module.
 * @example
 * new nn.SoftMarginLoss().forward(tensor([0.5, -0.5]), tensor([1, -1])); // 0.4741
 */
export class SoftMarginLoss extends Loss<ElementLossOptions> {
  protected static override readonly known = ['reduction'];

  forward(x: Tensor, y: Tensor): Tensor {
    return softMarginLoss(x, y, this.options);
  }
}
/**
 * `multilabelSoftMarginLoss` as a module.
 * @example
 * new nn.MultiLabelSoftMarginLoss().forward(tensor([[0.5, -0.5]]), tensor([[1, 0]])); // 0.4741
 */
export class MultiLabelSoftMarginLoss extends Loss<ElementLossOptions> {
  protected static override readonly known = ['reduction'];

  forward(x: Tensor, y: Tensor): Tensor {
    return multilabelSoftMarginLoss(x, y, this.options);
  }
}
/**
 * `poissonNllLoss` as a module.
 * @example
 * new nn.PoissonNLLLoss().forward(tensor([0, 1]), tensor([1, 2])); // 0.8591
 */
export class PoissonNLLLoss extends Loss<PoissonNllOptions> {
  protected static override readonly known = ['reduction', 'logInput', 'full', 'eps'];

  forward(x: Tensor, y: Tensor): Tensor {
    return poissonNllLoss(x, y, this.options);
  }
}
/**
 * `gaussianNllLoss` as a module.
 * @example
 * new nn.GaussianNLLLoss().forward(tensor([1, 2]), tensor([1, 4]), tensor([1, 1])); // 1
 */
export class GaussianNLLLoss extends Loss<ElementLossOptions & { full?: boolean; eps?: number }> {
  protected static override readonly known = ['reduction', 'full', 'eps'];

  forward(x: Tensor, y: Tensor, variance: Tensor): Tensor {
    return gaussianNllLoss(x, y, variance, this.options);
  }
}
/**
 * `ctcLoss` as a module.
 * @example
 * const criterion = new nn.CTCLoss({ zeroInfinity: true });
 * const loss = criterion.forward(logits.logSoftmax(2), targets, inputLengths, targetLengths);
 */
export class CTCLoss extends Loss<CtcLossOptions> {
  protected static override readonly known = ['blank', 'reduction', 'zeroInfinity'];

  forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: number | readonly number[],
    targetLengths: number | readonly number[],
  ): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this.options);
  }
}
/**
 * `tripletMarginWithDistanceLoss` as a module.
 * @example
 * const distanceFunction = (a: Tensor, b: Tensor) => a.sub(b).abs().sum(-1);
 * const criterion = new nn.TripletMarginWithDistanceLoss({ distanceFunction });
 * const loss = criterion.forward(anchor, positive, negative);
 */
export class TripletMarginWithDistanceLoss extends Loss<TripletDistanceOptions> {
  protected static override readonly known = ['reduction', 'margin', 'distanceFunction', 'swap'];

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this.options);
  }
}
