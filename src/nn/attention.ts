import { ArgumentError } from '../platform/errors.ts';
import { checkOptions } from '../platform/options.ts';
import {
  add,
  eq,
  linear,
  mean,
  scaledDotProductAttention,
  type Tensor,
  zeros,
} from '../tensor/index.ts';
import { additiveMask, maskedAttention } from '../tensor/ops/maskedAttention.ts';
import { formatShape } from '../tensor/shape.ts';
import { Linear, parameter, uniformParameter } from './layers.ts';
import { Module } from './module.ts';

/** Options of `MultiheadAttention`. */
export interface MultiheadAttentionOptions {
  /** Rate at which probabilities are dropped while training. Default: 0. */
  dropout?: number;
  /** Default: true. */
  bias?: boolean;
  /** Whether inputs and outputs are [batch, length, …], not [length, batch, …]. Default: false. */
  batchFirst?: boolean;
}

/** Masks and outputs of `MultiheadAttention.forward`. */
export interface MultiheadAttentionInputs {
  /** Keys to leave out, [batch, keys]: not 0 (a boolean mask), or float32 numbers to add. */
  keyPaddingMask?: Tensor | null;
  /**
   * Pairs to leave out, [length, keys] or [batch · heads, length, keys]: not 0 (a boolean mask), or
   * float32 numbers to add.
   */
  attnMask?: Tensor | null;
  /** Whether row r sees only keys 0 to r. Default: false. */
  isCausal?: boolean;
  /** Whether to return the probabilities; without them it is faster. Default: true. */
  needWeights?: boolean;
  /** Whether their mean over the heads is returned. Default: true. */
  averageAttnWeights?: boolean;
}

const inputNames = 'keyPaddingMask attnMask isCausal needWeights averageAttnWeights'.split(' ');

/**
 * Attention over several heads (Vaswani et al. 2017, arXiv 1706.03762, §3.2), PyTorch's
 * `nn.MultiheadAttention`. inProjWeight: [3 · embedDim, embedDim] for query, key and value,
 * inProjBias: [3 · embedDim], outProj: Linear(embedDim, embedDim). Weights start as PyTorch's: the
 * projection of the inputs by Xavier's rule (uniform), biases 0.
 *
 * In boolean masks here, as in PyTorch's class, what is not 0 is left out; in those of
 * `scaledDotProductAttention` it takes part.
 * @example
 * const attention = new MultiheadAttention(64, 4, { batchFirst: true });
 * const [output, weights] = attention.forward(x, x, x, { keyPaddingMask });
 */
export class MultiheadAttention extends Module {
  readonly inProjWeight: Tensor;
  readonly inProjBias: Tensor | null;
  readonly outProj: Linear<boolean>;
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;

  /** @throws ArgumentError if the heads do not divide `embedDim`, or for an unknown option. */
  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    checkOptions('MultiheadAttention', options, ['dropout', 'bias', 'batchFirst']);
    const { dropout = 0, bias = true, batchFirst = false } = options;
    if (embedDim % numHeads !== 0)
      throw new ArgumentError(
        `MultiheadAttention: \`numHeads\`: expected a divisor of ${embedDim}, got ${numHeads}`,
      );
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    // Xavier's bound for [3 · embedDim, embedDim].
    this.inProjWeight = uniformParameter([3 * embedDim, embedDim], Math.sqrt(6 / (4 * embedDim)));
    this.inProjBias = bias ? parameter(zeros([3 * embedDim])) : null;
    this.outProj = new Linear<boolean>(embedDim, embedDim, { bias });
    this.outProj.bias?.copy_(new Float32Array(embedDim));
  }

  /**
   * query: [length, batch, embedDim], key, value: [keys, batch, embedDim], or with the batch first.
   * → the shape of the query, and the probabilities before dropout: [batch, length, keys] as a mean
   * over the heads, [batch, heads, length, keys], or null. A row that sees no key is 0 (before the
   * last projection).
   * @throws ArgumentError if shapes do not fit, or for an unknown option.
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionInputs = {},
  ): [output: Tensor, weights: Tensor | null] {
    checkOptions('MultiheadAttention.forward', options, inputNames);
    const { needWeights = true, averageAttnWeights = true, isCausal = false } = options;
    const [batch, length, keys] = this.#checkShapes(query, key, value);
    const projected = this.#project(query, key, value);
    const [q, k, v] = projected.map((x) => this.#split(x));
    const attnMask = this.#mask(options, batch, length, keys);
    const dropoutP = this.training ? this.dropout : 0;
    const settings = { attnMask, isCausal, dropoutP };
    const { output, probs } = needWeights
      ? maskedAttention(q, k, v, settings)
      : { output: scaledDotProductAttention(q, k, v, settings), probs: null };
    const rows = output.permute([0, 2, 1, 3]).reshape([batch, length, this.embedDim]);
    const result = this.outProj.forward(rows);
    const weights = probs && averageAttnWeights ? mean(probs, 1) : probs;
    return [this.batchFirst ? result : result.transpose(0, 1), weights];
  }

  #checkShapes(query: Tensor, key: Tensor, value: Tensor): number[] {
    const [b, l] = this.batchFirst ? [0, 1] : [1, 0];
    const isFitting =
      [query, key, value].every((x) => x.ndim === 3 && x.shape[2] === this.embedDim) &&
      key.shape[b] === query.shape[b] &&
      formatShape(key.shape) === formatShape(value.shape);
    if (!isFitting)
      throw new ArgumentError(
        'MultiheadAttention: expected query, key and value ' +
          `${this.batchFirst ? '[batch, length' : '[length, batch'}, ${this.embedDim}], got ` +
          [query, key, value].map(({ shape }) => formatShape(shape)).join(', '),
      );
    return [query.shape[b], query.shape[l], key.shape[l]];
  }

  /** Query, key and value through their parts of the projection; equal inputs in one product. */
  #project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { inProjWeight: weight, inProjBias: bias } = this;
    if (query === key && key === value) return linear(query, weight, bias).split(this.embedDim, 2);
    const biases = bias?.split(this.embedDim, 0);
    const weights = weight.split(this.embedDim, 0);
    return [query, key, value].map((x, i) => linear(x, weights[i], biases?.[i]));
  }

  /** As [batch, heads, length, size]. */
  #split(x: Tensor): Tensor {
    const [first, second, size] = x.shape;
    const heads = x.reshape([first, second, this.numHeads, size / this.numHeads]);
    return heads.permute(this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3]);
  }

  /** Both masks as one, in which 0 is hidden, or one to add if either is. */
  #mask(
    { attnMask, keyPaddingMask }: MultiheadAttentionInputs,
    batch: number,
    length: number,
    keys: number,
  ): Tensor | null {
    const check = (name: string, mask: Tensor, shapes: number[][]) => {
      if (!shapes.some((shape) => formatShape(shape) === formatShape(mask.shape)))
        throw new ArgumentError(
          `MultiheadAttention: \`${name}\`: expected a mask of shape ` +
            `${shapes.map(formatShape).join(' or ')}, got ${formatShape(mask.shape)}`,
        );
    };
    // Boolean masks say here what is left out, and in attention what takes part.
    const seen = (mask: Tensor) => (mask.dtype === 'float32' ? mask : eq(mask, 0));
    const heads = this.numHeads;
    const masks: Tensor[] = [];
    if (attnMask) {
      check('attnMask', attnMask, [
        [length, keys],
        [batch * heads, length, keys],
      ]);
      const groups = attnMask.ndim === 2 ? [1, 1] : [batch, heads];
      masks.push(seen(attnMask).reshape([...groups, length, keys]));
    }
    if (keyPaddingMask) {
      check('keyPaddingMask', keyPaddingMask, [[batch, keys]]);
      masks.push(seen(keyPaddingMask).reshape([batch, 1, 1, keys]));
    }
    if (masks.length < 2) return masks[0] ?? null;
    return add(additiveMask(masks[0]), additiveMask(masks[1]));
  }
}
