import { Linear } from '../../nn/index.ts';
import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertModel } from '../model.ts';
import { classificationLoss } from '../modelInputs.ts';
import { BertPreTrainedModel } from '../pretrainedModel.ts';
import { BertOnlyMLMHead } from './maskedLM.ts';
import type { MaskedLMInputs } from './predictionHead.ts';

class BertPreTrainingHeads extends BertOnlyMLMHead {
  readonly seqRelationship: Linear;

  constructor(config: BertConfig, bert: BertModel) {
    super(config, bert);
    this.seqRelationship = new Linear(config.hiddenSize, 2);
  }
}

/** Inputs of `BertForPreTraining`. */
export interface PreTrainingInputs extends MaskedLMInputs {
  /** 0: the second text follows the first, 1: it is a random one; [batch]. */
  nextSentenceLabel?: Tensor | NestedArray;
}

/** Outputs of `BertForPreTraining`. */
export interface PreTrainingOutput extends EncoderOutput {
  /** Sum of both tasks' losses; undefined unless `labels` and `nextSentenceLabel` are given. */
  loss?: Tensor;
  /** [batch, length, vocabulary]. Large, so computed when first read; training does not need it. */
  readonly predictionLogits: Tensor;
  /** [batch, 2] */
  seqRelationshipLogits: Tensor;
}

/**
 * BERT with both tasks of its pre-training (Devlin et al. 2019, §3.1).
 * @example
 * const model = BertForPreTraining.fromConfig(bertConfig({ ...bertTiny, vocabSize: 500 }));
 * const { loss } = model.forward({
 *   inputIds: [[2, 4, 3]],
 *   labels: [[-100, 9, -100]],
 *   nextSentenceLabel: [0],
 * });
 */
export class BertForPreTraining extends BertPreTrainedModel {
  static override readonly architecture: string = 'BertForPreTraining';
  readonly bert: BertModel;
  readonly cls: BertPreTrainingHeads;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertModel(config);
    this.cls = new BertPreTrainingHeads(config, this.bert);
  }

  forward(inputs: PreTrainingInputs): PreTrainingOutput {
    const { poolerOutput, ...rest } = this.bert.forward(inputs);
    const { labels, nextSentenceLabel } = inputs;
    const both = labels !== undefined && nextSentenceLabel !== undefined;
    const predicted = this.cls.predictions.forward(rest.lastHiddenState, both ? inputs : {});
    const seqRelationshipLogits = this.cls.seqRelationship.forward(poolerOutput);
    return {
      ...rest,
      loss: both
        ? predicted.loss!.add(
            classificationLoss(seqRelationshipLogits, nextSentenceLabel, 'nextSentenceLabel'),
          )
        : undefined,
      get predictionLogits() {
        return predicted.logits;
      },
      seqRelationshipLogits,
    };
  }
}
