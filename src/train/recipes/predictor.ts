import { BertForMultipleChoice } from '../../bert/heads/multipleChoice.ts';
import { BertForQuestionAnswering } from '../../bert/heads/questionAnswering.ts';
import type { SequenceClassifier } from '../../bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { defaultMaxLength, type EncodedExample } from '../data/batch.ts';
import type { EncodedWindow } from '../data/questionWindows.ts';
import { predictDefaults } from '../defaults.ts';
import { areEntityTags } from '../metrics/entities.ts';
import type { TextInput } from '../pipelines/encode.ts';
import type { ChoiceInput, ChosenText } from '../pipelines/multipleChoice.ts';
import type { QuestionInput } from '../pipelines/questionAnswering.ts';
import {
  checkTopK,
  type LabelScore,
  type Prediction,
  TextClassificationPipeline,
  topLabels,
} from '../pipelines/textClassification.ts';
import {
  type EncodedWords,
  type EntityGroup,
  groupEntities,
  type TaggedWord,
  TokenClassificationPipeline,
  textOfWords,
  type WordsInput,
} from '../pipelines/tokenClassification.ts';
import type { TaskName } from '../tasks/task.ts';
import { labelsOf, loadTaskModel, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import { type AnswerPrediction, answerer, chooser } from './answering.ts';
import type { InputEventOf } from './events.ts';
import { addWindows, fittingDefault } from './questionData.ts';
import { UnseenCounter } from './reports.ts';
import { fetchModel, reportWeights } from './start.ts';

export interface PredictorOptions {
  /** Hugging Face folder of a trained model or of its adapter, or its name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /** Probability above which a label is given, for models that give several labels. Default 0.5. */
  threshold?: number;
  /** This many labels, or answers, of each text, the best first; 'all': every label. */
  topK?: number | 'all';
  /**
   * Longest text in tokens; longer ones are cut. Default: as long as the model allows; for
   * questions, windows of 384.
   */
  maxLength?: number;
  /** Questions: tokens that windows of a context share. Default 128, or half of `maxLength`. */
  stride?: number;
  /** Questions: longest answer in tokens. Default 30. */
  maxAnswerLength?: number;
  /**
   * Questions may have no answer: none is given if that scores higher than the best answer by more
   * than this, in logits. Default: always answer.
   */
  nullScoreDiffThreshold?: number;
  /** Default 32. */
  batchSize?: number;
}

/** What is predicted of each text, in the order of the texts. */
export type PredictResult =
  | { task: 'classification'; predictions: LabelPrediction[] }
  | { task: 'multi-label'; predictions: LabelsPrediction[] }
  | { task: 'regression'; predictions: { score: number }[] }
  | { task: 'token-classification'; predictions: WordsPrediction[] }
  | { task: 'question-answering'; predictions: AnswerPrediction[] }
  | { task: 'multiple-choice'; predictions: ChosenText[] };

/** The label of a text. */
export interface LabelPrediction extends Prediction {
  /** The most probable labels, if `topK` is given. */
  top?: LabelScore[];
}

/** The labels of a text that may have several. */
export interface LabelsPrediction {
  /** Labels above the threshold, the most probable first. */
  labels: string[];
  /** Probability of every label; they need not add up to 1. */
  scores: Record<string, number>;
  /** The most probable labels, if `topK` is given. */
  top?: LabelScore[];
}

/** The tagged words of a text. */
export interface WordsPrediction {
  words: TaggedWord[];
  /** Present if the tags of the model mark entities. */
  entities?: EntityGroup[];
}

/** A text, a pair, the words of a text, a question or a choice, by what the model takes. */
export type PredictInput = TextInput | WordsInput | QuestionInput | ChoiceInput;

/** A trained model that is ready to predict. */
export interface Predictor {
  readonly task: TaskName;
  /** Of each output of the model. */
  readonly labels: readonly string[];
  readonly batchSize: number;
  /** Inputs as ids; `unseen` counts what the model does not see of them. */
  encode(inputs: readonly PredictInput[], unseen: UnseenCounter): EncodedExample[];
  /** A counter for `encode`. */
  unseenCounter(): UnseenCounter;
  /** Predicts from what `encode` returned. */
  predict(examples: readonly EncodedExample[], signal?: AbortSignal): Promise<PredictResult>;
}

/**
 * Reads a trained model for predicting.
 * @throws UsageError if the model cannot be used, or not with these options.
 */
export async function openPredictor(
  options: PredictorOptions,
  report: (event: InputEventOf<'weights' | 'download'>) => void,
): Promise<Predictor> {
  const { model: name, threshold, batchSize } = withDefaults(predictDefaults, options);
  if (options.topK !== undefined) checkTopK(options.topK);
  const { model, tokenizer } = await loadTaskModel(await fetchModel(name, report, options.base));
  reportWeights(name, model, report);
  const task = taskOf(model).name;
  checkOptions(options, task);
  const longest = fittingDefault(task, defaultMaxLength(model.config, tokenizer));
  const maxLength = options.maxLength ?? longest;
  const { encode, predict } = partsOf(model, tokenizer, {
    ...options,
    ...{ maxLength, batchSize, threshold },
  });
  return {
    ...{ task, labels: labelsOf(model), batchSize, predict },
    unseenCounter: () => new UnseenCounter(tokenizer, maxLength),
    encode(inputs, unseen) {
      const encoded = encode(inputs);
      if (task === 'question-answering') addWindows(unseen, encoded as EncodedWindow[]);
      else unseen.add({ examples: inputs.map((input) => exampleOf(input, task)), encoded });
      return encoded;
    },
  };
}

type PartOptions = Required<Pick<PredictorOptions, 'maxLength' | 'batchSize' | 'threshold'>> &
  PredictorOptions;

function partsOf(model: TaskModel, tokenizer: BertTokenizer, options: PartOptions): Parts {
  if (model instanceof BertForTokenClassification) return tagger(model, tokenizer, options);
  if (model instanceof BertForQuestionAnswering) return answerer(model, tokenizer, options);
  if (model instanceof BertForMultipleChoice) return chooser(model, tokenizer, options);
  return classifier(model, tokenizer, options);
}

const questionOptions = ['stride', 'maxAnswerLength', 'nullScoreDiffThreshold'] as const;

/** @throws UsageError for options that a model of this task has no use for. */
function checkOptions(options: PredictorOptions, task: TaskName): void {
  const { model, threshold, topK } = options;
  const stray = questionOptions.find((name) => options[name] !== undefined);
  if (stray && task !== 'question-answering')
    throw new UsageError(
      `\`${stray}\`: expected a model that answers questions, got ${model}, a model for ${task}`,
    );
  if (topK === 'all' && task === 'question-answering')
    throw new UsageError("`topK`: expected a number of answers, got 'all'");
  if (threshold !== undefined && task !== 'multi-label')
    throw new UsageError(
      `\`threshold\`: expected a model that gives several labels, got ${model}, ` +
        `a model for ${task}`,
    );
  if (topK !== undefined && !['multi-label', 'classification', 'question-answering'].includes(task))
    throw new UsageError(
      `\`topK\`: expected a model that labels texts, got ${model}, a model for ${task}`,
    );
}

function exampleOf(
  input: PredictInput,
  task: TaskName,
): { text: string; pair?: string; words?: string[] } {
  if (typeof input === 'string') return { text: input };
  if ('prompt' in input) return { text: input.prompt };
  if ('question' in input) return { text: input.question, pair: input.context };
  return task === 'token-classification'
    ? { text: textOfWords(input), words: [...input] }
    : { text: input[0], pair: input[1] };
}

interface Parts extends Pick<Predictor, 'predict'> {
  encode(inputs: readonly PredictInput[]): EncodedExample[];
}

function classifier(
  model: SequenceClassifier<BertPreTrainedModel>,
  tokenizer: BertTokenizer,
  { threshold, topK, maxLength, batchSize }: PartOptions,
): Parts {
  const pipeline = new TextClassificationPipeline(model, tokenizer);
  const task = taskOf(model).name;
  const topOf = ({ scores }: Pick<Prediction, 'scores'>) =>
    topK === undefined ? {} : { top: topLabels(scores, topK) };
  return {
    encode: (inputs) => pipeline.encode(inputs as readonly TextInput[], maxLength),
    async predict(examples, signal) {
      const predictions = await pipeline.classify(examples, { batchSize, signal });
      if (task === 'regression')
        return { task, predictions: predictions.map(({ score }) => ({ score })) };
      if (task === 'multi-label')
        return {
          task,
          predictions: predictions.map(({ scores }) => {
            const labels = topLabels(scores, 'all').filter(({ score }) => score > threshold);
            return { labels: labels.map(({ label }) => label), scores, ...topOf({ scores }) };
          }),
        };
      return {
        task: 'classification',
        predictions: predictions.map((each) => ({ ...each, ...topOf(each) })),
      };
    },
  };
}

function tagger(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  { maxLength, batchSize }: { maxLength: number; batchSize: number },
): Parts {
  const pipeline = new TokenClassificationPipeline(model, tokenizer);
  const hasEntities = areEntityTags(labelsOf(model));
  return {
    encode: (inputs) => pipeline.encode(inputs as readonly WordsInput[], maxLength),
    async predict(examples, signal) {
      const tagged = await pipeline.tag(examples as readonly EncodedWords[], { batchSize, signal });
      return {
        task: 'token-classification',
        predictions: tagged.map((words, i) => {
          const { text } = examples[i] as EncodedWords;
          return { words, ...(hasEntities && { entities: groupEntities(text, words) }) };
        }),
      };
    },
  };
}
