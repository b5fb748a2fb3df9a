import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertBackbone } from '../model.ts';
import { classificationLoss, type LossInputs } from '../modelInputs.ts';
import { BertClassifier } from './classifier.ts';

/** Inputs of `BertForTokenClassification`. */
export interface TokenClassifierInputs extends LossInputs {
  /** Class number of each token, [batch, length]; -100: ignored. */
  labels?: Tensor | NestedArray;
}

/** Outputs of `BertForTokenClassification`. */
export interface TokenClassifierOutput extends EncoderOutput {
  /** Mean over the labelled tokens, NaN without any; undefined without labels. */
  loss?: Tensor;
  /** [batch, length, labels] */
  logits: Tensor;
}

/**
 * BERT with a classifier on every token, e.g. for named entities (Devlin et al. 2019, §5.3).
 * @example
 * const model = await BertForTokenClassification.fromPretrained('path/to/folder', {
 *   labels: ['O', 'B-PER', 'I-PER'],
 * });
 * const { logits } = model.forward({ inputIds: [[2, 9, 3]] }); // [1, 3, 3]
 */
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
          : classificationLoss(logits, inputs.labels, 'labels', inputs),
    };
  }
}
