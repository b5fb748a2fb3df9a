import {
  cosineEmbeddingLoss,
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
  type TripletMarginOptions,
  tripletMarginLoss,
} from '../tensor/index.ts';
import { Loss } from './losses.ts';

/** `marginRankingLoss` as a module. */
export class MarginRankingLoss extends Loss<MarginOptions> {
  forward(x1: Tensor, x2: Tensor, y: Tensor): Tensor {
    return marginRankingLoss(x1, x2, y, this.options);
  }
}
/** `hingeEmbeddingLoss` as a module. */
export class HingeEmbeddingLoss extends Loss<MarginOptions> {
  forward(x: Tensor, y: Tensor): Tensor {
    return hingeEmbeddingLoss(x, y, this.options);
  }
}
/** `cosineEmbeddingLoss` as a module. */
export class CosineEmbeddingLoss extends Loss<MarginOptions> {
  forward(x1: Tensor, x2: Tensor, y: Tensor): Tensor {
    return cosineEmbeddingLoss(x1, x2, y, this.options);
  }
}
/** `tripletMarginLoss` as a module. */
export class TripletMarginLoss extends Loss<TripletMarginOptions> {
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this.options);
  }
}
/** `softMarginLoss` as a module. */
export class SoftMarginLoss extends Loss<ElementLossOptions> {
  forward(x: Tensor, y: Tensor): Tensor {
    return softMarginLoss(x, y, this.options);
  }
}
/** `multilabelSoftMarginLoss` as a module. */
export class MultiLabelSoftMarginLoss extends Loss<ElementLossOptions> {
  forward(x: Tensor, y: Tensor): Tensor {
    return multilabelSoftMarginLoss(x, y, this.options);
  }
}
/** `poissonNllLoss` as a module. */
export class PoissonNLLLoss extends Loss<PoissonNllOptions> {
  forward(x: Tensor, y: Tensor): Tensor {
    return poissonNllLoss(x, y, this.options);
  }
}
/** `gaussianNllLoss` as a module. */
export class GaussianNLLLoss extends Loss<ElementLossOptions & { full?: boolean; eps?: number }> {
  forward(x: Tensor, y: Tensor, variance: Tensor): Tensor {
    return gaussianNllLoss(x, y, variance, this.options);
  }
}
