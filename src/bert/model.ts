import { FLOAT32_MAX } from '../kernels/kit/float32.ts';
import { noGrad, type Tensor, zeros } from '../tensor/index.ts';
import type { BertConfig } from './config.ts';
import { BertEmbeddings } from './layers/embeddings.ts';
import { BertEncoder, BertPooler, type EncoderOutput } from './layers/encoder.ts';
import { type BertInputs, toIdTensors } from './modelInputs.ts';
import { BertPreTrainedModel, type FreezableParts } from './pretrainedModel.ts';

/**
 * The embeddings and the encoder without a pooler (Hugging Face's `add_pooling_layer=False`): what
 * heads for tokens stand on.
 * @example
 * const backbone = await BertBackbone.fromPretrained('path/to/folder');
 * // embeddings, then each layer
 * const { hiddenStates } = backbone.forward({ inputIds: [[2, 9, 3]] });
 */
export class BertBackbone extends BertPreTrainedModel {
  static override readonly architecture: string = 'BertBackbone';
  static override readonly isDecoder: boolean | undefined = undefined;
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;

  constructor(config: BertConfig) {
    super(config);
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
  }

  /** Size of each hidden state. */
  get stateSize(): number {
    return this.config.hiddenSize;
  }

  /** Number of `hiddenStates`: the embeddings and each layer. */
  get numHiddenStates(): number {
    return this.config.numHiddenLayers + 1;
  }

  override get freezableParts(): FreezableParts {
    return { embeddings: this.embeddings, encoders: [this.encoder.layer] };
  }

  /**
   * Ids of [batch, length] → lastHiddenState: [batch, length, hidden].
   * @throws ArgumentError for shapes that do not fit.
   */
  forward(inputs: BertInputs): EncoderOutput {
    const { embedded, mask } = this.embed(inputs);
    return this.encoder.forward(embedded, mask, inputs.outputAttentions);
  }

  /**
   * What encoders take: the embeddings, [batch, length, hidden], and the mask that is added to
   * attention scores, [batch or 1, 1, 1, length].
   */
  protected embed(inputs: BertInputs): { embedded: Tensor; mask: Tensor } {
    const { device } = this.embeddings.wordEmbeddings.weight;
    const ids = toIdTensors('BertModel', inputs, ['batch', 'length'], device);
    const [batch, length] = ids.inputIds.shape;
    const mask = ids.attentionMask;
    // 0 where attended to, the lowest float32 elsewhere.
    const additiveMask = noGrad(() =>
      mask
        ? mask.toFloat().mul(FLOAT32_MAX).add(-FLOAT32_MAX).reshape([batch, 1, 1, length])
        : zeros([1, 1, 1, length], { device }),
    );
    const embedded = this.embeddings.forward(ids.inputIds, ids.tokenTypeIds, ids.positionIds);
    return { embedded, mask: additiveMask };
  }
}

/** Outputs of `BertModel`. */
export interface BertModelOutput extends EncoderOutput {
  /** [batch, hidden] */
  poolerOutput: Tensor;
}

/**
 * The embeddings, the encoder and the pooler.
 * @example
 * const model = await BertModel.fromPretrained('path/to/folder');
 * const { lastHiddenState, poolerOutput } = model.eval().forward({ inputIds: [[2, 9, 3]] });
 */
export class BertModel extends BertBackbone {
  static override readonly architecture: string = 'BertModel';
  static override readonly isDecoder = false;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config);
    this.pooler = new BertPooler(config);
  }

  /** As `BertBackbone`, and poolerOutput: [batch, hidden]. */
  override forward(inputs: BertInputs): BertModelOutput {
    const output = super.forward(inputs);
    return { ...output, poolerOutput: this.pooler.forward(output.lastHiddenState) };
  }
}
