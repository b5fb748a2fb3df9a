import { checkNumbers, checkOptions } from '../platform/options.ts';
import { expectSparseGrad } from '../tensor/gradBuffer.ts';
import {
  type Activation,
  dropout,
  embedding,
  keep,
  layerNorm,
  linear,
  ones,
  rand,
  randn,
  scope,
  type Tensor,
  zeros,
} from '../tensor/index.ts';
import { checkProbability } from '../tensor/ops/dropout.ts';
import { checkPaddingIdx } from '../tensor/ops/embedding.ts';
import { constant_, isSkippingInit } from './init.ts';
import { Module } from './module.ts';

/**
 * Makes a tensor a parameter of a module: it outlives scopes and has a gradient.
 * @example
 * readonly scale = nn.parameter(ones([16])); // a field of a module
 */
export const parameter = (tensor: Tensor): Tensor => keep(tensor).requiresGrad_();

/** PyTorch's bound of the weights that `fanIn` inputs have: 1/√fanIn. */
export const boundOf = (fanIn: number): number => (fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);

/** A parameter of uniform random numbers within ±bound. */
export const uniformParameter = (shape: readonly number[], bound: number): Tensor =>
  parameter(
    isSkippingInit()
      ? zeros(shape)
      : scope(() =>
          rand(shape)
            .mul(2 * bound)
            .add(-bound),
        ),
  );

/**
 * y = activation(x weightᵀ + bias). x: [..., inFeatures] → [..., outFeatures].
 * weight: [outFeatures, inFeatures], bias: [outFeatures]. Initialised as PyTorch's: uniform within
 * ±1/√inFeatures.
 * @example
 * const layer = new nn.Linear(16, 4);
 * layer.forward(randn([2, 16])).shape; // [2, 4]
 */
export class Linear<HasBias extends boolean = true> extends Module {
  weight: Tensor;
  bias: HasBias extends true ? Tensor : null;

  /**
   * `bias: false` leaves the bias out.
   * @throws ArgumentError for an unknown option.
   */
  constructor(inFeatures: number, outFeatures: number, options: { bias?: HasBias } = {}) {
    super();
    checkOptions('Linear', options, ['bias']);
    const bound = boundOf(inFeatures);
    this.weight = uniformParameter([outFeatures, inFeatures], bound);
    const bias = (options.bias ?? true) ? uniformParameter([outFeatures], bound) : null;
    this.bias = bias as typeof this.bias;
  }

  /** `activation` runs in the same launch. */
  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    return linear(x, this.weight, this.bias, activation);
  }
}

/**
 * Rows of a table by id: ids [...] → [..., embeddingDim]. weight: [numEmbeddings, embeddingDim].
 * Initialised from N(0, 1). The row `paddingIdx` (-1: none) is 0 and gets no gradient.
 * @example
 * const embedding = new nn.Embedding(100, 16);
 * embedding.forward(tensor([[3, 7]], { dtype: 'int32' })).shape; // [1, 2, 16]
 */
export class Embedding extends Module {
  weight: Tensor;
  readonly paddingIdx: number;

  /**
   * `padding`: the row `paddingIdx`, or an object with it.
   * @throws ArgumentError if there is no such row.
   */
  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    padding: number | { paddingIdx?: number } = -1,
  ) {
    super();
    if (typeof padding !== 'number') checkOptions('Embedding', padding, ['paddingIdx']);
    const paddingIdx = typeof padding === 'number' ? padding : (padding.paddingIdx ?? -1);
    checkPaddingIdx(paddingIdx, numEmbeddings);
    this.weight = parameter(
      isSkippingInit()
        ? zeros([numEmbeddings, embeddingDim])
        : randn([numEmbeddings, embeddingDim]),
    );
    expectSparseGrad(this.weight);
    this.paddingIdx = paddingIdx;
    this.zeroPaddingRow();
  }

  /** Zeroes the row `paddingIdx`, if there is one. */
  zeroPaddingRow(): void {
    const { weight, paddingIdx } = this;
    if (paddingIdx >= 0)
      scope(() => void constant_(weight.detach().slice([[paddingIdx, paddingIdx + 1]]), 0));
  }

  forward(ids: Tensor): Tensor {
    return embedding(ids, this.weight, this.paddingIdx);
  }
}

/**
 * Normalises the last dimension, or the last ones of a list of sizes, to mean 0 and variance 1,
 * then scales and shifts. x: [..., normalizedShape], weight and bias: [normalizedShape].
 * @example
 * const layer = new nn.LayerNorm(16);
 * layer.forward(randn([2, 16])).shape; // [2, 16]
 */
export class LayerNorm extends Module {
  weight: Tensor;
  bias: Tensor;
  readonly eps: number;

  /** `epsilon`: added to the variance, or an object with it as `eps`. Default: 1e-5. */
  constructor(
    normalizedShape: number | readonly number[],
    epsilon: number | { eps?: number } = {},
  ) {
    super();
    if (typeof epsilon !== 'number') checkOptions('LayerNorm', epsilon, ['eps']);
    const { eps = 1e-5 } = typeof epsilon === 'number' ? { eps: epsilon } : epsilon;
    checkNumbers('LayerNorm', { eps });
    const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    this.weight = parameter(ones(shape));
    this.bias = parameter(zeros(shape));
    this.eps = eps;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.shape, this.weight, this.bias, this.eps);
  }
}

/**
 * Zeroes elements with probability `p` and scales the others by 1 / (1 - p), while training.
 * @example
 * const dropout = new nn.Dropout(0.1);
 * dropout.eval().forward(x); // x: nothing is dropped in evaluation
 */
export class Dropout extends Module {
  readonly p: number;

  /** `p`: default 0.5. @throws ArgumentError unless it is from 0 to 1. */
  constructor(p = 0.5) {
    super();
    checkProbability(this.constructor.name, p);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    return dropout(x, this.p, this.training);
  }
}
