import { Linear } from '../../nn/index.ts';
import { UsageError } from '../../platform/errors.ts';
import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertBackbone } from '../model.ts';
import { classificationLoss, type LossInputs, toIdTensor } from '../modelInputs.ts';
import { BertPreTrainedModel } from '../pretrainedModel.ts';

/** Inputs of `BertForQuestionAnswering`. */
export interface QuestionAnsweringInputs extends LossInputs {
  /** First token of each answer, [batch]. Negative values count as 0;
   * values beyond the text are ignored. */
  startPositions?: Tensor | NestedArray;
  /** Last token of each answer, [batch]. As `startPositions`. */
  endPositions?: Tensor | NestedArray;
}

/** Outputs of `BertForQuestionAnswering`. */
export interface QuestionAnsweringOutput extends EncoderOutput {
  /**
   * Mean of the losses of start and end, NaN if all are ignored; undefined unless both are given.
   */
  loss?: Tensor;
  /** [batch, length] */
  startLogits: Tensor;
  /** [batch, length] */
  endLogits: Tensor;
}

/**
 * BERT that finds the answer to a question in a text (Devlin et al. 2019, §4.2).
 * @example
 * const model = await BertForQuestionAnswering.fromPretrained('path/to/folder');
 * // [1, 6] each
 * const { startLogits, endLogits } = model.forward({ inputIds: [[2, 9, 3, 7, 8, 3]] });
 */
export class BertForQuestionAnswering extends BertPreTrainedModel {
  static override readonly architecture: string = 'BertForQuestionAnswering';
  readonly bert: BertBackbone;
  readonly qaOutputs: Linear;

  /** @throws UsageError unless the configuration has two labels. */
  constructor(config: BertConfig) {
    super(config);
    if (config.numLabels !== 2)
      throw new UsageError(
        'BertForQuestionAnswering: numLabels: expected 2, start and end ' +
          `(set \`labels\` of fromPretrained), got ${config.numLabels}`,
      );
    this.bert = new BertBackbone(config);
    this.qaOutputs = new Linear(config.hiddenSize, 2);
  }

  forward(inputs: QuestionAnsweringInputs): QuestionAnsweringOutput {
    const output = this.bert.forward(inputs);
    const logits = this.qaOutputs.forward(output.lastHiddenState);
    const [startLogits, endLogits] = [0, 1].map((i) => logits.select(-1, i).contiguous());
    const { startPositions, endPositions } = inputs;
    const loss =
      startPositions === undefined || endPositions === undefined
        ? undefined
        : spanLoss(startLogits, startPositions, 'startPositions', inputs)
            .add(spanLoss(endLogits, endPositions, 'endPositions', inputs))
            .div(2);
    return { ...output, startLogits, endLogits, loss };
  }
}

/** logits: [batch, length], positions: [batch]. */
function spanLoss(
  logits: Tensor,
  positions: Tensor | NestedArray,
  name: string,
  { numItemsInBatch }: LossInputs,
): Tensor {
  const [, length] = logits.shape;
  const within = toIdTensor(positions, logits.device, name).toFloat().clamp(0, length).toInt();
  return classificationLoss(logits, within, name, { ignoreIndex: length, numItemsInBatch });
}
