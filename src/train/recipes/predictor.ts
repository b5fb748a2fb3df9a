import { BertForMultipleChoice } from '../../bert/heads/multipleChoice.ts';
import { BertForQuestionAnswering } from '../../bert/heads/questionAnswering.ts';
import type { SequenceClassifier } from '../../bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import { BertModel } from '../../bert/model.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { withDefaults } from '../../platform/defaults.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
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
import { type AnswerPrediction, answerer, chooser, comparer } from './answering.ts';
import {
  atTemperature,
  checkCalibrated,
  readCalibration,
  thresholdsOf,
} from './calibrationFile.ts';
import type { InputEventOf } from './events.ts';
import { checkTask } from './fineTuneData.ts';
import { checkPredictorOptions, type PredictorOptions } from './predictorOptions.ts';
import { addWindows, fittingDefault } from './questionData.ts';
import { reportThresholds, UnseenCounter } from './reports.ts';
import { longestText } from './sentenceFolder.ts';
import { fetchModel, reportWeights } from './start.ts';

/** What is predicted of each text, in the order of the texts. */
export type PredictResult =
  | { task: 'classification'; predictions: LabelPrediction[] }
  | { task: 'multi-label'; predictions: LabelsPrediction[] }
  | { task: 'regression'; predictions: { score: number }[] }
  | { task: 'token-classification'; predictions: WordsPrediction[] }
  | { task: 'question-answering'; predictions: AnswerPrediction[] }
  | { task: 'multiple-choice'; predictions: ChosenText[] }
  | { task: 'similarity'; predictions: { score: number }[] };

/** The label of a text. */
export interface LabelPrediction extends Omit<Prediction, 'label'> {
  /** null if its probability is below `abstainBelow`. */
  label: string | null;
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
  report: (event: InputEventOf<'weights' | 'download' | 'fewerLabels' | 'thresholds'>) => void,
): Promise<Predictor> {
  const { model: name, batchSize } = withDefaults(predictDefaults, options);
  if (options.topK !== undefined) checkTopK(options.topK);
  const folder = await fetchModel(name, report, options.base);
  const { model, tokenizer } = await loadTaskModel(folder);
  reportWeights(name, model, report);
  const task = taskOf(model).name;
  checkPredictorOptions(options, task);
  checkTask(options, taskOf(model));
  const { topK } = options;
  const labels = labelsOf(model);
  const isOfLabels = typeof topK === 'number' && task !== 'question-answering';
  if (isOfLabels && topK > labels.length)
    report({ event: 'fewerLabels', model: name, topK, labels: labels.length });
  const trust = await trustIn(folder, model, options, report);
  const longest = fittingDefault(task, longestText(model, tokenizer));
  const maxLength = options.maxLength ?? longest;
  const { encode, predict } = partsOf(model, tokenizer, {
    ...options,
    ...{ maxLength, batchSize, ...trust },
  });
  return {
    ...{ task, labels, batchSize, predict },
    unseenCounter: () => new UnseenCounter(tokenizer, maxLength),
    encode(inputs, unseen) {
      const encoded = encode(inputs);
      if (task === 'question-answering') addWindows(unseen, encoded as EncodedWindow[]);
      else unseen.add({ examples: inputs.map((input) => exampleOf(input, task)), encoded });
      return encoded;
    },
  };
}

type PartOptions = PredictorOptions & Sizes & Trust;

function partsOf(model: TaskModel, tokenizer: BertTokenizer, options: PartOptions): Parts {
  if (model instanceof BertForTokenClassification) return tagger(model, tokenizer, options);
  if (model instanceof BertForQuestionAnswering) return answerer(model, tokenizer, options);
  if (model instanceof BertForMultipleChoice) return chooser(model, tokenizer, options);
  if (model instanceof BertModel) return comparer(model, tokenizer, options);
  return classifier(model, tokenizer, options);
}

interface Trust {
  /** What logits are divided by. */
  temperature?: number;
  /** Of each label, for models that give several: the probability above which it is given. */
  thresholds: readonly number[];
}

/** What the calibration of a model says, as far as it is asked for. */
async function trustIn(
  folder: ModelFolder,
  model: TaskModel,
  { threshold, calibrated }: PredictorOptions,
  report: (event: InputEventOf<'thresholds'>) => void,
): Promise<Trust> {
  const task = taskOf(model);
  const labels = labelsOf(model);
  const usesThresholds = task.name === 'multi-label' && threshold === undefined;
  const calibration = calibrated || usesThresholds ? await readCalibration(folder) : undefined;
  if (calibrated) checkCalibrated(calibration, folder, task);
  const temperature = calibrated ? calibration!.temperature : undefined;
  const found = thresholdsOf(labels, threshold, calibration);
  if (!found) return { temperature, thresholds: labels.map(() => predictDefaults.threshold) };
  if (!usesThresholds) return { temperature, thresholds: found };
  reportThresholds(folder.name, labels, found, report);
  // They were found without the temperature, which is not to change labels.
  const thresholds = temperature ? found.map((each) => atTemperature(each, temperature)) : found;
  return { temperature, thresholds };
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

interface Sizes {
  maxLength: number;
  batchSize: number;
}

interface Parts extends Pick<Predictor, 'predict'> {
  encode(inputs: readonly PredictInput[]): EncodedExample[];
}

function classifier(
  model: SequenceClassifier<BertPreTrainedModel>,
  tokenizer: BertTokenizer,
  { thresholds, temperature, topK, abstainBelow = 0, maxLength, stride, batchSize }: PartOptions,
): Parts {
  const pipeline = new TextClassificationPipeline(model, tokenizer);
  const task = taskOf(model).name;
  const thresholdOf = new Map(labelsOf(model).map((label, id) => [label, thresholds[id]]));
  const topOf = ({ scores }: Pick<Prediction, 'scores'>) =>
    topK === undefined ? {} : { top: topLabels(scores, topK) };
  return {
    encode: (inputs) => pipeline.encode(inputs as readonly TextInput[], maxLength, stride),
    async predict(examples, signal) {
      const run = { batchSize, signal, temperature };
      const predictions = await pipeline.classify(examples, run);
      if (task === 'regression')
        return { task, predictions: predictions.map(({ score }) => ({ score })) };
      if (task === 'multi-label')
        return {
          task,
          predictions: predictions.map(({ scores }) => {
            const labels = topLabels(scores, 'all').filter(
              ({ label, score }) => score > thresholdOf.get(label)!,
            );
            return { labels: labels.map(({ label }) => label), scores, ...topOf({ scores }) };
          }),
        };
      return {
        task: 'classification',
        predictions: predictions.map((each) => ({
          ...each,
          label: each.score < abstainBelow ? null : each.label,
          ...topOf(each),
        })),
      };
    },
  };
}

function tagger(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  { maxLength, batchSize, temperature }: PartOptions,
): Parts {
  const pipeline = new TokenClassificationPipeline(model, tokenizer);
  const hasEntities = areEntityTags(labelsOf(model));
  return {
    encode: (inputs) => pipeline.encode(inputs as readonly WordsInput[], maxLength),
    async predict(examples, signal) {
      const run = { batchSize, signal, temperature };
      const tagged = await pipeline.tag(examples as readonly EncodedWords[], run);
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
