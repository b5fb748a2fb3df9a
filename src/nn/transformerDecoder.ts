import { checkOptions } from '../platform/options.ts';
import { type Activation, full, type Tensor, triu } from '../tensor/index.ts';
import { MultiheadAttention } from './attention.ts';
import { skipInit } from './init.ts';
import { xavierUniform_ } from './initRules.ts';
import { Dropout, LayerNorm, Linear } from './layers.ts';
import { Module } from './module.ts';
import {
  LayerStack,
  layerOptions,
  likeLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerEncoderLayerOptions,
} from './transformer.ts';

/** Masks of the decoder; see `TransformerMasks`. */
export interface DecoderMasks {
  /** Pairs of targets to leave out. */
  tgtMask?: Tensor | null;
  /** Pairs of a target and a source to leave out. */
  memoryMask?: Tensor | null;
  /** Targets to leave out, [batch, length]. */
  tgtKeyPaddingMask?: Tensor | null;
  /** Sources to leave out, [batch, length]. */
  memoryKeyPaddingMask?: Tensor | null;
  /** Whether target r sees only targets 0 to r. Default: false. */
  tgtIsCausal?: boolean;
}

const decoderMasks = 'tgtMask memoryMask tgtKeyPaddingMask memoryKeyPaddingMask tgtIsCausal'.split(
  ' ',
);

/**
 * Self-attention, attention over the encoder's results and a feed-forward network, each with
 * dropout, residual and layer normalisation (Vaswani et al. 2017, arXiv 1706.03762, §3.1),
 * PyTorch's `nn.TransformerDecoderLayer`.
 * @example
 * const layer = new nn.TransformerDecoderLayer(16, 2, { batchFirst: true });
 * layer.forward(randn([2, 5, 16]), randn([2, 7, 16])).shape; // [2, 5, 16]
 */
export class TransformerDecoderLayer extends Module {
  readonly selfAttn: MultiheadAttention;
  readonly multiheadAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout: Dropout;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;
  readonly activation: Activation;
  readonly normFirst: boolean;
  readonly #arguments: [dModel: number, nhead: number, options: TransformerEncoderLayerOptions];

  constructor(dModel: number, nhead: number, options: TransformerEncoderLayerOptions = {}) {
    super();
    checkOptions('TransformerDecoderLayer', options, layerOptions);
    const { dimFeedforward = 2048, dropout = 0.1, activation = 'relu' } = options;
    const { layerNormEps = 1e-5, batchFirst = false, normFirst = false } = options;
    this.#arguments = [dModel, nhead, options];
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward);
    this.linear2 = new Linear(dimFeedforward, dModel);
    this.norm1 = new LayerNorm(dModel, layerNormEps);
    this.norm2 = new LayerNorm(dModel, layerNormEps);
    this.norm3 = new LayerNorm(dModel, layerNormEps);
    this.dropout = new Dropout(dropout);
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
    this.activation = activation;
    this.normFirst = normFirst;
  }

  /**
   * tgt: [length, batch, dModel], memory: [sources, batch, dModel], or with the batch first → the
   * shape of tgt.
   * @throws ArgumentError if shapes do not fit, or for an unknown mask.
   */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    checkOptions(`${this.constructor.name}.forward`, masks, decoderMasks);
    const parts: [LayerNorm, (x: Tensor) => Tensor][] = [
      [this.norm1, (x) => this.dropout1.forward(this.#attendSelf(x, masks))],
      [this.norm2, (x) => this.dropout2.forward(this.#attendMemory(x, memory, masks))],
      [this.norm3, (x) => this.dropout3.forward(this.#feedForward(x))],
    ];
    return parts.reduce(
      (x, [norm, part]) =>
        this.normFirst ? x.add(part(norm.forward(x))) : norm.forward(x.add(part(x))),
      tgt,
    );
  }

  /** A layer of its own with equal weights. */
  clone(): TransformerDecoderLayer {
    return likeLayer(
      this,
      skipInit(() => new TransformerDecoderLayer(...this.#arguments)),
    );
  }

  #attendSelf(x: Tensor, masks: DecoderMasks): Tensor {
    const { tgtMask: attnMask, tgtKeyPaddingMask: keyPaddingMask, tgtIsCausal: isCausal } = masks;
    const settings = { attnMask, keyPaddingMask, isCausal, needWeights: false };
    return this.selfAttn.forward(x, x, x, settings)[0];
  }

  #attendMemory(x: Tensor, memory: Tensor, masks: DecoderMasks): Tensor {
    const { memoryMask: attnMask, memoryKeyPaddingMask: keyPaddingMask } = masks;
    const settings = { attnMask, keyPaddingMask, needWeights: false };
    return this.multiheadAttn.forward(x, memory, memory, settings)[0];
  }

  #feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropout.forward(this.linear1.forward(x, this.activation)));
  }
}

/**
 * Layers on top of each other, PyTorch's `nn.TransformerDecoder`. They begin as copies of the given
 * one, with equal weights.
 * @example
 * const layer = new nn.TransformerDecoderLayer(16, 2, { batchFirst: true });
 * const decoder = new nn.TransformerDecoder(layer, 2);
 * decoder.forward(randn([2, 5, 16]), randn([2, 7, 16]), { tgtIsCausal: true }).shape; // [2, 5, 16]
 */
export class TransformerDecoder extends LayerStack<TransformerDecoderLayer> {
  /** tgt, memory: as the layers have them → the shape of tgt. */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    return this.run(tgt, (layer, hidden) => layer.forward(hidden, memory, masks));
  }
}

/** Options of `Transformer`. */
export interface TransformerOptions extends TransformerEncoderLayerOptions {
  /** Default: 512. */
  dModel?: number;
  /** Default: 8. */
  nhead?: number;
  /** Default: 6. */
  numEncoderLayers?: number;
  /** Default: 6. */
  numDecoderLayers?: number;
}

/**
 * Encoder and decoder (Vaswani et al. 2017, arXiv 1706.03762), PyTorch's `nn.Transformer`.
 * Matrices start by Xavier's rule.
 * @example
 * const options = { numEncoderLayers: 1, numDecoderLayers: 1, batchFirst: true };
 * const model = new nn.Transformer({ dModel: 16, nhead: 2, dimFeedforward: 32, ...options });
 * model.forward(randn(2, 7, 16), randn(2, 5, 16), { tgtIsCausal: true }).shape; // [2, 5, 16]
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  constructor(options: TransformerOptions = {}) {
    super();
    const own = ['dModel', 'nhead', 'numEncoderLayers', 'numDecoderLayers'];
    checkOptions('Transformer', options, [...own, ...layerOptions]);
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6 } = options;
    const ofLayers = Object.fromEntries(
      Object.entries(options).filter(([name]) => layerOptions.includes(name)),
    );
    const norm = () => new LayerNorm(dModel, options.layerNormEps);
    const encoderLayer = new TransformerEncoderLayer(dModel, nhead, ofLayers);
    const decoderLayer = new TransformerDecoderLayer(dModel, nhead, ofLayers);
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, norm());
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, norm());
    for (const weight of this.parameters()) if (weight.ndim > 1) xavierUniform_(weight);
  }

  /**
   * src: [sources, batch, dModel], tgt: [length, batch, dModel], or with the batch first → the
   * shape of tgt.
   * @throws ArgumentError if shapes do not fit.
   */
  forward(
    src: Tensor,
    tgt: Tensor,
    masks: DecoderMasks & { srcMask?: Tensor | null; srcKeyPaddingMask?: Tensor | null } = {},
  ): Tensor {
    checkOptions('Transformer.forward', masks, [...decoderMasks, 'srcMask', 'srcKeyPaddingMask']);
    const { srcMask: mask, srcKeyPaddingMask, ...others } = masks;
    const memory = this.encoder.forward(src, { mask, srcKeyPaddingMask });
    return this.decoder.forward(tgt, memory, others);
  }

  /**
   * A mask [size, size] with which row r sees only rows 0 to r: -Infinity above the diagonal.
   * @example
   * nn.Transformer.generateSquareSubsequentMask(2); // [[0, -Infinity], [0, 0]]
   */
  static generateSquareSubsequentMask(size: number): Tensor {
    return triu(full([size, size], Number.NEGATIVE_INFINITY), 1);
  }
}
