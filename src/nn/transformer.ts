import { ArgumentError, StateError } from '../platform/errors.ts';
import { checkOptions } from '../platform/options.ts';
import type { Activation, Tensor } from '../tensor/index.ts';
import { MultiheadAttention } from './attention.ts';
import { skipInit } from './init.ts';
import { Dropout, LayerNorm, Linear } from './layers.ts';
import { Module } from './module.ts';

/** Options of `TransformerEncoderLayer`. */
export interface TransformerEncoderLayerOptions {
  /** Size between the two linear layers. Default: 2048. */
  dimFeedforward?: number;
  /** Default: 0.1. */
  dropout?: number;
  /** Between the two linear layers. Default: relu. */
  activation?: Exclude<Activation, 'none'>;
  /** Default: 1e-5. */
  layerNormEps?: number;
  /** Whether inputs and outputs are [batch, length, …], not [length, batch, …]. Default: false. */
  batchFirst?: boolean;
  /** Whether each half normalises its input, not its result. Default: false. */
  normFirst?: boolean;
}

/** Names of the options of both kinds of layers. */
export const layerOptions =
  'dimFeedforward dropout activation layerNormEps batchFirst normFirst'.split(' ');

/** Masks of the encoder: of pairs, and of padding. */
export interface TransformerMasks {
  /** Pairs to leave out, as `attnMask` of `MultiheadAttention`. */
  mask?: Tensor | null;
  /** Keys to leave out, [batch, length], as `keyPaddingMask` of `MultiheadAttention`. */
  srcKeyPaddingMask?: Tensor | null;
  /** Whether row r sees only rows 0 to r. Default: false. */
  isCausal?: boolean;
}

/**
 * Self-attention and a feed-forward network, each with dropout, residual and layer normalisation
 * (Vaswani et al. 2017, arXiv 1706.03762, §3.1), PyTorch's `nn.TransformerEncoderLayer`.
 * @example
 * const layer = new nn.TransformerEncoderLayer(16, 2, { batchFirst: true });
 * layer.forward(randn([2, 5, 16])).shape; // [2, 5, 16]
 */
export class TransformerEncoderLayer extends Module {
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly activation: Activation;
  readonly normFirst: boolean;
  readonly #arguments: [dModel: number, nhead: number, options: TransformerEncoderLayerOptions];

  constructor(dModel: number, nhead: number, options: TransformerEncoderLayerOptions = {}) {
    super();
    checkOptions('TransformerEncoderLayer', options, layerOptions);
    const { dimFeedforward = 2048, dropout = 0.1, activation = 'relu' } = options;
    const { layerNormEps = 1e-5, batchFirst = false, normFirst = false } = options;
    this.#arguments = [dModel, nhead, options];
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward);
    this.linear2 = new Linear(dimFeedforward, dModel);
    this.norm1 = new LayerNorm(dModel, layerNormEps);
    this.norm2 = new LayerNorm(dModel, layerNormEps);
    this.dropout = new Dropout(dropout);
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.activation = activation;
    this.normFirst = normFirst;
  }

  /**
   * src: [length, batch, dModel], or with the batch first → the same shape.
   * @throws ArgumentError if shapes do not fit, or for an unknown mask.
   */
  forward(src: Tensor, masks: TransformerMasks = {}): Tensor {
    const known = ['mask', 'srcKeyPaddingMask', 'isCausal'];
    checkOptions(`${this.constructor.name}.forward`, masks, known);
    const attend = (x: Tensor) => this.dropout1.forward(this.#attend(x, masks));
    const feedForward = (x: Tensor) => this.dropout2.forward(this.#feedForward(x));
    if (this.normFirst) {
      const x = src.add(attend(this.norm1.forward(src)));
      return x.add(feedForward(this.norm2.forward(x)));
    }
    const x = this.norm1.forward(src.add(attend(src)));
    return this.norm2.forward(x.add(feedForward(x)));
  }

  /** A layer of its own with equal weights. */
  clone(): TransformerEncoderLayer {
    return likeLayer(
      this,
      skipInit(() => new TransformerEncoderLayer(...this.#arguments)),
    );
  }

  #attend(x: Tensor, { mask, srcKeyPaddingMask, isCausal }: TransformerMasks): Tensor {
    const [result] = this.selfAttn.forward(x, x, x, {
      attnMask: mask,
      keyPaddingMask: srcKeyPaddingMask,
      isCausal,
      needWeights: false,
    });
    return result;
  }

  #feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropout.forward(this.linear1.forward(x, this.activation)));
  }
}

/**
 * Gives a fresh layer the weights and modes of another.
 * @throws StateError for a layer of a derived class without a `clone` of its own.
 */
export function likeLayer<L extends Module>(layer: L, fresh: L): L {
  const { name } = layer.constructor;
  if (layer.constructor !== fresh.constructor)
    throw new StateError(
      `${name}: expected a \`clone\` of its own, which makes another ${name}: that of ` +
        `${fresh.constructor.name} would lose what ${name} does`,
    );
  fresh.loadStateDict(layer.stateDict());
  const modules = [...layer.modules()];
  for (const [i, module] of [...fresh.modules()].entries()) module.training = modules[i].training;
  const parameters = layer.parameters();
  for (const [i, parameter] of fresh.parameters().entries())
    parameter.requiresGrad_(parameters[i].requiresGrad);
  return fresh;
}

/** Layers on top of each other, which begin as copies of one. */
export abstract class LayerStack<L extends Module & { clone(): L }> extends Module {
  readonly layers: readonly L[];
  readonly norm: LayerNorm | null;

  /** `norm` is applied to the last layer's result. */
  constructor(layer: L, numLayers: number, norm: LayerNorm | null = null) {
    super();
    if (!Number.isInteger(numLayers) || numLayers < 1)
      throw new ArgumentError(
        `${this.constructor.name}: \`numLayers\`: expected a whole number ≥ 1, got ${numLayers}`,
      );
    this.layers = Array.from({ length: numLayers }, () => layer.clone());
    this.norm = norm;
  }

  /** Runs all layers, each by `through`. */
  protected run(x: Tensor, through: (layer: L, hidden: Tensor) => Tensor): Tensor {
    const last = this.layers.reduce((hidden, layer) => through(layer, hidden), x);
    return this.norm ? this.norm.forward(last) : last;
  }
}

/**
 * Layers on top of each other, PyTorch's `nn.TransformerEncoder`. They begin as copies of the given
 * one, with equal weights.
 * @example
 * const layer = new TransformerEncoderLayer(64, 4, { batchFirst: true });
 * const encoder = new TransformerEncoder(layer, 2);
 * encoder.forward(x, { srcKeyPaddingMask }); // [batch, length, 64]
 */
export class TransformerEncoder extends LayerStack<TransformerEncoderLayer> {
  /** src: as the layers have it → the same shape. */
  forward(src: Tensor, masks: TransformerMasks = {}): Tensor {
    return this.run(src, (layer, hidden) => layer.forward(hidden, masks));
  }
}
