import { BertForSequenceClassification } from '../bert/sequenceClassification.ts';
import { BertTokenizer } from '../bert/tokenizer/index.ts';
import { encodeExamples } from './batch.ts';
import { evaluate } from './evaluate.ts';

export interface Prediction {
  label: string;
  /** Probability of `label`. */
  score: number;
  /** Probability of every label. */
  scores: Record<string, number>;
}

/** A trained classifier with its tokenizer: text in, label out (Hugging Face's `text-classification` pipeline). */
export class TextClassificationPipeline {
  readonly model: BertForSequenceClassification;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForSequenceClassification, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /** Reads both from a Hugging Face folder. */
  static async fromPretrained(dir: string): Promise<TextClassificationPipeline> {
    const tokenizer = await BertTokenizer.fromPretrained(dir);
    return new TextClassificationPipeline(await BertForSequenceClassification.fromPretrained(dir), tokenizer);
  }

  /** Labels texts, or pairs of texts. Longer ones are cut to `maxLength` tokens (default: all the model takes). */
  async predict(
    texts: readonly (string | readonly [string, string])[],
    { batchSize = 32, maxLength }: { batchSize?: number; maxLength?: number } = {},
  ): Promise<Prediction[]> {
    const { maxPositionEmbeddings, id2label } = this.model.config;
    const examples = texts.map((text) => (typeof text === 'string' ? { text } : { text: text[0], pair: text[1] }));
    const unlabelled = examples.map((example) => ({ ...example, label: undefined }));
    const length = maxLength ?? Math.min(maxPositionEmbeddings, this.tokenizer.modelMaxLength);
    const encoded = encodeExamples(unlabelled, this.tokenizer, length, maxPositionEmbeddings);
    const { predictions, probabilities } = await evaluate(this.model, encoded, batchSize);
    return predictions.map((best, i) => ({
      label: id2label[best],
      score: probabilities[i][best],
      scores: Object.fromEntries(probabilities[i].map((score, id) => [id2label[id], score])),
    }));
  }
}
