import type { NestedArray, Tensor } from '../../tensor/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertModel } from '../model.ts';
import { classificationLoss, type LossInputs, toIdTensors } from '../modelInputs.ts';
import { BertClassifier } from './classifier.ts';

/** As `BertInputs`, with ids, mask, segments and positions of [batch, choices, length]. */
export interface MultipleChoiceInputs extends LossInputs {
  /** Number of the right choice, [batch]. */
  labels?: Tensor | NestedArray;
}

/** Hidden states and attentions have batch × choices rows. */
export interface MultipleChoiceOutput extends EncoderOutput {
  /** Mean over the batch; undefined when no labels are given. */
  loss?: Tensor;
  /** [batch, choices] */
  logits: Tensor;
}

/**
 * BERT that scores pairs of question and choice against each other (Devlin et al. 2019, §4.4).
 * @example
 * const model = await BertForMultipleChoice.fromPretrained('path/to/folder');
 * const { logits } = model.forward({ inputIds: [[[2, 9, 3], [2, 7, 3]]] }); // [1, 2]
 */
export class BertForMultipleChoice extends BertClassifier<BertModel> {
  static override readonly architecture: string = 'BertForMultipleChoice';
  constructor(config: BertConfig) {
    super(config, new BertModel(config), 1);
  }

  /** @throws ArgumentError for ids of another shape. */
  forward(inputs: MultipleChoiceInputs): MultipleChoiceOutput {
    const { device } = this.classifier.weight;
    const ids = toIdTensors(
      'BertForMultipleChoice',
      inputs,
      ['batch', 'choices', 'length'],
      device,
    );
    const [batch, choices, length] = ids.inputIds.shape;
    const flat = Object.entries(ids).map(
      ([name, given]) => [name, given.reshape([batch * choices, length])] as const,
    );
    const { poolerOutput, ...rest } = this.bert.forward({ ...inputs, ...Object.fromEntries(flat) });
    const logits = this.classify(poolerOutput).reshape([batch, choices]);
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
