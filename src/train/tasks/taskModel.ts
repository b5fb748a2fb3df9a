import { BertBiLMForSequenceClassification } from '../../bert/baselines/bidirectional.ts';
import { BertLMForSequenceClassification } from '../../bert/baselines/causal.ts';
import { CbowForSequenceClassification } from '../../bert/baselines/cbow.ts';
import type { BertConfig } from '../../bert/config.ts';
import {
  BertForSequenceClassification,
  type SequenceClassifier,
} from '../../bert/heads/sequenceClassification.ts';
import { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import type { BertPreTrainedModel } from '../../bert/model.ts';
import { findModel } from '../../formats/hub.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, isObject } from '../../platform/format.ts';
import { readJson } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { tasks } from './index.ts';
import type { Task } from './task.ts';

/** A model that a task trains. */
export type TaskModel = SequenceClassifier<BertPreTrainedModel> | BertForTokenClassification;

/** What a model is for, by its class and `problemType`: without one, a single output is a score. */
export function taskOf(model: TaskModel): Task {
  if (model instanceof BertForTokenClassification) return tasks['token-classification'];
  const { problemType, numLabels } = model.config;
  if (problemType === 'regression' || (problemType === null && numLabels === 1))
    return tasks.regression;
  return problemType === 'multi_label_classification' ? tasks['multi-label'] : tasks.classification;
}

/** The labels of a model, in the order of their ids. */
export const labelsOf = ({ config: { id2label, numLabels } }: TaskModel): string[] =>
  Array.from({ length: numLabels }, (_, id) => id2label[id]);

/** A fresh model for a task. */
export function createTaskModel(task: Task, config: BertConfig, seed: number): TaskModel {
  return modelClass(task.perToken).fromConfig({ ...config, problemType: task.problemType }, seed);
}

/** The model of a Hugging Face folder, to be trained for a task; its classifier is fresh unless it has that many labels. */
export function loadForTask(
  dir: string,
  task: Task,
  labels: readonly string[],
  seed: number,
): Promise<TaskModel> {
  return modelClass(task.perToken).fromPretrained(dir, {
    labels,
    problemType: task.problemType,
    seed,
  });
}

/**
 * A trained model and its tokenizer from a Hugging Face folder, or by its name on the hub; `architectures` in its
 * config.json tells what kind it is, if not a `BertForSequenceClassification`.
 * @throws UsageError when they cannot be read, do not belong together, or the classifier's weights are not among them.
 */
export async function loadTaskModel(
  nameOrDir: string,
): Promise<{ model: TaskModel; tokenizer: BertTokenizer }> {
  const dir = await findModel(nameOrDir);
  const tokenizer = await BertTokenizer.fromPretrained(dir);
  const name = await architectureOf(dir);
  const Model = taskModelClasses.find((known) => known.name === name) ?? taskModelClasses[0];
  const model = await Model.fromPretrained(dir);
  const missing = model.loadReport.missing.filter((name) => name.startsWith('classifier.'));
  if (missing.length > 0)
    throw new UsageError(
      `${nameOrDir} lacks ${formatNames(missing)}: train it first, it classifies nothing yet`,
    );
  checkVocab(tokenizer, model.config, nameOrDir);
  return { model, tokenizer };
}

/** @throws UsageError when a model has fewer embeddings than there are tokens. */
export function checkVocab(
  tokenizer: BertTokenizer,
  { vocabSize }: BertConfig,
  source: string,
): void {
  if (tokenizer.vocabSize > vocabSize) {
    throw new UsageError(
      `${source} has ${tokenizer.vocabSize} tokens, the model only ${vocabSize} embeddings: give a vocab.txt and a config that belong together`,
    );
  }
}

/** The class that wrote a folder, the first of `architectures` in its config.json; empty where it does not say. */
export async function architectureOf(dir: string): Promise<string> {
  const config = await readJson(joinPath(dir, 'config.json'));
  const architectures = isObject(config) ? config.architectures : undefined;
  return Array.isArray(architectures) && architectures.length > 0 ? String(architectures[0]) : '';
}

const taskModelClasses: { name: string; fromPretrained(dir: string): Promise<TaskModel> }[] = [
  BertForSequenceClassification,
  BertForTokenClassification,
  BertLMForSequenceClassification,
  BertBiLMForSequenceClassification,
  CbowForSequenceClassification,
];
const modelClass = (perToken: boolean) =>
  perToken ? BertForTokenClassification : BertForSequenceClassification;
