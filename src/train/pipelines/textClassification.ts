import { AutoModelForSequenceClassification } from '../../bert/auto.ts';
import type { SequenceClassifier } from '../../bert/heads/sequenceClassification.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import { argmax } from '../tasks/task.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import { checkPredict, encodeTexts, type PipelineOptions, type TextInput } from './encode.ts';

/** How a pipeline runs over its texts. */
export interface PredictOptions {
  /** Default 32. */
  batchSize?: number;
  /** Longest text in tokens; longer ones are cut. Default: as long as the model allows. */
  maxLength?: number;
  /** Stops after the current batch, with the signal's reason as the error. */
  signal?: AbortSignal;
}

/** How a pipeline runs over texts that are encoded already. */
export interface EncodedOptions extends Pick<PredictOptions, 'batchSize' | 'signal'> {
  /** What logits are divided by before they become probabilities. Default 1. */
  temperature?: number;
}

/** How many labels to give of each text. */
export interface TopKOptions extends PredictOptions {
  /** This many labels, the most probable first; 'all': every label. */
  topK: number | 'all';
}

/** A label and its probability. */
export interface LabelScore {
  label: string;
  /** Its probability; for a regression, the score. */
  score: number;
}

/** The most probable label of a text, and the probabilities of all. */
export interface Prediction extends LabelScore {
  /**
   * The probability of every label, in the order of the model. They add up to 1, except in a model
   * that gives several labels to a text: there each label has a probability of its own.
   */
  scores: Record<string, number>;
}

/**
 * A trained classifier with its tokenizer: text in, label out (Hugging Face's `text-classification`
 * pipeline).
 * @example
 * const classify = await TextClassificationPipeline.fromPretrained('path/to/folder');
 * const [{ label, score }] = await classify.predict(['a text']);
 */
export class TextClassificationPipeline {
  readonly model: SequenceClassifier<BertPreTrainedModel>;
  readonly tokenizer: BertTokenizer;

  constructor(model: SequenceClassifier<BertPreTrainedModel>, tokenizer: BertTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
  }

  /**
   * Reads both from a Hugging Face folder, or the model alone if a tokenizer is given.
   * @throws UsageError as `loadTrained`.
   */
  static async fromPretrained(
    source: ModelSource,
    options?: PipelineOptions,
  ): Promise<TextClassificationPipeline> {
    const { model, tokenizer } = await loadTrained(
      AutoModelForSequenceClassification,
      source,
      options,
    );
    return new TextClassificationPipeline(model, tokenizer);
  }

  /**
   * The most probable label of each text or pair of texts, in their order. With `topK`, the list of
   * its most probable labels.
   *
   *     const [{ label, score }] = await classifier.predict(['a wonderful film']);
   *     const [[first, second]] = await classifier.predict(['a wonderful film'], { topK: 2 });
   *
   * @throws UsageError for options out of range; NotFiniteError when outputs are not finite; the
   * reason of `signal` if it is aborted.
   */
  predict(texts: readonly TextInput[], options: TopKOptions): Promise<LabelScore[][]>;
  predict(texts: readonly TextInput[], options?: PredictOptions): Promise<Prediction[]>;
  async predict(
    texts: readonly TextInput[],
    given: PredictOptions & Partial<TopKOptions> = {},
  ): Promise<LabelScore[][] | Prediction[]> {
    checkPredict(texts, given, ['topK']);
    const { maxLength, topK, ...options } = given;
    if (topK !== undefined) checkTopK(topK);
    const predictions = await this.classify(this.encode(texts, maxLength), options);
    return topK === undefined
      ? predictions
      : predictions.map(({ scores }) => topLabels(scores, topK));
  }

  /** Texts, or pairs, as ids, cut to `maxLength` tokens; with `stride`, split into windows. */
  encode(texts: readonly TextInput[], maxLength?: number, stride?: number): EncodedExample[] {
    return encodeTexts(texts, this.model, this.tokenizer, maxLength, stride);
  }

  /** `predict` for texts that are encoded already. */
  async classify(
    examples: readonly EncodedExample[],
    { batchSize = 32, ...options }: EncodedOptions = {},
  ): Promise<Prediction[]> {
    const { id2label } = this.model.config;
    const { probabilities } = await evaluateExamples(this.model, examples, batchSize, options);
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

/** The `topK` most probable labels, the most probable first. */
export function topLabels(
  scores: Readonly<Record<string, number>>,
  topK: number | 'all',
): LabelScore[] {
  const sorted = Object.entries(scores)
    .map(([label, score]) => ({ label, score }))
    .sort((a, b) => b.score - a.score);
  return topK === 'all' ? sorted : sorted.slice(0, topK);
}

/** @throws UsageError unless `topK` is a number of labels or 'all'. */
export function checkTopK(topK: number | 'all'): void {
  if (topK !== 'all' && !(Number.isInteger(topK) && topK >= 1))
    throw new UsageError(`\`topK\`: expected an integer of at least 1, or 'all', got ${topK}`);
}
