import { cat, type NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import { BertOnlyMLMHead } from '../heads/maskedLM.ts';
import { pool } from '../heads/pooling.ts';
import { SequenceClassifier } from '../heads/sequenceClassification.ts';
import { BertEncoder, BertPooler, type EncoderOutput } from '../layers/encoder.ts';
import { BertBackbone, type BertModelOutput } from '../model.ts';
import type { BertInputs } from '../modelInputs.ts';
import { BertPreTrainedModel, type FreezableParts } from '../pretrainedModel.ts';
import { type CausalLMInputs, shiftLabels } from './causal.ts';

/**
 * Two encoders that share the embeddings: one attends to earlier tokens only, the other to later
 * ones only. No single network sees both sides of a token, as in ELMo (Peters et al. 2018,
 * arXiv 1802.05365, §3.1).
 * @example
 * const backbone = await BertBiBackbone.fromPretrained('path/to/folder');
 * // both directions joined
 * const { lastHiddenState } = backbone.forward({ inputIds: [[2, 9, 3]] });
 */
export class BertBiBackbone extends BertBackbone {
  static override readonly architecture: string = 'BertBiBackbone';
  static override readonly isDecoder = true;
  readonly backwardEncoder: BertEncoder;

  constructor(config: BertConfig) {
    super(config);
    this.backwardEncoder = new BertEncoder(config);
  }

  override get stateSize(): number {
    return 2 * this.config.hiddenSize;
  }

  override get freezableParts(): FreezableParts {
    return {
      embeddings: this.embeddings,
      encoders: [this.encoder.layer, this.backwardEncoder.layer],
    };
  }

  /**
   * Concatenates the states of both encoders, the forward one's first: [batch, length, 2 hidden].
   * @throws ArgumentError for shapes that do not fit.
   */
  override forward(inputs: BertInputs): EncoderOutput {
    const { forward, backward } = this.directions(inputs);
    const hiddenStates = forward.hiddenStates.map((state, i) =>
      cat([state, backward.hiddenStates[i].flip([1])], -1),
    );
    const attentions = forward.attentions?.map((probs, i) =>
      cat([probs, backward.attentions![i].flip([2, 3])], 1),
    );
    return {
      lastHiddenState: hiddenStates.at(-1)!,
      hiddenStates,
      ...(attentions && { attentions }),
    };
  }

  /** `backward` is in reading order of its encoder: position 0 is the last token. */
  directions(inputs: BertInputs): { forward: EncoderOutput; backward: EncoderOutput } {
    const { embedded, mask } = this.embed(inputs);
    return {
      forward: this.encoder.forward(embedded, mask, inputs.outputAttentions),
      backward: this.backwardEncoder.forward(
        embedded.flip([1]),
        mask.flip([3]),
        inputs.outputAttentions,
      ),
    };
  }
}

/** Outputs of `BertBiLMHeadModel`. */
export interface BiLMOutput {
  /** Mean of the two directions' losses; undefined when no labels are given. */
  loss?: Tensor;
  /**
   * Logits of the next token at each position, [batch, length, vocabulary]; computed on first use.
   */
  readonly logits: Tensor;
  /**
   * Logits of the token before each position, [batch, length, vocabulary]; computed on first use.
   */
  readonly backwardLogits: Tensor;
}

/**
 * A forward and a backward language model trained together, as in ELMo (Peters et al. 2018, §3.1).
 * They share the embeddings and the prediction head; each direction has its own encoder. The loss
 * is the mean of both losses, not ELMo's sum, so that it compares with the loss of one direction.
 * @example
 * const model = BertBiLMHeadModel.fromConfig(bertConfig({ ...bertTiny, vocabSize: 500 }));
 * const { loss } = model.forward({ inputIds: [[2, 9, 3]], labels: [[2, 9, 3]] });
 */
export class BertBiLMHeadModel extends BertPreTrainedModel {
  static override readonly architecture: string = 'BertBiLMHeadModel';
  static override readonly isDecoder = true;
  readonly bert: BertBiBackbone;
  readonly cls: BertOnlyMLMHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertBiBackbone(config);
    this.cls = new BertOnlyMLMHead(config, this.bert);
  }

  /** @throws ArgumentError for labels of another shape or outside the vocabulary. */
  forward(inputs: CausalLMInputs): BiLMOutput {
    const { forward, backward } = this.bert.directions(inputs);
    const { labels } = inputs;
    const directionLabels =
      labels === undefined
        ? [undefined, undefined]
        : [shiftLabels(labels), shiftLabels(reverseLabels(labels))];
    const [forwardPrediction, backwardPrediction] = [forward, backward].map(
      ({ lastHiddenState }, i) =>
        this.cls.predictions.forward(lastHiddenState, { labels: directionLabels[i] }),
    );
    return {
      loss: forwardPrediction.loss?.add(backwardPrediction.loss!).div(2),
      get logits() {
        return forwardPrediction.logits;
      },
      get backwardLogits() {
        return backwardPrediction.logits.flip([1]);
      },
    };
  }
}

const reverseLabels = (labels: Tensor | NestedArray): Tensor | NestedArray =>
  labels instanceof Tensor
    ? labels.flip([1])
    : (labels as readonly number[][]).map((row) => Array.from(row).reverse());

/**
 * Classifies by the two states that have seen the whole text: the last of the forward encoder and
 * the first of the backward one.
 * @example
 * const model = await BertBiLMForSequenceClassification.fromPretrained('path/to/folder', {
 *   labels: ['bad', 'good'],
 * });
 */
export class BertBiLMForSequenceClassification extends SequenceClassifier<BertBiBackbone> {
  static override readonly architecture: string = 'BertBiLMForSequenceClassification';
  static override readonly isDecoder = true;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config, new BertBiBackbone(config));
    this.pooler = new BertPooler(config, 2 * config.hiddenSize);
  }

  protected encode(inputs: BertInputs): BertModelOutput {
    const output = this.bert.forward(inputs);
    const [forwardStates, backwardStates] = output.lastHiddenState.chunk(2, -1);
    const ends = cat(
      [
        pool(forwardStates, inputs.attentionMask, 'last'),
        pool(backwardStates, inputs.attentionMask, 'first'),
      ],
      -1,
    );
    return { ...output, poolerOutput: this.pooler.forward(ends) };
  }
}
