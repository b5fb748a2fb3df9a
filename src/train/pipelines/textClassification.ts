import {
  BertForSequenceClassification,
  type SequenceClassifier,
} from '../../bert/heads/sequenceClassification.ts';
import type { BertPreTrainedModel } from '../../bert/model.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength, encodeExamples } from '../data/batch.ts';
import { argmax } from '../tasks/task.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';

/** How a pipeline goes through its texts. */
export interface PredictOptions {
  batchSize?: number;
  /** Longer texts are cut to so many tokens. Default: all the model takes. */
  maxLength?: number;
  /** Stops after the current batch, with the signal's reason as the error. */
  signal?: AbortSignal;
}

export interface Prediction {
  /** The likeliest label. */
  label: string;
  /** Its probability; for a regression, the score. */
  score: number;
  /** The same of every label. They add up to 1, unless an example may have several labels: then each is for itself. */
  scores: Record<string, number>;
}

/** A trained classifier with its tokenizer: text in, label out (Hugging Face's `text-classification` pipeline). */
export class TextClassificationPipeline {
  readonly model: SequenceClassifier<BertPreTrainedModel>;
  readonly tokenizer: BertTokenizer;

  constructor(model: SequenceClassifier<BertPreTrainedModel>, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /** Reads both from a Hugging Face folder. */
  static async fromPretrained(dir: string): Promise<TextClassificationPipeline> {
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    return new TextClassificationPipeline(
      await BertForSequenceClassification.fromPretrained(dir),
      tokenizer,
    );
  }

  /** Labels texts, or pairs of texts. */
  async predict(
    texts: readonly (string | readonly [string, string])[],
    { batchSize = 32, maxLength, signal }: PredictOptions = {},
  ): Promise<Prediction[]> {
    const { maxPositionEmbeddings, id2label } = this.model.config;
    const examples = texts.map((text) => {
      return typeof text === 'string'
        ? { text, label: undefined }
        : { text: text[0], pair: text[1], label: undefined };
    });
    const length = maxLength ?? defaultMaxLength(this.model.config, this.tokenizer);
    const encoded = encodeExamples(examples, this.tokenizer, length, maxPositionEmbeddings);
    const { probabilities } = await evaluateExamples(this.model, encoded, batchSize, {
      signal,
    });
    return probabilities.map((row) => {
      const best = argmax(row);
      return {
        label: id2label[best],
        score: row[best],
        scores: Object.fromEntries(row.map((score, id) => [id2label[id], score])),
      };
    });
  }
}
