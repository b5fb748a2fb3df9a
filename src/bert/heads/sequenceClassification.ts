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
import {
  type BertInputs,
  checkLabelShape,
  classificationLoss,
  type LossInputs,
  reduceLoss,
} from '../modelInputs.ts';
import type { BertPreTrainedModel } from '../pretrainedModel.ts';
import { BertClassifier } from './classifier.ts';

/** Inputs of models that classify or score texts. */
export interface SequenceClassifierInputs extends LossInputs {
  /**
   * Class numbers, [batch]; for regression scores, [batch] or [batch, labels]; for several labels 0
   * or 1, [batch, labels].
   */
  labels?: Tensor | NestedArray;
}

/** Outputs of models that classify or score texts. */
export interface SequenceClassifierOutput extends EncoderOutput {
  /** Mean over the batch; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, labels] */
  logits: Tensor;
}

/**
 * Base of models that classify a text by one vector.
 * @example
 * const isClassifier = model instanceof SequenceClassifier; // a BERT or a baseline
 */
export abstract class SequenceClassifier<
  Encoder extends BertPreTrainedModel,
> extends BertClassifier<Encoder> {
  constructor(config: BertConfig, bert: Encoder) {
    super(config, bert, config.numLabels);
  }

  /** Ids of [batch, length] → poolerOutput: [batch, hidden], with all states. */
  protected abstract encode(inputs: BertInputs): BertModelOutput;

  forward(inputs: SequenceClassifierInputs): SequenceClassifierOutput {
    const { poolerOutput, ...rest } = this.encode(inputs);
    const logits = this.classify(poolerOutput);
    return {
      ...rest,
      logits,
      loss: inputs.labels === undefined ? undefined : this.#loss(logits, inputs.labels, inputs),
    };
  }

  /** Without a `problemType`, one label means regression, float32 rows mean several labels. */
  #loss(logits: Tensor, given: Tensor | NestedArray, inputs: SequenceClassifierInputs): Tensor {
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
      return classificationLoss(logits, given, 'labels', inputs);
    const labels = known.toFloat();
    checkLabelShape(labels.shape, logits.shape, 'labels');
    const scores = logits.reshape(labels.shape);
    const lossOf = problem === 'regression' ? mseLoss : binaryCrossEntropyWithLogits;
    return reduceLoss((reduction) => lossOf(scores, labels, reduction), inputs.numItemsInBatch);
  }
}

/**
 * BERT with a classifier on the pooled first position (Devlin et al. 2019, §4.1).
 * @example
 * const model = await BertForSequenceClassification.fromPretrained('path/to/folder', {
 *   labels: ['bad', 'good'],
 * });
 * const { loss, logits } = model.forward({ inputIds: [[2, 9, 3]], labels: [1] });
 */
export class BertForSequenceClassification extends SequenceClassifier<BertModel> {
  static override readonly architecture: string = 'BertForSequenceClassification';
  constructor(config: BertConfig) {
    super(config, new BertModel(config));
  }

  protected encode(inputs: BertInputs): BertModelOutput {
    return this.bert.forward(inputs);
  }
}
