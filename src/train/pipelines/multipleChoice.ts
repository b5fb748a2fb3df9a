import { AutoModelForMultipleChoice } from '../../bert/auto.ts';
import type { BertForMultipleChoice } from '../../bert/heads/multipleChoice.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength, type EncodedExample, encodeExamples } from '../data/batch.ts';
import { argmax } from '../tasks/task.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import { checkPredict, type PipelineOptions } from './encode.ts';
import type { EncodedOptions, PredictOptions } from './textClassification.ts';

/** A text and what may follow it, or a question and its possible answers. */
export interface ChoiceInput {
  prompt: string;
  choices: readonly string[];
}

/** The choice of a model. */
export interface ChosenText {
  /** Its number, from 0. */
  choice: number;
  text: string;
  /** Its probability among the choices. */
  score: number;
  /** The probability of each choice. */
  scores: number[];
}

/**
 * A trained model for multiple choice with its tokenizer: a text and choices in, the best one out.
 * @example
 * const choose = await MultipleChoicePipeline.fromPretrained('path/to/folder');
 * const question = { prompt: 'Ann sings.', choices: ['They listen.', 'It rains.'] };
 * const [{ choice, score }] = await choose.predict([question]);
 */
export class MultipleChoicePipeline {
  readonly model: BertForMultipleChoice;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForMultipleChoice, tokenizer: BertTokenizer) {
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
  ): Promise<MultipleChoicePipeline> {
    const { model, tokenizer } = await loadTrained(AutoModelForMultipleChoice, source, options);
    return new MultipleChoicePipeline(model, tokenizer);
  }

  /**
   * The best choice for each text, in their order.
   * @throws UsageError for options out of range, or fewer than two choices; NotFiniteError when
   * outputs are not finite; the reason of `signal` if it is aborted.
   */
  async predict(inputs: readonly ChoiceInput[], given: PredictOptions = {}): Promise<ChosenText[]> {
    checkPredict(inputs, given);
    const { maxLength, ...options } = given;
    const chosen = await this.choose(this.encode(inputs, maxLength), options);
    return chosen.map((each, i) => ({ ...each, text: inputs[i].choices[each.choice] }));
  }

  /** Texts with their choices as ids, cut to `maxLength` tokens each. */
  encode(
    inputs: readonly ChoiceInput[],
    maxLength: number = defaultMaxLength(this.model.config, this.tokenizer),
  ): EncodedExample[] {
    const examples = inputs.map(({ prompt, choices }, i) => {
      if (!Array.isArray(choices) || choices.length < 2)
        throw new UsageError(
          `text ${i}: \`choices\`: expected two or more, got ${choices?.length ?? 'none'}`,
        );
      return { text: prompt, choices, label: undefined };
    });
    const { maxPositionEmbeddings } = this.model.config;
    return encodeExamples(examples, this.tokenizer, maxLength, maxPositionEmbeddings);
  }

  /** `predict` for examples that are encoded already. */
  async choose(
    examples: readonly EncodedExample[],
    { batchSize = 32, ...run }: EncodedOptions = {},
  ): Promise<Omit<ChosenText, 'text'>[]> {
    const { probabilities } = await evaluateExamples(this.model, examples, batchSize, run);
    return probabilities.map((row, i) => {
      const scores = row.slice(0, examples[i].choiceLengths!.length);
      const choice = argmax(scores);
      return { choice, score: scores[choice], scores };
    });
  }
}
