import {
  binaryCrossEntropyWithLogits,
  mseLoss,
  type NestedArray,
  Tensor,
  tensor,
} from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertModel, type BertModelOutput } from '../model.ts';
import { type BertInputs, checkLabelShape, classificationLoss } from '../modelInputs.ts';
import type { BertPreTrainedModel } from '../pretrainedModel.ts';
import { BertClassifier } from './classifier.ts';

export interface SequenceClassifierInputs extends BertInputs {
  /** Class numbers [batch]; scores [batch] or [batch, labels] for regression; 0s and 1s [batch, labels] for several labels. */
  labels?: Tensor | NestedArray;
}

export interface SequenceClassifierOutput extends EncoderOutput {
  /** Mean over the batch; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, labels] */
  logits: Tensor;
}

/** What classifies texts by one vector of each. */
export abstract class SequenceClassifier<
  Encoder extends BertPreTrainedModel,
> extends BertClassifier<Encoder> {
  constructor(config: BertConfig, bert: Encoder) {
    super(config, bert, config.numLabels);
  }

  /** Ids of [batch, length] → poolerOutput: [batch, hidden], and the states it is of. */
  protected abstract encode(inputs: BertInputs): BertModelOutput;

  forward(inputs: SequenceClassifierInputs): SequenceClassifierOutput {
    const { poolerOutput, ...rest } = this.encode(inputs);
    const logits = this.classify(poolerOutput);
    return {
      ...rest,
      logits,
      loss: inputs.labels === undefined ? undefined : this.#loss(logits, inputs.labels),
    };
  }

  /** `problemType` decides; where it is not set, one label means regression, class numbers single, others multi-label. */
  #loss(logits: Tensor, given: Tensor | NestedArray): Tensor {
    const { numLabels, problemType } = this.config;
    const known = given instanceof Tensor ? given : tensor(given, { device: logits.device });
    const multi = known.dtype === 'float32' && known.ndim === 2 && known.shape[1] === numLabels;
    const problem =
      problemType ??
      (numLabels === 1
        ? 'regression'
        : multi
          ? 'multi_label_classification'
          : 'single_label_classification');
    if (problem === 'single_label_classification')
      return classificationLoss(logits, given, 'labels');
    const labels = known.toFloat();
    checkLabelShape(labels.shape, logits.shape, 'labels');
    const scores = logits.reshape(labels.shape);
    return problem === 'regression'
      ? mseLoss(scores, labels)
      : binaryCrossEntropyWithLogits(scores, labels);
  }
}

/** BERT with a classifier on the pooled first position (Devlin et al. 2019, §4.1). */
export class BertForSequenceClassification extends SequenceClassifier<BertModel> {
  static override readonly architecture: string = 'BertForSequenceClassification';
  constructor(config: BertConfig) {
    super(config, new BertModel(config));
  }

  protected encode(inputs: BertInputs): BertModelOutput {
    return this.bert.forward(inputs);
  }
}
