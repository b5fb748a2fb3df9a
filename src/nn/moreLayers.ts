import { ArgumentError } from '../platform/errors.ts';
import {
  dropout,
  type EmbeddingBagOptions,
  embeddingBag,
  ones,
  randn,
  type Tensor,
  zeros,
} from '../tensor/index.ts';
import { checkPaddingIdx } from '../tensor/ops/embedding.ts';
import { formatShape } from '../tensor/shape.ts';
import { constant_, isSkippingInit } from './init.ts';
import { Dropout, parameter } from './layers.ts';
import { Module } from './module.ts';

/** Drops whole channels: one decision for all places of [batch, channels, …]. */
abstract class ChannelDropout extends Dropout {
  /** Dimensions of an input without a batch. */
  protected abstract readonly dims: number;

  override forward(x: Tensor): Tensor {
    const { dims } = this;
    if (x.ndim !== dims && x.ndim !== dims + 1)
      throw new ArgumentError(
        `${this.constructor.name}: expected an input of ${dims + 1} dimensions, or ${dims} ` +
          `without a batch, got ${formatShape(x.shape)}`,
      );
    if (!this.training) return x;
    const channels = x.shape.map((n, d) => (d <= x.ndim - dims ? n : 1));
    return x.mul(dropout(ones(channels, { device: x.device }), this.p));
  }
}
/**
 * Zeroes whole channels with probability `p` and scales the others by 1 / (1 - p), while training.
 * x: [batch, channels, length] or [channels, length].
 * @example
 * new nn.Dropout1d(0.2).eval().forward(zeros(2, 4, 5)).shape; // [2, 4, 5]
 */
export class Dropout1d extends ChannelDropout {
  protected readonly dims = 2;
}
/**
 * As `Dropout1d` for x: [batch, channels, height, width] or [channels, height, width].
 * @example
 * new nn.Dropout2d(0.2).eval().forward(zeros(2, 4, 5, 5)).shape; // [2, 4, 5, 5]
 */
export class Dropout2d extends ChannelDropout {
  protected readonly dims = 3;
}

/**
 * Sums, means or maxima of bags of rows of a table; see `embeddingBag`. weight: [numEmbeddings,
 * embeddingDim], initialised from N(0, 1).
 * @example
 * const bag = new nn.EmbeddingBag(100, 16, { mode: 'sum' });
 * bag.forward(tensor([[3, 7]], { dtype: 'int32' })).shape; // [1, 16]
 */
export class EmbeddingBag extends Module {
  weight: Tensor;
  readonly options: Readonly<Pick<EmbeddingBagOptions, 'mode' | 'paddingIdx'>>;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    options: Pick<EmbeddingBagOptions, 'mode' | 'paddingIdx'> = {},
  ) {
    super();
    const { paddingIdx = -1 } = options;
    checkPaddingIdx(paddingIdx, numEmbeddings);
    const shape = [numEmbeddings, embeddingDim];
    this.weight = parameter(isSkippingInit() ? zeros(shape) : randn(shape));
    this.options = options;
    if (paddingIdx >= 0) constant_(this.weight.detach().slice([[paddingIdx, paddingIdx + 1]]), 0);
  }

  /** ids: [bags, length], or a vector with `offsets`, the starts of the bags → [bags, size]. */
  forward(ids: Tensor, offsets?: readonly number[], perSampleWeights?: Tensor): Tensor {
    return embeddingBag(ids, this.weight, { ...this.options, offsets, perSampleWeights });
  }
}
