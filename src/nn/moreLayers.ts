import { ArgumentError } from '../platform/errors.ts';
import { checkOptions } from '../platform/options.ts';
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
  /** Least number of dimensions of an input; one more is possible. */
  protected abstract readonly dims: number;
  /** What an input of so many dimensions is. */
  protected abstract readonly least: string;

  override forward(x: Tensor): Tensor {
    const { dims, least } = this;
    if (x.ndim !== dims && x.ndim !== dims + 1)
      throw new ArgumentError(
        `${this.constructor.name}: expected an input of ${dims + 1} dimensions, or ${dims}, ` +
          `${least}, got ${formatShape(x.shape)}`,
      );
    if (!this.training) return x;
    const leading = Math.min(2, x.ndim - 1);
    const channels = x.shape.map((n, d) => (d < leading ? n : 1));
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
  protected readonly least = '[channels, length]';
}
/**
 * As `Dropout1d` for x: [batch, channels, height, width]. As in PyTorch, three dimensions are
 * [batch, channels, length].
 * @example
 * new nn.Dropout2d(0.2).eval().forward(zeros(2, 4, 5, 5)).shape; // [2, 4, 5, 5]
 */
export class Dropout2d extends ChannelDropout {
  protected readonly dims = 3;
  protected readonly least = '[batch, channels, length]';
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
    checkOptions('EmbeddingBag', options, ['mode', 'paddingIdx']);
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
