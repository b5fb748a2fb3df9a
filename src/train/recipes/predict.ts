import { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { predictDefaults } from '../defaults.ts';
import { areEntityTags } from '../metrics/entities.ts';
import type { TextInput } from '../pipelines/encode.ts';
import { type Prediction, TextClassificationPipeline } from '../pipelines/textClassification.ts';
import {
  type EntityGroup,
  groupEntities,
  type TaggedWord,
  TokenClassificationPipeline,
} from '../pipelines/tokenClassification.ts';
import { labelsOf, loadTaskModel, taskOf } from '../tasks/taskModel.ts';
import type { InputEventOf, RecipeCallbacks } from './events.ts';
import { fetchModel, reportWeights } from './start.ts';

export interface PredictRecipeOptions {
  /** Hugging Face folder of a trained model, or its name on the hub. */
  model: string;
  /** Pairs for a model that was trained on pairs; a model that tags words takes single texts. */
  texts: readonly TextInput[];
  /** Probability above which a label is given, for models that give several labels. Default 0.5. */
  threshold?: number;
  /** Longest text in tokens; longer ones are cut. Default: as long as the model allows. */
  maxLength?: number;
  /** Default 32. */
  batchSize?: number;
}

export type PredictEvent = InputEventOf<'weights' | 'download'>;

/** What is predicted of each text, in the order of the texts. */
export type PredictResult =
  | { task: 'classification'; predictions: Prediction[] }
  | { task: 'multi-label'; predictions: LabelsPrediction[] }
  | { task: 'regression'; predictions: { score: number }[] }
  | { task: 'token-classification'; predictions: WordsPrediction[] };

export interface LabelsPrediction {
  /** Labels above the threshold, the most likely first. */
  labels: string[];
  /** Probability of every label; they need not add up to 1. */
  scores: Record<string, number>;
}

export interface WordsPrediction {
  words: TaggedWord[];
  /** Present if the tags of the model mark entities. */
  entities?: EntityGroup[];
}

/**
 * Labels or scores texts, or tags their words, with a trained model on the default device.
 * @throws UsageError if the model cannot be used, or not with these options; NotFiniteError if
 * outputs are not finite; the reason of `signal` if it is aborted.
 * @example
 * const result = await predict({ model: 'out/model', texts: ['a wonderful film'] });
 * if (result.task === 'classification') console.log(result.predictions[0].label);
 */
export async function predict(
  options: PredictRecipeOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<PredictEvent> = {},
): Promise<PredictResult> {
  const {
    model: name,
    texts,
    batchSize,
    maxLength,
    threshold,
  } = withDefaults(predictDefaults, options);
  const { model, tokenizer } = await loadTaskModel(await fetchModel(name, report));
  reportWeights(name, model, report);
  const task = taskOf(model).name;
  if (options.threshold !== undefined && task !== 'multi-label')
    throw new UsageError(
      `\`threshold\`: expected a model that gives several labels, got ${name}, a model for ${task}`,
    );
  const how = { batchSize, maxLength, signal };
  if (model instanceof BertForTokenClassification) {
    const pipeline = new TokenClassificationPipeline(model, tokenizer);
    const predictions = await tagWords(pipeline, singleTexts(texts, name), how);
    return { task: 'token-classification', predictions };
  }
  const pipeline = new TextClassificationPipeline(model, tokenizer);
  const predictions = await pipeline.predict(texts, how);
  if (task === 'regression')
    return { task, predictions: predictions.map(({ score }) => ({ score })) };
  if (task === 'multi-label')
    return {
      task,
      predictions: predictions.map(({ scores }) => {
        return { labels: labelsAbove(threshold, scores), scores };
      }),
    };
  return { task: 'classification', predictions };
}

const labelsAbove = (threshold: number, scores: Record<string, number>): string[] =>
  Object.entries(scores)
    .filter(([, score]) => score > threshold)
    .sort(([, a], [, b]) => b - a)
    .map(([label]) => label);

/** @throws UsageError if there is a pair. */
function singleTexts(texts: readonly TextInput[], model: string): string[] {
  return texts.map((text) => {
    if (typeof text === 'string') return text;
    throw new UsageError(`\`texts\`: expected single texts, since ${model} tags words, got a pair`);
  });
}

async function tagWords(
  pipeline: TokenClassificationPipeline,
  texts: readonly string[],
  options: Parameters<TokenClassificationPipeline['predict']>[1],
): Promise<WordsPrediction[]> {
  const hasEntities = areEntityTags(labelsOf(pipeline.model));
  const tagged = await pipeline.predict(texts, options);
  return tagged.map((words, i) => {
    return { words, ...(hasEntities && { entities: groupEntities(texts[i], words) }) };
  });
}
