import { Dropout, LayerNorm, Linear, Module } from '../../nn/index.ts';
import { guardValue } from '../../tensor/captureGuard.ts';
import {
  type Activation,
  checkpoint,
  dropoutAddLayerNorm,
  isGradEnabled,
  maskedSoftmax,
  matmul,
  scaledDotProductAttention,
  scope,
  type Tensor,
} from '../../tensor/index.ts';
import { isScoped } from '../../tensor/scope.ts';
import type { BertConfig, HiddenAct } from '../config.ts';

export const activations: Record<HiddenAct, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
  tanh: 'tanh',
};

/**
 * Scaled dot-product attention over several heads (Vaswani et al. 2017, arXiv 1706.03762, §3.2).
 */
class BertSelfAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly dropout: Dropout;
  readonly heads: number;
  readonly isCausal: boolean;

  constructor({
    hiddenSize,
    numAttentionHeads,
    attentionProbsDropoutProb,
    isDecoder = false,
  }: BertConfig) {
    super();
    this.query = new Linear(hiddenSize, hiddenSize);
    this.key = new Linear(hiddenSize, hiddenSize);
    this.value = new Linear(hiddenSize, hiddenSize);
    this.dropout = new Dropout(attentionProbsDropoutProb);
    this.heads = numAttentionHeads;
    this.isCausal = isDecoder;
  }

  /**
   * x: [batch, length, hidden], mask: [batch or 1, 1, 1, length], added to the scores → context:
   * shape of x. With `outputAttentions`, probs: [batch, heads, length, length]; otherwise they are
   * not stored.
   */
  forward(x: Tensor, mask: Tensor, outputAttentions: boolean): { context: Tensor; probs?: Tensor } {
    const [batch, length, hidden] = x.shape;
    const size = hidden / this.heads;
    const split = (t: Tensor) => t.reshape([batch, length, this.heads, size]).permute([0, 2, 1, 3]);
    const join = (t: Tensor) => t.permute([0, 2, 1, 3]).reshape([batch, length, hidden]);
    const query = split(this.query.forward(x));
    const key = split(this.key.forward(x));
    const value = split(this.value.forward(x));
    if (!outputAttentions) {
      const options = {
        attnMask: mask,
        isCausal: this.isCausal,
        dropoutP: this.training ? this.dropout.p : 0,
      };
      return { context: join(scaledDotProductAttention(query, key, value, options)) };
    }
    const probs = maskedSoftmax(
      matmul(query, key.transpose(-1, -2)),
      mask,
      1 / Math.sqrt(size),
      this.isCausal,
    );
    return { context: join(matmul(this.dropout.forward(probs), value)), probs };
  }
}

/** End of each half of a layer: dense layer, dropout, residual, layer normalisation (post-norm). */
class BertOutput extends Module {
  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(inFeatures: number, config: BertConfig) {
    super();
    this.dense = new Linear(inFeatures, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.layerNormEps);
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    const { weight, bias, eps } = this.LayerNorm;
    const { p, training } = this.dropout;
    return dropoutAddLayerNorm(this.dense.forward(x), residual, weight, bias, {
      p,
      training,
      eps,
    });
  }
}

class BertAttention extends Module {
  readonly self: BertSelfAttention;
  readonly output: BertOutput;

  constructor(config: BertConfig) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertOutput(config.hiddenSize, config);
  }
}

class BertIntermediate extends Module {
  readonly dense: Linear;
  readonly activation: Activation;

  constructor(config: BertConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.intermediateSize);
    this.activation = activations[config.hiddenAct];
  }

  forward(x: Tensor): Tensor {
    return this.dense.forward(x, this.activation);
  }
}

/** Attention, then a feed-forward network on each position. */
class BertLayer extends Module {
  readonly attention: BertAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertOutput;

  constructor(config: BertConfig) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertOutput(config.intermediateSize, config);
  }

  forward(x: Tensor, mask: Tensor, outputAttentions: boolean): { hidden: Tensor; probs?: Tensor } {
    const { context, probs } = this.attention.self.forward(x, mask, outputAttentions);
    const attended = this.attention.output.forward(context, x);
    return { hidden: this.output.forward(this.intermediate.forward(attended), attended), probs };
  }
}

export interface EncoderOutput {
  lastHiddenState: Tensor;
  /** The embeddings, then each layer's output. */
  hiddenStates: Tensor[];
  /** Attention probabilities of each layer before dropout, [batch, heads, length, length]. */
  attentions?: Tensor[];
}

export class BertEncoder extends Module {
  readonly layer: BertLayer[];
  /** Whether backward runs layers again instead of keeping what they computed. */
  gradientCheckpointing = false;

  constructor(config: BertConfig) {
    super();
    this.layer = Array.from({ length: config.numHiddenLayers }, () => new BertLayer(config));
  }

  /** x: [batch, length, hidden], mask: [batch or 1, 1, 1, length], added to the scores. */
  forward(x: Tensor, mask: Tensor, outputAttentions = false): EncoderOutput {
    const hiddenStates = [x];
    const attentions: Tensor[] = [];
    guardValue(this.layer, () => this.gradientCheckpointing);
    const checkpoints = this.gradientCheckpointing && this.training;
    // What lies between goes at once where it would go soon: memory is that of one layer.
    const isShortLived = !isGradEnabled() && isScoped();
    for (const layer of this.layer) {
      const run = (h: Tensor) => layer.forward(h, mask, outputAttentions);
      const before = hiddenStates.at(-1)!;
      const once = () => (isShortLived ? scope(() => run(before)) : run(before));
      const { hidden, probs } = checkpoints ? checkpoint(run, before) : once();
      hiddenStates.push(hidden);
      if (probs) attentions.push(probs);
    }
    return {
      lastHiddenState: hiddenStates.at(-1)!,
      hiddenStates,
      ...(outputAttentions && { attentions }),
    };
  }
}

/**
 * The first position through a dense layer and tanh. x: [batch, length, hidden] → [batch, hidden].
 */
export class BertPooler extends Module {
  readonly dense: Linear;

  constructor({ hiddenSize }: BertConfig, inFeatures = hiddenSize) {
    super();
    this.dense = new Linear(inFeatures, hiddenSize);
  }

  forward(x: Tensor): Tensor {
    // Not fused: for so few rows another kernel would take longer to compile than it saves.
    return this.dense.forward(x.select(1, 0)).tanh();
  }
}
