import { ArgumentError } from '../platform/errors.ts';
import { checkNumbers, checkOptions } from '../platform/options.ts';
import {
  add,
  full,
  layerNorm,
  mean,
  mul,
  noGrad,
  ones,
  scope,
  type Tensor,
  variance,
  zeros,
} from '../tensor/index.ts';
import { formatShape } from '../tensor/shape.ts';
import { parameter } from './layers.ts';
import { Module } from './module.ts';

/**
 * x / √(mean(x²) + eps) · weight over the last dimension (Zhang & Sennrich 2019, arXiv 1910.07467),
 * PyTorch's `nn.RMSNorm`. x: [..., normalizedShape], weight: [normalizedShape].
 * @example
 * const layer = new nn.RMSNorm(16);
 * layer.forward(randn([2, 16])).shape; // [2, 16]
 */
export class RMSNorm extends Module {
  weight: Tensor;
  readonly eps: number;

  /** `eps` defaults to the smallest step of float32 at 1. */
  constructor(normalizedShape: number, options: { eps?: number } = {}) {
    super();
    checkOptions('RMSNorm', options, ['eps']);
    const { eps = 2 ** -23 } = options;
    checkNumbers('RMSNorm', { normalizedShape, eps });
    this.weight = parameter(ones([normalizedShape]));
    this.eps = eps;
  }

  /** @throws ArgumentError if the last dimension is not `normalizedShape`. */
  forward(x: Tensor): Tensor {
    const [size] = this.weight.shape;
    if (x.shape.at(-1) !== size)
      throw new ArgumentError(
        `RMSNorm: expected an input of last size ${size}, got ${formatShape(x.shape)}`,
      );
    return x.mul(mean(x.square(), -1, true).add(this.eps).rsqrt()).mul(this.weight);
  }
}

/** A vector with an element for each channel, dimension 1 of x, as a shape that broadcasts to x. */
const perChannel = (vector: Tensor, x: Tensor): Tensor =>
  vector.reshape([1, vector.size, ...Array(x.ndim - 2).fill(1)]);

/**
 * Normalises groups of channels together, PyTorch's `nn.GroupNorm` (Wu & He 2018, arXiv
 * 1803.08494). x: [batch, numChannels, …], weight and bias: [numChannels].
 * @example
 * const layer = new nn.GroupNorm(2, 4);
 * layer.forward(randn([2, 4, 5])).shape; // [2, 4, 5]
 */
export class GroupNorm extends Module {
  weight: Tensor | null;
  bias: Tensor | null;
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;

  /**
   * `affine: false` leaves weight and bias out.
   * @throws ArgumentError if the groups do not divide the channels.
   */
  constructor(
    numGroups: number,
    numChannels: number,
    options: { eps?: number; affine?: boolean } = {},
  ) {
    super();
    checkOptions('GroupNorm', options, ['eps', 'affine']);
    const { eps = 1e-5, affine = true } = options;
    if (numChannels % numGroups !== 0)
      throw new ArgumentError(
        `GroupNorm: \`numGroups\`: expected a divisor of ${numChannels}, got ${numGroups}`,
      );
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? parameter(ones([numChannels])) : null;
    this.bias = affine ? parameter(zeros([numChannels])) : null;
  }

  /** @throws ArgumentError if dimension 1 is not `numChannels`. */
  forward(x: Tensor): Tensor {
    if (x.ndim < 2 || x.shape[1] !== this.numChannels)
      throw new ArgumentError(
        `GroupNorm: expected an input [batch, ${this.numChannels}, …], got ${formatShape(x.shape)}`,
      );
    const size = x.shape.slice(1).reduce((a, b) => a * b) / this.numGroups;
    const rows = x.reshape([x.shape[0], this.numGroups, size]);
    const y = layerNorm(rows, [size], null, null, this.eps).reshape(x.shape);
    if (!this.weight || !this.bias) return y;
    return add(mul(y, perChannel(this.weight, x)), perChannel(this.bias, x));
  }
}

/** Options of `BatchNorm1d` and `BatchNorm2d`. */
export interface BatchNormOptions {
  /** Default: 1e-5. */
  eps?: number;
  /** Share of the new batch in the running statistics; null: their plain mean. Default: 0.1. */
  momentum?: number | null;
  /** Whether there are a weight and a bias. Default: true. */
  affine?: boolean;
  /** Whether to keep running statistics, and use them in evaluation. Default: true. */
  trackRunningStats?: boolean;
}

/**
 * What `BatchNorm1d` and `BatchNorm2d` share. In training, each channel is normalised by the mean
 * and variance of the batch, which the buffers `running_mean` and `running_var` follow (the latter
 * without bias); in evaluation by these (Ioffe & Szegedy 2015, arXiv 1502.03167).
 */
abstract class BatchNorm extends Module {
  weight: Tensor | null;
  bias: Tensor | null;
  readonly runningMean: Tensor | null = null;
  readonly runningVar: Tensor | null = null;
  readonly numBatchesTracked: Tensor | null = null;
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super();
    const known = ['eps', 'momentum', 'affine', 'trackRunningStats'];
    checkOptions(this.constructor.name, options, known);
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? parameter(ones([numFeatures])) : null;
    this.bias = affine ? parameter(zeros([numFeatures])) : null;
    if (!trackRunningStats) return;
    this.runningMean = this.registerBuffer('running_mean', zeros([numFeatures]));
    this.runningVar = this.registerBuffer('running_var', ones([numFeatures]));
    this.numBatchesTracked = this.registerBuffer('num_batches_tracked', full([], 0));
  }

  /** Numbers of dimensions of an input. */
  protected abstract readonly ranks: readonly number[];

  /**
   * x: [batch, numFeatures, …] → the same shape.
   * @throws ArgumentError if the shape does not fit, or if a channel has one value in training.
   */
  forward(x: Tensor): Tensor {
    const name = this.constructor.name;
    if (!this.ranks.includes(x.ndim) || x.shape[1] !== this.numFeatures)
      throw new ArgumentError(
        `${name}: expected an input of ${this.ranks.join(' or ')} dimensions, ` +
          `[batch, ${this.numFeatures}, …], got ${formatShape(x.shape)}`,
      );
    if (!this.training && this.runningMean && this.runningVar)
      return this.#normalize(x, this.runningMean, this.runningVar);
    const count = x.size / this.numFeatures;
    if (this.training && count <= 1)
      throw new ArgumentError(
        `${name}: expected more than one value for each channel in training, ` +
          `got ${formatShape(x.shape)}`,
      );
    const dims = x.shape.map((_, d) => d).filter((d) => d !== 1);
    const batchMean = mean(x, dims);
    const batchVar = variance(x, dims, false);
    if (this.training) this.#track(batchMean, batchVar, count);
    return this.#normalize(x, batchMean, batchVar);
  }

  #normalize(x: Tensor, center: Tensor, spread: Tensor): Tensor {
    const scale = perChannel(spread.add(this.eps).rsqrt(), x);
    const y = x.sub(perChannel(center, x)).mul(scale);
    if (!this.weight || !this.bias) return y;
    return add(mul(y, perChannel(this.weight, x)), perChannel(this.bias, x));
  }

  #track(batchMean: Tensor, batchVar: Tensor, count: number): void {
    const { runningMean, runningVar, numBatchesTracked, momentum } = this;
    if (!runningMean || !runningVar || !numBatchesTracked) return;
    noGrad(() =>
      scope(() => {
        numBatchesTracked.add_(1);
        const share = momentum ?? numBatchesTracked.reciprocal();
        const unbiased = batchVar.mul(count / (count - 1));
        runningMean.add_(batchMean.sub(runningMean).mul(share));
        runningVar.add_(unbiased.sub(runningVar).mul(share));
      }),
    );
  }
}

/**
 * Batch normalisation of vectors [batch, features] or sequences [batch, features, length].
 * @example
 * const layer = new nn.BatchNorm1d(4);
 * layer.forward(randn([8, 4])).shape; // [8, 4]
 */
export class BatchNorm1d extends BatchNorm {
  protected readonly ranks = [2, 3];
}

/**
 * Batch normalisation of images. x: [batch, features, height, width].
 * @example
 * const layer = new nn.BatchNorm2d(4);
 * layer.forward(randn([2, 4, 5, 5])).shape; // [2, 4, 5, 5]
 */
export class BatchNorm2d extends BatchNorm {
  protected readonly ranks = [4];
}

/**
 * Normalises each channel of each example alone (Ulyanov et al. 2016, arXiv 1607.08022), PyTorch's
 * `nn.InstanceNorm1d` and `2d` without running statistics.
 */
abstract class InstanceNorm extends Module {
  weight: Tensor | null;
  bias: Tensor | null;
  readonly numFeatures: number;
  readonly eps: number;
  /** Number of dimensions of a batch; one less is a single example. */
  protected abstract readonly rank: number;

  /** `affine: true` adds a weight and a bias. */
  constructor(numFeatures: number, options: { eps?: number; affine?: boolean } = {}) {
    super();
    checkOptions(this.constructor.name, options, ['eps', 'affine']);
    const { eps = 1e-5, affine = false } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.weight = affine ? parameter(ones([numFeatures])) : null;
    this.bias = affine ? parameter(zeros([numFeatures])) : null;
  }

  /** @throws ArgumentError if the shape does not fit. */
  forward(x: Tensor): Tensor {
    if (x.ndim === this.rank - 1) return this.forward(x.unsqueeze(0)).squeeze(0);
    if (x.ndim !== this.rank || x.shape[1] !== this.numFeatures)
      throw new ArgumentError(
        `${this.constructor.name}: expected an input [batch, ${this.numFeatures}, …] of ` +
          `${this.rank} dimensions, got ${formatShape(x.shape)}`,
      );
    const size = x.shape.slice(2).reduce((a, b) => a * b, 1);
    const rows = x.reshape([x.shape[0], this.numFeatures, size]);
    const y = layerNorm(rows, [size], null, null, this.eps).reshape(x.shape);
    if (!this.weight || !this.bias) return y;
    return add(mul(y, perChannel(this.weight, x)), perChannel(this.bias, x));
  }
}

/**
 * Instance normalisation of sequences. x: [batch, features, length].
 * @example
 * new nn.InstanceNorm1d(16).forward(randn(8, 16, 10)).shape; // [8, 16, 10]
 */
export class InstanceNorm1d extends InstanceNorm {
  protected readonly rank = 3;
}
/**
 * Instance normalisation of images. x: [batch, features, height, width].
 * @example
 * new nn.InstanceNorm2d(3).forward(randn(8, 3, 32, 32)).shape; // [8, 3, 32, 32]
 */
export class InstanceNorm2d extends InstanceNorm {
  protected readonly rank = 4;
}
