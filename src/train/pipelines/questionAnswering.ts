import { AutoModelForQuestionAnswering } from '../../bert/auto.ts';
import type { BertForQuestionAnswering } from '../../bert/heads/questionAnswering.ts';
import type { ModelSource } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { checkMaxLength, defaultMaxLength } from '../data/batch.ts';
import { type EncodedWindow, encodeQuestions } from '../data/questionWindows.ts';
import { defaultStride, maxLengthOf } from '../defaults.ts';
import { type AnswerOptions, bestAnswers, byQuestion, type FoundAnswer } from '../tasks/spans.ts';
import { loadTrained } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import { checkPredict, type PipelineOptions } from './encode.ts';
import type { PredictOptions } from './textClassification.ts';

/** A question and the text that may answer it. */
export interface QuestionInput {
  question: string;
  context: string;
}

/** Options of `QuestionAnsweringPipeline.predict`. */
export interface QuestionAnsweringOptions extends PredictOptions {
  /** Longest window of question and context in tokens. Default 384, or what the model takes. */
  maxLength?: number;
  /** Tokens of the context that windows share. Default 128, or half of `maxLength`. */
  stride?: number;
  /** Longest answer in tokens. Default 15. */
  maxAnswerLength?: number;
  /** Whether the empty text is an answer too: none is in the context. Default false. */
  handleImpossibleAnswer?: boolean;
  /** Extends answers to the words that their ends are in. Default true. */
  alignToWords?: boolean;
}

/**
 * A trained question answerer with its tokenizer: question and context in, a part of the context
 * out (Hugging Face's `question-answering` pipeline).
 * @example
 * const answer = await QuestionAnsweringPipeline.fromPretrained('path/to/folder');
 * const question = { question: 'Who sings?', context: 'Ann sings.' };
 * const [{ score, start, end }] = await answer.predict([question]);
 */
export class QuestionAnsweringPipeline {
  readonly model: BertForQuestionAnswering;
  readonly tokenizer: BertTokenizer;

  constructor(model: BertForQuestionAnswering, tokenizer: BertTokenizer) {
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
  ): Promise<QuestionAnsweringPipeline> {
    const { model, tokenizer } = await loadTrained(AutoModelForQuestionAnswering, source, options);
    return new QuestionAnsweringPipeline(model, tokenizer);
  }

  /**
   * The best answer to each question, in their order: `context.slice(start, end)`. With `topK`, a
   * list of the best ones.
   * @throws UsageError for options out of range, an empty question or context; NotFiniteError when
   * outputs are not finite; the reason of `signal` if it is aborted.
   */
  predict(
    questions: readonly QuestionInput[],
    options: QuestionAnsweringOptions & { topK: number },
  ): Promise<FoundAnswer[][]>;
  predict(
    questions: readonly QuestionInput[],
    options?: QuestionAnsweringOptions,
  ): Promise<FoundAnswer[]>;
  async predict(
    questions: readonly QuestionInput[],
    given: QuestionAnsweringOptions & { topK?: number } = {},
  ): Promise<FoundAnswer[][] | FoundAnswer[]> {
    checkPredict(questions, given, [
      ...['topK', 'stride', 'maxAnswerLength', 'handleImpossibleAnswer', 'alignToWords'],
    ]);
    const { topK, maxAnswerLength = 15, handleImpossibleAnswer, alignToWords, ...options } = given;
    const answers = await this.answer(this.encode(questions, options), {
      ...{ topK, maxAnswerLength, alignToWords: alignToWords ?? true, byScore: true },
      ...(handleImpossibleAnswer && { nullScoreDiffThreshold: 0 }),
      ...options,
    });
    return topK === undefined ? answers.map(([best]) => best) : answers;
  }

  /**
   * Questions as windows of their contexts.
   * @throws UsageError for lengths out of range, or an empty question or context.
   */
  encode(
    questions: readonly QuestionInput[],
    {
      maxLength = Math.min(
        maxLengthOf('question-answering'),
        defaultMaxLength(this.model.config, this.tokenizer),
      ),
      stride = defaultStride(maxLength),
    }: Pick<QuestionAnsweringOptions, 'maxLength' | 'stride'> = {},
  ): EncodedWindow[] {
    checkMaxLength(maxLength, this.model.config.maxPositionEmbeddings);
    const given = questions.map(({ question, context }, i) => {
      for (const [name, text] of Object.entries({ question, context }))
        if (typeof text !== 'string' || text.trim() === '')
          throw new UsageError(`question ${i}: \`${name}\`: expected a text, got none`);
      return { id: `${i}`, question, context };
    });
    return encodeQuestions(given, this.tokenizer, { maxLength, stride });
  }

  /** The best answers to each question of windows that are encoded already. */
  async answer(
    windows: readonly EncodedWindow[],
    {
      batchSize = 32,
      signal,
      ...search
    }: AnswerOptions & Pick<PredictOptions, 'batchSize' | 'signal'> = {},
  ): Promise<FoundAnswer[][]> {
    checkSearch(search);
    const unlabelled = windows.map((window) => ({ ...window, label: undefined }));
    const { predictions } = await evaluateExamples(this.model, unlabelled, batchSize, { signal });
    const rows = byQuestion(windows.map(({ window }) => window));
    return Array.from(rows.values(), (own) =>
      bestAnswers(
        own.map((row) => windows[row].window),
        own.map((row) => predictions[row] as number[]),
        search,
      ),
    );
  }
}

/** @throws UsageError for options out of range. */
function checkSearch({ topK, maxAnswerLength, nullScoreDiffThreshold }: AnswerOptions): void {
  for (const [name, value] of Object.entries({ topK, maxAnswerLength }))
    if (value !== undefined && !(Number.isInteger(value) && value >= 1))
      throw new UsageError(`\`${name}\`: expected a whole number of at least 1, got ${value}`);
  if (nullScoreDiffThreshold !== undefined && !Number.isFinite(nullScoreDiffThreshold))
    throw new UsageError(
      `\`nullScoreDiffThreshold\`: expected a number, got ${nullScoreDiffThreshold}`,
    );
}
