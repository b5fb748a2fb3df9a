import { Linear } from '../../nn/index.ts';
import { ArgumentError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { type NestedArray, Tensor } from '../../tensor/index.ts';
import { describe } from '../../tensor/print.ts';
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
export interface PreTrainingInputs extends Omit<MaskedLMInputs, 'numItemsInBatch'> {
  /** 0: the second text follows the first, 1: it is a random one; [batch]. */
  nextSentenceLabel?: Tensor | NestedArray;
  /**
   * The numbers that the summed losses are divided by: of tokens to predict, and of sentence pairs.
   * As `numItemsInBatch` of other models.
   */
  numItemsInBatch?: { tokens: number | Tensor; sentences: number | Tensor };
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
    const { labels, labelPositions, nextSentenceLabel, numItemsInBatch } = inputs;
    checkCounts(numItemsInBatch);
    const both = labels !== undefined && nextSentenceLabel !== undefined;
    const predicted = this.cls.predictions.forward(
      rest.lastHiddenState,
      both ? { labels, labelPositions, numItemsInBatch: numItemsInBatch?.tokens } : {},
    );
    const seqRelationshipLogits = this.cls.seqRelationship.forward(poolerOutput);
    return {
      ...rest,
      loss: both
        ? predicted.loss!.add(
            classificationLoss(seqRelationshipLogits, nextSentenceLabel, 'nextSentenceLabel', {
              numItemsInBatch: numItemsInBatch?.sentences,
            }),
          )
        : undefined,
      get predictionLogits() {
        return predicted.logits;
      },
      seqRelationshipLogits,
    };
  }
}

function checkCounts(given: PreTrainingInputs['numItemsInBatch']): void {
  if (given !== undefined && (given?.tokens === undefined || given.sentences === undefined))
    throw new ArgumentError(
      'numItemsInBatch: expected the numbers of `tokens` and of `sentences`, ' +
        `got ${given instanceof Tensor ? describe(given) : formatValue(given)}`,
    );
}
