import { Dropout, Linear } from '../nn/index.ts';
import { bceWithLogits, crossEntropy, mseLoss, type Nested, Tensor, tensor } from '../tensor/index.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type BertConfig, labelFields } from './config.ts';
import type { EncoderOutput } from './encoder.ts';
import { type BertInputs, BertModel, BertPreTrainedModel, build, type LoadReport, loadPretrained } from './model.ts';

export interface SequenceClassifierInputs extends BertInputs {
  /** Class numbers [batch]; scores [batch] or [batch, labels] for regression; 0s and 1s [batch, labels] for several labels. */
  labels?: Tensor | Nested;
}

export interface SequenceClassifierOutput extends EncoderOutput {
  /** Mean over the batch; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, labels] */
  logits: Tensor;
}

/** BERT with a classifier on the pooled first position (Devlin et al. 2019, §4.1). */
export class BertForSequenceClassification extends BertPreTrainedModel {
  readonly bert: BertModel;
  readonly dropout: Dropout;
  readonly classifier: Linear;
  /** What the folder it was read from lacked or had too much; empty for a fresh model. */
  loadReport: LoadReport = { missing: [], unexpected: [] };

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.dropout = new Dropout(config.classifierDropout ?? config.hiddenDropoutProb);
    this.classifier = new Linear(config.hiddenSize, config.numLabels);
  }

  /** A fresh model; equal seeds give equal weights. */
  static fromConfig(config: BertConfig, seed = 0): BertForSequenceClassification {
    return build(BertForSequenceClassification, config).initWeights(seed);
  }

  /**
   * Reads a Hugging Face folder. With `labels`, the classifier is for these instead of the folder's own: it is fresh,
   * drawn by `seed`, if their number differs or the folder has none. `loadReport` says which weights were not there.
   */
  static async fromPretrained(
    dir: string,
    { labels, seed }: { labels?: readonly string[]; seed?: number } = {},
  ): Promise<BertForSequenceClassification> {
    const adapt = ({ config, tensors }: Checkpoint): BertConfig => {
      if (!labels) return config;
      if (labels.length !== config.numLabels) for (const name of ['classifier.weight', 'classifier.bias']) tensors.delete(name);
      return { ...config, ...labelFields(labels) };
    };
    return loadPretrained(BertForSequenceClassification, dir, adapt, seed);
  }

  forward(inputs: SequenceClassifierInputs): SequenceClassifierOutput {
    const { poolerOutput, ...rest } = this.bert.forward(inputs);
    const logits = this.classifier.forward(this.dropout.forward(poolerOutput));
    return {
      ...rest,
      logits,
      loss: inputs.labels === undefined ? undefined : this.#loss(logits, inputs.labels),
    };
  }

  /** `problemType` decides; where it is not set, one label means regression, class numbers single, others multi-label. */
  #loss(logits: Tensor, given: Tensor | Nested): Tensor {
    const { numLabels, problemType } = this.config;
    const known = given instanceof Tensor ? given : tensor(given, { device: logits.device });
    const multi = known.dtype === 'float32' && known.ndim === 2;
    const problem =
      problemType ?? (numLabels === 1 ? 'regression' : multi ? 'multi_label_classification' : 'single_label_classification');
    const labels = known.dtype === 'float32' || problem === 'single_label_classification' ? known : known.toFloat();
    if (problem === 'regression') return mseLoss(logits.reshape(labels.shape), labels);
    if (problem === 'multi_label_classification') return bceWithLogits(logits, labels);
    return crossEntropy(logits, given instanceof Tensor ? labels : tensor(given, { dtype: 'int32', device: logits.device }));
  }
}
