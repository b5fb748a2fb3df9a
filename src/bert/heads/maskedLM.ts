import { Module } from '../../nn/index.ts';
import type { BertConfig } from '../config.ts';
import type { EncoderOutput } from '../layers/encoder.ts';
import { BertBackbone } from '../model.ts';
import { BertPreTrainedModel } from '../pretrainedModel.ts';
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

/** Outputs of `BertForMaskedLM`. */
export interface MaskedLMOutput extends EncoderOutput, MaskedLMPrediction {}

/**
 * BERT that predicts masked tokens (Devlin et al. 2019, §3.1, task 1). By default the decoder
 * shares the word embeddings (`tieWordEmbeddings`).
 * @example
 * const model = await BertForMaskedLM.fromPretrained('path/to/folder');
 * const { loss } = model.forward({ inputIds: [[2, 9, 4, 3]], labels: [[-100, -100, 7, -100]] });
 */
export class BertForMaskedLM extends BertPreTrainedModel {
  static override readonly architecture: string = 'BertForMaskedLM';
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
