import { Linear, Module } from '../../nn/index.ts';
import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertBackbone, BertModel, BertPreTrainedModel } from '../model.ts';
import { type BertInputs, classificationLoss } from '../modelInputs.ts';
import {
  BertLMPredictionHead,
  type MaskedLMInputs,
  type MaskedLMPrediction,
} from './predictionHead.ts';

export class BertOnlyMLMHead extends Module {
  readonly predictions: BertLMPredictionHead;

  constructor(config: BertConfig, { embeddings }: BertBackbone) {
    super();
    this.predictions = new BertLMPredictionHead(config, embeddings.wordEmbeddings);
  }
}

class BertOnlyNSPHead extends Module {
  readonly seqRelationship: Linear;

  constructor({ hiddenSize }: BertConfig) {
    super();
    this.seqRelationship = new Linear(hiddenSize, 2);
  }
}

class BertPreTrainingHeads extends BertOnlyMLMHead {
  readonly seqRelationship: Linear;

  constructor(config: BertConfig, bert: BertModel) {
    super(config, bert);
    this.seqRelationship = new Linear(config.hiddenSize, 2);
  }
}

export interface MaskedLMOutput extends EncoderOutput, MaskedLMPrediction {}

/** BERT that predicts tokens. The decoder's weights are the word embeddings (`tieWordEmbeddings`). */
export class BertForMaskedLM extends BertPreTrainedModel {
  readonly bert: BertBackbone;
  readonly cls: BertOnlyMLMHead;

  constructor(config: BertConfig) {
    super(config);
    this.bert = new BertBackbone(config);
    this.cls = new BertOnlyMLMHead(config, this.bert);
  }

  forward(inputs: MaskedLMInputs): MaskedLMOutput {
    const output = this.bert.forward(inputs);
    const predicted = this.cls.predictions.forward(output.lastHiddenState, inputs);
    return {
      ...output,
      loss: predicted.loss,
      get logits() {
        return predicted.logits;
      },
    };
  }
}

export interface NextSentenceInputs extends BertInputs {
  /** 0: the second text follows the first, 1: it is a random one; [batch]. */
  labels?: Tensor | NestedArray;
}

export interface NextSentenceOutput extends EncoderOutput {
  /** Mean over the batch; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, 2] */
  logits: Tensor;
}

/** BERT that tells whether one text follows another (Devlin et al. 2019, §3.1, task 2). */
export class BertForNextSentencePrediction extends BertPreTrainedModel {
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
          : classificationLoss(logits, inputs.labels, 'labels'),
    };
  }
}

export interface PreTrainingInputs extends MaskedLMInputs {
  /** 0: the second text follows the first, 1: it is a random one; [batch]. */
  nextSentenceLabel?: Tensor | NestedArray;
}

export interface PreTrainingOutput extends EncoderOutput {
  /** Sum of the losses of both tasks; undefined unless `labels` and `nextSentenceLabel` are given. */
  loss?: Tensor;
  /** [batch, length, vocabulary], computed when first read: they take much memory, and training does without them. */
  readonly predictionLogits: Tensor;
  /** [batch, 2] */
  seqRelationshipLogits: Tensor;
}

/** BERT with both tasks of its pre-training (Devlin et al. 2019, §3.1). */
export class BertForPreTraining extends BertPreTrainedModel {
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
