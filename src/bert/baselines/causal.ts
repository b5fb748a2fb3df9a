import { IGNORE_INDEX, type NestedArray, pad, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import { BertForMaskedLM, type MaskedLMOutput } from '../heads/maskedLM.ts';
import { pool } from '../heads/pooling.ts';
import { SequenceClassifier } from '../heads/sequenceClassification.ts';
import { BertPooler } from '../layers/encoder.ts';
import { BertBackbone, type BertModelOutput } from '../model.ts';
import type { BertInputs } from '../modelInputs.ts';

export interface CausalLMInputs extends BertInputs {
  /** The text's own tokens, [batch, length]; -100 where one is not to be predicted, as padding. */
  labels?: Tensor | NestedArray;
}

export type CausalLMOutput = MaskedLMOutput;

/**
 * BERT that looks back only and predicts the next token at each position: a language model as GPT's (Radford et al. 2018,
 * §3.1). `config.isDecoder` must be true; Hugging Face has the same under this name. The loss is the mean over the tokens
 * to be predicted, of which the first of a text is none. Padding in front of a text sees what is before it alone; in Hugging
 * Face's eager attention it sees all.
 */
export class BertLMHeadModel extends BertForMaskedLM {
  static override readonly architecture: string = 'BertLMHeadModel';
  static override readonly isDecoder = true;

  /** Throws ArgumentError for labels of another shape, or that are no tokens. */
  override forward({ labels, ...inputs }: CausalLMInputs): CausalLMOutput {
    return super.forward({
      ...inputs,
      labels: labels === undefined ? undefined : shiftLabels(labels),
    });
  }
}

/** What each position is to predict: the label of the next one, and nothing at the last. labels: [batch, length]. */
export function shiftLabels(labels: Tensor | NestedArray): Tensor | NestedArray {
  if (labels instanceof Tensor) return pad(labels.slice([null, [1, null]]), [0, 1], IGNORE_INDEX);
  return (labels as readonly number[][]).map((row) => [...Array.from(row).slice(1), IGNORE_INDEX]);
}

/** A classifier on a language model that looks back only: by the last token attended to, which has seen all others. */
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
