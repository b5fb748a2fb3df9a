import { AutoModelForSequenceClassification } from '../../bert/auto.ts';
import type { SequenceClassifier } from '../../bert/heads/sequenceClassification.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { argmax } from '../tasks/task.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import { encodeTexts, type TextInput } from './encode.ts';

/** How a pipeline runs over its texts. */
export interface PredictOptions {
  batchSize?: number;
  /** Texts are cut to this many tokens. Default: the most that the model takes. */
  maxLength?: number;
}

export interface Prediction {
  /** The most probable label. */
  label: string;
  /** Its probability; for a regression, the score. */
  score: number;
  /**
   * The same for every label. They add up to 1, except for a model of several labels an example,
   * where each is a probability of its own.
   */
  scores: Record<string, number>;
}

/**
 * A trained classifier with its tokenizer: text in, label out (Hugging Face's `text-classification`
 * pipeline).
 */
export class TextClassificationPipeline {
  readonly model: SequenceClassifier<BertPreTrainedModel>;
  readonly tokenizer: BertTokenizer;

  constructor(model: SequenceClassifier<BertPreTrainedModel>, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /**
   * Reads both from a Hugging Face folder.
   * @throws UsageError as `loadTrained`.
   */
  static async fromPretrained(source: ModelSource): Promise<TextClassificationPipeline> {
    const { model, tokenizer } = await loadTrained(AutoModelForSequenceClassification, source);
    return new TextClassificationPipeline(model, tokenizer);
  }

  /** Labels texts, or pairs of texts. */
  async predict(
    texts: readonly TextInput[],
    { batchSize = 32, maxLength }: PredictOptions = {},
  ): Promise<Prediction[]> {
    const { id2label } = this.model.config;
    const encoded = encodeTexts(texts, this.model, this.tokenizer, maxLength);
    const { probabilities } = await evaluateExamples(this.model, encoded, batchSize);
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
