import type { BertPreTrainedModel } from '../../bert/pretrainedModel.ts';
import { version } from '../../device/tuning/tuningFile.ts';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { removeFile } from '../../platform/checkedFolder.ts';
import { formatNames } from '../../platform/format.ts';
import { fileExists, pathExists, readText } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { filesOf } from '../data/severalFiles.ts';
import type { PretrainHistory } from '../pretraining/history.ts';
import { formatMetric, metricKey, metricNames } from '../tasks/metric.ts';
import type { TaskName } from '../tasks/task.ts';
import { labelsOf, type TaskModel, taskOf } from '../tasks/taskModel.ts';
import type { History } from '../trainer/history.ts';
import type { ReadFiles } from './fineTuneData.ts';
import { baseFacts, cardText, type Figure, languageOf } from './modelCardText.ts';

/** Settings as a checkpoint keeps them. */
interface Kept {
  model?: string;
  device?: unknown;
  hashes?: unknown;
  /** What the run was begun by. */
  command?: unknown;
  version?: unknown;
}

const CARD = 'README.md';
/** Cards with this line are replaced, others are people's own. */
export const MARK =
  '<!-- Written by wigbert, which replaces this file: remove this line to keep it. -->';

/** Hugging Face's names of pipelines. */
const pipelineTags: Record<TaskName, string> = {
  classification: 'text-classification',
  'multi-label': 'text-classification',
  regression: 'text-classification',
  'token-classification': 'token-classification',
  'question-answering': 'question-answering',
  'multiple-choice': 'multiple-choice',
  similarity: 'sentence-similarity',
};

interface FineTuned {
  settings: Kept & { data: string | readonly string[]; valid?: string };
  model: TaskModel;
  files: ReadFiles;
  history: History;
  /** Examples; of questions, windows. */
  counts: { train: number; valid: number };
}

/** Writes the card of a fine-tuned model, unless a person has written one there. */
export async function writeFineTuneCard(
  dir: string,
  { settings, model, files, history, counts }: FineTuned,
): Promise<void> {
  const task = taskOf(model);
  const best = history.bestEpoch;
  const figures = task.monitoredMetrics(labelsOf(model)).flatMap((metric): Figure[] => {
    const value = best?.[metricKey('valid', metric) as 'validF1'];
    const shown = { name: metricNames[metric], type: metric.toLowerCase() };
    return value === undefined ? [] : [{ ...shown, value, text: formatMetric(metric, value) }];
  });
  const texts = files.data.examples.slice(0, 200);
  const { labels } = files.data;
  const { valid } = settings;
  await writeCard(dir, settings, model, {
    pipelineTag: pipelineTags[task.name],
    purpose: task.name,
    files: [...filesOf(settings.data), ...(valid === undefined ? [] : [valid])],
    data: [
      `${counts.train} examples to train on, ${counts.valid} to validate with`,
      ...(labels.length > 0 ? [`labels: ${formatNames(labels, 20)}`] : []),
      ...(files.data.problems.length > 0
        ? [`${files.data.problems.length} broken rows left out`]
        : []),
    ],
    figures,
    when: best && `after step ${best.step} (epoch ${best.epoch}), whose weights are kept`,
    language: languageOf(texts.map(({ text, pair }) => `${text} ${pair ?? ''}`)),
  });
}

interface Pretrained {
  settings: Kept & { files: readonly string[]; objective: string };
  model: BertPreTrainedModel;
  history: PretrainHistory;
}

/** Writes the card of a pre-trained model, unless a person has written one there. */
export async function writePretrainCard(
  dir: string,
  { settings, model, history }: Pretrained,
): Promise<void> {
  const last = history.evaluations.at(-1);
  const named: [keyof NonNullable<typeof last>, string][] = [
    ['validLoss', 'loss'],
    ['validPerplexity', 'perplexity'],
    ['validAccuracy', 'accuracy'],
  ];
  const figures = named.flatMap(([key, name]): Figure[] => {
    const value = last?.[key];
    return value === undefined ? [] : [{ name, type: name, value, text: value.toFixed(3) }];
  });
  await writeCard(dir, settings, model, {
    pipelineTag: settings.objective.startsWith('mlm') ? 'fill-mask' : undefined,
    purpose: `pre-training (${settings.objective})`,
    files: settings.files,
    data: [`${history.steps.length} steps`],
    figures,
    when: last && `after step ${last.step}`,
  });
}

interface Content {
  pipelineTag?: string;
  purpose: string;
  files: readonly string[];
  data: readonly string[];
  figures: readonly Figure[];
  when?: string;
  language?: string;
}

async function writeCard(
  dir: string,
  { command, version: begunBy = version, device, hashes, ...settings }: Kept,
  model: BertPreTrainedModel,
  { files, language, ...content }: Content,
): Promise<void> {
  const from = settings.model;
  const isFolder = from !== undefined && (await pathExists(from));
  const baseCard = from === undefined ? '' : joinPath(from, CARD);
  const base = isFolder && (await fileExists(baseCard)) ? baseFacts(await readText(baseCard)) : {};
  const sums = Array.isArray(hashes) ? (hashes as string[]) : [];
  const text = cardText({
    ...content,
    ...{ mark: MARK, title: dir.split(/[/\\]/).findLast((part) => part !== '') ?? dir },
    ...{ base, from, isFolder, language, settings },
    ...(typeof command === 'string' && { command }),
    architecture: model.architecture,
    size:
      `${model.config.numHiddenLayers} layers × ${model.config.hiddenSize}, ` +
      `${model.parameterCount.toLocaleString('en')} parameters`,
    files: files.map((file, i) => ({ name: file.split(/[/\\]/).at(-1)!, sha256: sums[i] })),
    versions: `wigbert ${begunBy}, device ${device}`,
  });
  await saveCard(dir, text);
}

/** Writes a card, which has the mark, unless a person has written one there. */
export async function saveCard(dir: string, text: string): Promise<void> {
  if (!(await isKept(joinPath(dir, CARD)))) await writeFiles(dir, { [CARD]: text });
}

/** Whether there is a card that people wrote themselves. */
const isKept = async (path: string): Promise<boolean> =>
  (await pathExists(path)) && !(await readText(path)).includes(MARK);

/** Removes the card of an earlier model, unless people wrote it. */
export async function removeCard(dir: string): Promise<void> {
  const path = joinPath(dir, CARD);
  if (!(await isKept(path))) await removeFile(path);
}
