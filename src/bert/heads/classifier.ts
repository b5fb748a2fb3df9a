import { Dropout, Linear } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import { BertPreTrainedModel } from '../pretrainedModel.ts';

/** What heads that classify share: dropout, then a dense layer. */
export abstract class BertClassifier<
  Encoder extends BertPreTrainedModel,
> extends BertPreTrainedModel {
  readonly bert: Encoder;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  constructor(config: BertConfig, bert: Encoder, outputs: number) {
    super(config);
    this.bert = bert;
    this.dropout = new Dropout(config.classifierDropout ?? config.hiddenDropoutProb);
    this.classifier = new Linear(config.hiddenSize, outputs);
  }

  /** [..., hidden] → [..., outputs] */
  protected classify(x: Tensor): Tensor {
    return this.classifier.forward(this.dropout.forward(x));
  }
}
