import { IGNORE_INDEX, type NestedArray, pad, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import { BertForMaskedLM, type MaskedLMOutput } from '../heads/maskedLM.ts';
import { pool } from '../heads/pooling.ts';
import { SequenceClassifier } from '../heads/sequenceClassification.ts';
import { BertPooler } from '../layers/encoder.ts';
import { BertBackbone, type BertModelOutput } from '../model.ts';
import type { BertInputs } from '../modelInputs.ts';

/** Inputs of `BertLMHeadModel`. */
export interface CausalLMInputs extends BertInputs {
  /** The text's own tokens, [batch, length]; -100 for tokens to ignore, such as padding. */
  labels?: Tensor | NestedArray;
}

/** Outputs of `BertLMHeadModel`. */
export type CausalLMOutput = MaskedLMOutput;

/**
 * BERT with causal attention that predicts the next token at each position: a language model like
 * GPT (Radford et al. 2018, §3.1). Hugging Face's class has the same name. `config.isDecoder` is
 * true. The loss is the mean over all tokens except the first of each text. Padding in front of a
 * text attends to earlier padding only; in Hugging Face's eager attention it attends to everything.
 * @example
 * const config = bertConfig({ ...bertTiny, vocabSize: 500, isDecoder: true });
 * const model = BertLMHeadModel.fromConfig(config);
 * const { loss } = model.forward({ inputIds: [[2, 9, 3]], labels: [[2, 9, 3]] });
 */
export class BertLMHeadModel extends BertForMaskedLM {
  static override readonly architecture: string = 'BertLMHeadModel';
  static override readonly isDecoder = true;

  /** @throws ArgumentError for labels of another shape or outside the vocabulary. */
  override forward({ labels, ...inputs }: CausalLMInputs): CausalLMOutput {
    return super.forward({
      ...inputs,
      labels: labels === undefined ? undefined : shiftLabels(labels),
    });
  }
}

/**
 * Shifts labels to the position that predicts them; the last position gets -100. [batch, length]
 */
export function shiftLabels(labels: Tensor | NestedArray): Tensor | NestedArray {
  if (labels instanceof Tensor) return pad(labels.slice([null, [1, null]]), [0, 1], IGNORE_INDEX);
  return (labels as readonly number[][]).map((row) => [...Array.from(row).slice(1), IGNORE_INDEX]);
}

/**
 * Classifies by the last token that is not padding, the only one that has seen the whole text.
 * @example
 * const model = await BertLMForSequenceClassification.fromPretrained('path/to/folder', {
 *   labels: ['bad', 'good'],
 * });
 */
export class BertLMForSequenceClassification extends SequenceClassifier<BertBackbone> {
  static override readonly architecture: string = 'BertLMForSequenceClassification';
  static override readonly isDecoder = true;
  readonly pooler: BertPooler;

  constructor(config: BertConfig) {
    super(config, new BertBackbone(config));
    this.pooler = new BertPooler(config);
  }

  protected encode(inputs: BertInputs): BertModelOutput {
    const output = this.bert.forward(inputs);
    return {
      ...output,
      poolerOutput: this.pooler.forward(pool(output.lastHiddenState, inputs.attentionMask, 'last')),
    };
  }
}
