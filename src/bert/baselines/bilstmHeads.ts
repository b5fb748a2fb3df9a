import { Embedding, Module, parameter } from '../../nn/index.ts';
import {
  cat,
  IGNORE_INDEX,
  linear,
  linearCrossEntropy,
  ones,
  pad,
  stack,
  type Tensor,
  zeros,
} from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import { pool } from '../heads/pooling.ts';
import { SequenceClassifier } from '../heads/sequenceClassification.ts';
import { BertPooler } from '../layers/encoder.ts';
import type { BertModelOutput } from '../model.ts';
import { type BertInputs, checkLabelShape, toIdTensor } from '../modelInputs.ts';
import type { BiLMOutput } from './bidirectional.ts';
import { BiLstmModel, BiLstmPreTrainedModel } from './bilstm.ts';
import type { CausalLMInputs } from './causal.ts';

/** The softmax layer that both directions share. */
class BiLstmPredictions extends Module {
  readonly bias: Tensor;
  /** One row per token: the word vectors, unless `tieWordEmbeddings` is false. */
  readonly decoder: Embedding;

  constructor({ vocabSize, hiddenSize, tieWordEmbeddings }: BertConfig, words: Embedding) {
    super();
    this.bias = parameter(zeros([vocabSize]));
    this.decoder = tieWordEmbeddings ? words : new Embedding(vocabSize, hiddenSize);
  }
}

class BiLstmHead extends Module {
  readonly predictions: BiLstmPredictions;

  constructor(config: BertConfig, words: Embedding) {
    super();
    this.predictions = new BiLstmPredictions(config, words);
  }
}

/**
 * Two LSTM language models, ELMo's biLM (Peters et al. 2018, §3.1): one predicts the next token,
 * the other the token before. They share word vectors and softmax. The loss is the mean of both
 * losses, not ELMo's sum, so that it compares with the loss of one direction.
 * @example
 * const model = await BiLstmLMHeadModel.fromPretrained('path/to/folder');
 * const { loss } = model.forward({ inputIds: [[2, 9, 3]], labels: [[2, 9, 3]] });
 */
export class BiLstmLMHeadModel extends BiLstmPreTrainedModel {
  static override readonly architecture: string = 'BiLstmLMHeadModel';
  readonly bert: BiLstmModel;
  readonly cls: BiLstmHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BiLstmModel(config);
    this.cls = new BiLstmHead(config, this.bert.embeddings.wordEmbeddings);
  }

  /** @throws ArgumentError for labels of another shape or outside the vocabulary. */
  forward({ labels, ...inputs }: CausalLMInputs): BiLMOutput {
    const { forward, backward } = this.bert.directions(inputs);
    const [ahead, back] = [forward.at(-1)!, backward.at(-1)!];
    const { decoder, bias } = this.cls.predictions;
    return {
      loss: labels === undefined ? undefined : this.#loss(ahead, back, { ...inputs, labels }),
      get logits() {
        return linear(ahead, decoder.weight, bias);
      },
      get backwardLogits() {
        return linear(back, decoder.weight, bias);
      },
    };
  }

  #loss(ahead: Tensor, back: Tensor, inputs: CausalLMInputs): Tensor {
    const [batch, length, size] = ahead.shape;
    const { decoder, bias } = this.cls.predictions;
    const labels = toIdTensor(inputs.labels!, ahead.device, 'labels');
    checkLabelShape(labels.shape, [batch, length], 'labels');
    const rows = labels.reshape([batch, length]);
    // Padding predicts nothing.
    const tokens = (targets: Tensor) => {
      if (inputs.attentionMask === undefined) return targets;
      const mask = toIdTensor(inputs.attentionMask, ahead.device, 'attentionMask');
      return targets.maskedFill(mask.eq(0), IGNORE_INDEX);
    };
    const next = tokens(pad(rows.slice([null, [1, null]]), [0, 1], IGNORE_INDEX));
    const before = tokens(pad(rows.slice([null, [0, length - 1]]), [1, 0], IGNORE_INDEX));
    const lossOf = (states: Tensor, targets: Tensor) =>
      linearCrossEntropy(
        states.reshape([batch * length, size]),
        decoder.weight,
        bias,
        targets.reshape([batch * length]),
      );
    return lossOf(ahead, next).add(lossOf(back, before)).div(2);
  }
}

/**
 * A weighted mean of the layers, times a factor: γ Σ softmax(w)ⱼ hⱼ, with w and γ trained by the
 * task (Peters et al. 2018, §3.2). Starts as the plain mean.
 */
class ScalarMix extends Module {
  readonly weights: Tensor;
  /** γ. Not `gamma`, which old checkpoints call LayerNorm's weight. */
  readonly scale: Tensor;

  constructor(layers: number) {
    super();
    this.weights = parameter(zeros([layers]));
    this.scale = parameter(ones([1]));
  }

  /** layers: each of one shape → that shape. */
  forward(layers: readonly Tensor[]): Tensor {
    const shares = this.weights
      .softmax(-1)
      .reshape([layers.length, ...layers[0].shape.map(() => 1)]);
    return stack(layers).mul(shares).sum(0).mul(this.scale);
  }
}

/**
 * Classifies by ELMo's mix of the layers (§3.2) at the two states that have seen the whole text:
 * the forward one of its last token and the backward one of its first.
 * @example
 * const labels = ['bad', 'good'];
 * const model = await BiLstmForSequenceClassification.fromPretrained('path/to/folder', { labels });
 */
export class BiLstmForSequenceClassification extends SequenceClassifier<BiLstmModel> {
  static override readonly architecture: string = 'BiLstmForSequenceClassification';
  static override readonly isDecoder = true;
  static override checkFolder = BiLstmPreTrainedModel.checkFolder;
  readonly scalarMix: ScalarMix;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config, new BiLstmModel(config));
    this.scalarMix = new ScalarMix(config.numHiddenLayers + 1);
    this.pooler = new BertPooler(config, 2 * config.hiddenSize);
  }

  protected encode(inputs: BertInputs): BertModelOutput {
    const output = this.bert.forward(inputs);
    const ends = output.hiddenStates.map((state) => {
      const [forward, backward] = state.chunk(2, -1);
      const { attentionMask } = inputs;
      return cat(
        [pool(forward, attentionMask, 'last'), pool(backward, attentionMask, 'first')],
        -1,
      );
    });
    return { ...output, poolerOutput: this.pooler.forward(this.scalarMix.forward(ends)) };
  }
}
