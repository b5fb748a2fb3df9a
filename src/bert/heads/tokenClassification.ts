import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertBackbone } from '../model.ts';
import { type BertInputs, classificationLoss } from '../modelInputs.ts';
import { BertClassifier } from './classifier.ts';

export interface TokenClassifierInputs extends BertInputs {
  /** Class number of each token, [batch, length]; -100: ignored. */
  labels?: Tensor | NestedArray;
}

export interface TokenClassifierOutput extends EncoderOutput {
  /** Mean over the labelled tokens, NaN if there are none; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, length, labels] */
  logits: Tensor;
}

/** BERT with a classifier on every token, for named entities and the like (Devlin et al. 2019, §5.3). */
export class BertForTokenClassification extends BertClassifier<BertBackbone> {
  static override readonly architecture: string = 'BertForTokenClassification';
  constructor(config: BertConfig) {
    super(config, new BertBackbone(config), config.numLabels);
  }

  forward(inputs: TokenClassifierInputs): TokenClassifierOutput {
    const output = this.bert.forward(inputs);
    const logits = this.classify(output.lastHiddenState);
    return {
      ...output,
      logits,
      loss:
        inputs.labels === undefined
          ? undefined
          : classificationLoss(logits, inputs.labels, 'labels'),
    };
  }
}
