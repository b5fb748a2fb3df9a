import type { BertForMultipleChoice } from '../../bert/heads/multipleChoice.ts';
import type { BertForQuestionAnswering } from '../../bert/heads/questionAnswering.ts';
import type { BertModel } from '../../bert/model.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import { encodePairs } from '../data/pairEncoding.ts';
import type { EncodedWindow } from '../data/questionWindows.ts';
import type { TextInput } from '../pipelines/encode.ts';
import { type ChoiceInput, MultipleChoicePipeline } from '../pipelines/multipleChoice.ts';
import { QuestionAnsweringPipeline, type QuestionInput } from '../pipelines/questionAnswering.ts';
import type { AnswerOptions, FoundAnswer } from '../tasks/spans.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';

/** Predictors that answer questions, choose among texts, and compare two. */

/** The answer to a question. */
export interface AnswerPrediction extends FoundAnswer {
  /** The best answers, if `topK` is given. */
  top?: FoundAnswer[];
}

interface Sizes {
  maxLength: number;
  batchSize: number;
}

/** A predictor of answers; it takes pairs of question and context. */
export function answerer(
  model: BertForQuestionAnswering,
  tokenizer: BertTokenizer,
  {
    maxLength,
    batchSize,
    stride,
    topK,
    maxAnswerLength,
    nullScoreDiffThreshold,
  }: Sizes & { stride?: number; topK?: number | 'all' } & Omit<AnswerOptions, 'topK'>,
) {
  const pipeline = new QuestionAnsweringPipeline(model, tokenizer);
  const search = { topK: topK as number | undefined, maxAnswerLength, nullScoreDiffThreshold };
  return {
    encode: (inputs: readonly unknown[]) =>
      pipeline.encode(inputs.map(questionOf), { maxLength, stride }),
    async predict(examples: readonly EncodedExample[], signal?: AbortSignal) {
      const windows = examples as readonly EncodedWindow[];
      const answers = await pipeline.answer(windows, { batchSize, signal, ...search });
      const predictions = answers.map(
        (top): AnswerPrediction => ({ ...top[0], ...(topK !== undefined && { top }) }),
      );
      return { task: 'question-answering' as const, predictions };
    },
  };
}

const questionOf = (input: unknown): QuestionInput =>
  Array.isArray(input) ? { question: input[0], context: input[1] } : (input as QuestionInput);

/** A predictor of choices. */
export function chooser(
  model: BertForMultipleChoice,
  tokenizer: BertTokenizer,
  { maxLength, batchSize, temperature }: Sizes & { temperature?: number },
) {
  const pipeline = new MultipleChoicePipeline(model, tokenizer);
  const texts = new WeakMap<EncodedExample, readonly string[]>();
  return {
    encode(inputs: readonly unknown[]) {
      const given = inputs as readonly ChoiceInput[];
      const encoded = pipeline.encode(given, maxLength);
      for (const [i, example] of encoded.entries()) texts.set(example, given[i].choices);
      return encoded;
    },
    async predict(examples: readonly EncodedExample[], signal?: AbortSignal) {
      const chosen = await pipeline.choose(examples, { batchSize, signal, temperature });
      const predictions = chosen.map((each, i) => {
        return { ...each, text: texts.get(examples[i])![each.choice] };
      });
      return { task: 'multiple-choice' as const, predictions };
    },
  };
}

/** A predictor of how alike the two texts of a pair are. */
export function comparer(
  model: BertModel,
  tokenizer: BertTokenizer,
  { maxLength, batchSize }: Sizes,
) {
  return {
    encode(inputs: readonly unknown[]) {
      const pairs = (inputs as readonly TextInput[]).map((input) => {
        const [text, pair] = typeof input === 'string' ? [input] : input;
        return { text, pair, label: undefined };
      });
      return encodePairs(pairs, tokenizer, maxLength, model.config.maxPositionEmbeddings);
    },
    async predict(examples: readonly EncodedExample[], signal?: AbortSignal) {
      const { predictions } = await evaluateExamples(model, examples, batchSize, { signal });
      return {
        task: 'similarity' as const,
        predictions: predictions.map((score) => ({ score: score as number })),
      };
    },
  };
}
