/** The classifier that a model folder brings along, and what becomes of it. */
import { readCheckpoint } from '../../bert/checkpoint/read.ts';
import { findArchitecture } from '../../bert/registry.ts';
import type { ModelFolder } from '../../formats/modelFolder.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import { areGenericLabels, labelFinder } from './labelNames.ts';
import type { TaskName } from './task.ts';

export interface TrainedHead {
  /** The folder's name, for messages. */
  model: string;
  /** What it may be trained for; several where the folder does not say. */
  tasks: readonly [TaskName, ...TaskName[]];
  /** Labels of its outputs, in the order of their ids. */
  labels: readonly string[];
}

/**
 * The classifier in a folder; undefined where there is none, as in a pre-trained model.
 * @throws UsageError as `readCheckpoint`.
 */
export async function readTrainedHead(folder: ModelFolder): Promise<TrainedHead | undefined> {
  const { config, tensors } = await readCheckpoint(folder);
  if (!['classifier.weight', 'qa_outputs.weight'].some((name) => tensors.has(name)))
    return undefined;
  const { head } = findArchitecture(await folder.architecture()) ?? {
    head: 'sequence-classification',
  };
  const { id2label, numLabels, problemType } = config;
  const labels = Array.from({ length: numLabels }, (_, id) => id2label[id]);
  const about = { model: folder.name, labels };
  if (isOwnTask(head)) return { ...about, tasks: [head] };
  if (head !== 'sequence-classification') return undefined;
  if (problemType === 'regression') return { ...about, tasks: ['regression'] };
  if (problemType === 'multi_label_classification') return { ...about, tasks: ['multi-label'] };
  if (problemType === 'single_label_classification') return { ...about, tasks: ['classification'] };
  return { ...about, tasks: numLabels === 1 ? ['regression'] : ['classification', 'multi-label'] };
}

/** Heads of one task, which has their name. */
const isOwnTask = (
  head: string,
): head is 'token-classification' | 'question-answering' | 'multiple-choice' =>
  ['token-classification', 'question-answering', 'multiple-choice'].includes(head);

/** What becomes of the classifier, and the labels of the model that is trained. */
export interface HeadChoice {
  /** `renamed`: kept, with names for outputs that had none; `new`: there was none before. */
  action: 'kept' | 'renamed' | 'replaced' | 'new';
  labels: readonly string[];
}

/**
 * Keeps a trained classifier whose labels are those of the data, in its own order (as Hugging
 * Face's run_glue.py), or whose outputs have no names yet.
 * @param data labels of the data in the order of a new classifier, and the file they are in
 * @throws UsageError when task or labels are others, unless `replaceHead` is set.
 */
export function chooseHead(
  head: TrainedHead | undefined,
  task: TaskName,
  data: { path: string; labels: readonly string[] },
  replaceHead = false,
): HeadChoice {
  const { labels } = data;
  if (task === 'similarity') return { action: 'kept', labels };
  if (!head) return { action: 'new', labels };
  if (replaceHead) return { action: 'replaced', labels };
  const replace = '`replaceHead: true` to draw a new classifier';
  if (!head.tasks.includes(task))
    throw new UsageError(
      `${head.model} is trained for ${head.tasks[0]} (${formatNames(head.labels)}), ` +
        `not for ${task}: set \`task: '${head.tasks[0]}'\`, or ${replace}`,
    );
  if (hasFixedOutputs(task) || (task === 'regression' && head.labels.length === 1))
    return { action: 'kept', labels: head.labels };
  if (areGenericLabels(head.labels) && !labels.every((label) => head.labels.includes(label))) {
    if (labels.length === head.labels.length) return { action: 'renamed', labels };
  } else if (task !== 'regression' && labels.every(isIn(head.labels)))
    return { action: 'kept', labels: head.labels };
  throw new UsageError(
    `${data.path} has other labels than ${head.model}: expected labels among ` +
      `${formatNames(head.labels)}, got ${formatNames(labels)}; ` +
      `name the labels as the model does, or set ${replace}`,
  );
}

/** Tasks whose outputs have no labels of the data. */
const hasFixedOutputs = (task: TaskName): boolean =>
  task === 'question-answering' || task === 'multiple-choice';

const isIn = (labels: readonly string[]) => {
  const find = labelFinder(labels);
  return (label: string): boolean => find(label) !== undefined;
};
