import { Linear, Module } from '../../nn/index.ts';
import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertModel } from '../model.ts';
import { classificationLoss, type LossInputs } from '../modelInputs.ts';
import { BertPreTrainedModel } from '../pretrainedModel.ts';

class BertOnlyNSPHead extends Module {
  readonly seqRelationship: Linear;

  constructor({ hiddenSize }: BertConfig) {
    super();
    this.seqRelationship = new Linear(hiddenSize, 2);
  }
}

/** Inputs of `BertForNextSentencePrediction`. */
export interface NextSentenceInputs extends LossInputs {
  /** 0: the second text follows the first, 1: it is a random one; [batch]. */
  labels?: Tensor | NestedArray;
}

/** Outputs of `BertForNextSentencePrediction`. */
export interface NextSentenceOutput extends EncoderOutput {
  /** Mean over the batch; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, 2] */
  logits: Tensor;
}

/**
 * BERT that predicts whether one text follows another (Devlin et al. 2019, §3.1, task 2).
 * @example
 * const model = await BertForNextSentencePrediction.fromPretrained('path/to/folder');
 * const { logits } = model.forward({
 *   inputIds: [[2, 9, 3, 7, 3]],
 *   tokenTypeIds: [[0, 0, 0, 1, 1]],
 * }); // [1, 2]; class 0: it follows
 */
export class BertForNextSentencePrediction extends BertPreTrainedModel {
  static override readonly architecture: string = 'BertForNextSentencePrediction';
  readonly bert: BertModel;
  readonly cls: BertOnlyNSPHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.cls = new BertOnlyNSPHead(config);
  }

  forward(inputs: NextSentenceInputs): NextSentenceOutput {
    const { poolerOutput, ...rest } = this.bert.forward(inputs);
    const logits = this.cls.seqRelationship.forward(poolerOutput);
    return {
      ...rest,
      logits,
      loss:
        inputs.labels === undefined
          ? undefined
          : classificationLoss(logits, inputs.labels, 'labels', inputs),
    };
  }
}
