import {
  AutoConfig,
  AutoModel,
  type AutoModelClass,
  AutoModelForMultipleChoice,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../../bert/auto.ts';
import type { BertConfig } from '../../bert/config.ts';
import type { BertForMultipleChoice } from '../../bert/heads/multipleChoice.ts';
import { BertForQuestionAnswering } from '../../bert/heads/questionAnswering.ts';
import type { SequenceClassifier } from '../../bert/heads/sequenceClassification.ts';
import type { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import { BertModel } from '../../bert/model.ts';
import { type BertInputs, classificationLoss } from '../../bert/modelInputs.ts';
import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import {
  architectures,
  findArchitecture,
  findModelClass,
  type Head,
  taskHeads,
} from '../../bert/registry.ts';
import type { Device } from '../../device/device.ts';
import { type ModelFolder, type ModelSource, openModelFolder } from '../../formats/modelFolder.ts';
import { sentenceSettingsOf } from '../../formats/sentenceFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames, formatValue } from '../../platform/format.ts';
import { stack, type Tensor } from '../../tensor/index.ts';
import { BertTokenizer } from '../../text/tokenizer/index.ts';
import { tasks } from './index.ts';
import { forwardPairs, setSentenceSettings } from './similarity.ts';
import type { Task } from './task.ts';
import type { HeadChoice } from './trainedHead.ts';

/** A model that a task trains. */
export type TaskModel =
  | SequenceClassifier<BertPreTrainedModel>
  | BertForTokenClassification
  | BertForQuestionAnswering
  | BertForMultipleChoice
  | BertModel;

/**
 * The task of a model: its head's, and among those of a sequence classifier the one of
 * `problemType`. Without a `problemType`, one output is a score and several are classes.
 * @example
 * console.log(taskOf(model).name); // classification
 */
export function taskOf({ architecture, config }: TaskModel): Task {
  const head = findArchitecture(architecture)?.head;
  if (head !== undefined && isTaskHead(head)) return tasks[head];
  if (head === taskHeads.similarity) return tasks.similarity;
  const { problemType, numLabels } = config;
  if (problemType === 'regression' || (problemType === null && numLabels === 1))
    return tasks.regression;
  return problemType === 'multi_label_classification' ? tasks['multi-label'] : tasks.classification;
}

/** Heads of one task each, which has their name. */
const ownHeads = ['token-classification', 'question-answering', 'multiple-choice'] as const;
const isTaskHead = (head: Head): head is (typeof ownHeads)[number] =>
  (ownHeads as readonly Head[]).includes(head);

/** The device of a model. */
export const deviceOf = (model: TaskModel): Device => model.parameters()[0].device;

/**
 * Loss (with `labels`) and logits of a batch; of a question answerer [batch, length, 2], start and
 * end; of texts to compare their cosine, [batch, 1]. Choices that `choiceMask` marks with 0 are
 * never chosen.
 */
export function forwardForTask(
  model: TaskModel,
  { labels, choiceMask, ...inputs }: Record<string, Tensor>,
): { loss?: Tensor; logits: Tensor } {
  if (model instanceof BertModel)
    return forwardPairs(model, { ...inputs, ...(labels && { labels }) });
  if (model instanceof BertForQuestionAnswering) {
    const [startPositions, endPositions] = [0, 1].map((i) => labels?.select(1, i));
    const output = model.forward({
      ...(inputs as never as BertInputs),
      startPositions,
      endPositions,
    });
    return { loss: output.loss, logits: stack([output.startLogits, output.endLogits], -1) };
  }
  if (choiceMask === undefined) return model.forward({ ...inputs, labels } as never);
  const logits = model.forward(inputs as never).logits.add(choiceMask.sub(1).mul(MASKED));
  return { logits, loss: labels && classificationLoss(logits, labels, 'labels') };
}

/** Far above any logit. */
const MASKED = 1e9;

/** The labels of a model, in the order of their ids. */
export const labelsOf = ({ config: { id2label, numLabels } }: TaskModel): string[] =>
  Array.from({ length: numLabels }, (_, id) => id2label[id]);

/** A fresh model for a task. */
export function createTaskModel(task: Task, config: BertConfig, seed: number): TaskModel {
  const Model = findModelClass(taskHeads[task.name])!;
  const model: TaskModel = Model.fromConfig({ ...config, problemType: task.problemType }, seed);
  // No vector goes through it.
  if (model instanceof BertModel) model.pooler.freeze();
  return model;
}

const CLASSIFIERS = ['classifier', 'qa_outputs'].flatMap((name) => [
  `${name}.weight`,
  `${name}.bias`,
]);

/**
 * The model of a folder, to train it for a task. Its classifier is the folder's if the action is
 * to keep it, else drawn at random.
 * @throws UsageError as `BertPreTrainedModel.fromPretrained`.
 */
export async function loadForTask(
  source: ModelSource,
  { name, problemType }: Task,
  { action, labels }: HeadChoice,
  seed: number,
): Promise<TaskModel> {
  const Model = findModelClass(taskHeads[name])!;
  const model: TaskModel = await Model.fromPretrained(source, { labels, problemType, seed });
  if (model instanceof BertModel) {
    model.pooler.freeze();
    setSentenceSettings(model, await sentenceSettingsOf(await openModelFolder(source)));
  }
  if (action === 'kept' || action === 'renamed') return model;
  const { missing, unexpected } = model.loadReport;
  const weights = model.stateDict();
  const others = missing.filter((weight) => !CLASSIFIERS.includes(weight));
  const drawn = [...others, ...CLASSIFIERS.filter((weight) => weights.has(weight))];
  // As if the folder had none: the same weights whatever it has.
  model.initWeights(seed, new Set(drawn.map((weight) => weights.get(weight)!)));
  model.loadReport = { missing: action === 'replaced' ? others : drawn, unexpected };
  return model;
}

/**
 * The trained model and the tokenizer of a folder; `architectures` in its config.json says whether
 * it classifies texts or tokens, answers questions or chooses.
 * @throws UsageError as `loadTrained`.
 */
export async function loadTaskModel(
  source: ModelSource,
): Promise<{ model: TaskModel; tokenizer: BertTokenizer }> {
  const folder = await openModelFolder(source);
  const head = findArchitecture(await folder.architecture())?.head;
  switch (head) {
    case 'token-classification':
      return loadTrained(AutoModelForTokenClassification, folder);
    case 'question-answering':
      return loadTrained(AutoModelForQuestionAnswering, folder);
    case 'multiple-choice':
      return loadTrained(AutoModelForMultipleChoice, folder);
    case taskHeads.similarity: {
      const { model, tokenizer } = await loadTrained(AutoModel, folder, { unused: POOLER });
      setSentenceSettings(model as BertModel, await sentenceSettingsOf(folder));
      return { model: model as BertModel, tokenizer };
    }
    default:
      return loadTrained(AutoModelForSequenceClassification, folder);
  }
}

/** The part that no vector of a text goes through: many sentence models come without it. */
const POOLER = 'pooler.';

/**
 * The model of a folder, all of whose weights are in the folder, with its tokenizer.
 * @param options `tokenizer`: one that takes the place of the folder's. `unused`: how the names of
 *   weights begin that the task has no use for.
 * @throws UsageError when one cannot be read, when they do not fit each other (`checkVocab`), when
 * the folder's model is one for another task, or when weights are missing, the pooler's included:
 * they would be random.
 */
export async function loadTrained<M extends BertPreTrainedModel>(
  Model: AutoModelClass<M>,
  source: ModelSource,
  { tokenizer: given, unused }: { tokenizer?: BertTokenizer; unused?: string } = {},
): Promise<{ model: M; tokenizer: BertTokenizer }> {
  const folder = await openModelFolder(source);
  const config = await AutoConfig.fromPretrained(folder);
  const tokenizer = given ?? (await BertTokenizer.fromPretrained(folder));
  checkVocab(tokenizer, config, folder.name);
  await checkTask(folder, Model.heads);
  const model = await Model.fromPretrained(folder);
  const missing = model.loadReport.missing.filter((name) => !(unused && name.startsWith(unused)));
  if (missing.length > 0)
    throw new UsageError(
      `${folder.name} lacks ${formatNames(missing)}, so the output of ${model.architecture} ` +
        'would be random: train it first',
    );
  return { model, tokenizer };
}

/** Heads of models that are trained for a task; those of several tasks have weights of one name. */
const trainedHeads: ReadonlySet<Head> = new Set(
  Object.values(taskHeads).filter((head) => head !== taskHeads.similarity),
);

/** @throws UsageError when a folder's model is trained for another task than that of `heads`. */
async function checkTask(folder: ModelFolder, heads: readonly Head[] | undefined): Promise<void> {
  const entry = findArchitecture(await folder.architecture());
  if (!heads || !entry || heads.includes(entry.head) || !trainedHeads.has(entry.head)) return;
  const fitting = architectures.filter(({ head }) => heads.includes(head));
  throw new UsageError(
    `${folder.name}: expected a model for ${heads.join(' or ')}, one of ` +
      `${fitting.map(({ Model }) => Model.architecture).join(', ')}, ` +
      `got ${entry.Model.architecture}, which is for ${entry.head}`,
  );
}

/**
 * Checks that each token has an embedding, and that the embeddings are those of the vocabulary.
 * Some models have a few more embeddings than tokens.
 * @throws UsageError naming both numbers, and the tokens without embeddings.
 */
export function checkVocab(
  tokenizer: BertTokenizer,
  { vocabSize }: BertConfig,
  source: string,
): void {
  const { length, maskTokenId } = tokenizer;
  const numbers = `${source} has ${length} tokens, but the model has ${vocabSize} embeddings`;
  if (tokenizer.vocabSize > vocabSize)
    throw new UsageError(`${numbers}: give a vocab.txt and a config that belong together`);
  // A vocabulary without a mask token gets one, which no text has: only pre-training uses it.
  if (length === vocabSize + 1 && maskTokenId === vocabSize) return;
  if (length > vocabSize) {
    const ids = Array.from({ length: length - vocabSize }, (_, i) => vocabSize + i);
    const tokens = tokenizer.convertIdsToTokens(ids).map((token) => formatValue(token));
    throw new UsageError(
      `${numbers}, none for the added tokens ${formatNames(tokens)}: remove these from the ` +
        "tokenizer's files, or give them embeddings in Python " +
        '(model.resize_token_embeddings(len(tokenizer))) and save the model again',
    );
  }
  if (hasSpareEmbeddings(tokenizer, vocabSize))
    throw new UsageError(
      `${numbers} (vocab_size in its config.json): the vocabulary is cut short, or that of ` +
        'another model; if it is complete, fill it up with lines such as [unused0] and [unused1]',
    );
}

/**
 * Whether a model has more embeddings than its tokens explain: sizes are rounded up to a power of 2
 * for speed, and a few tokens may have been removed.
 */
export function hasSpareEmbeddings({ length }: BertTokenizer, vocabSize: number): boolean {
  const powerOf2 = vocabSize & -vocabSize;
  return vocabSize - length > Math.max(Math.min(powerOf2, 128) - 1, Math.floor(vocabSize / 100));
}
