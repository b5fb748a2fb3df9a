import type { TableOptions } from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import {
  type DataOptions,
  encodeLabels,
  type LabelledData,
  type NamedExamples,
  readData,
  readExamples,
} from '../data/labelledData.ts';
import { stratifiedSplit } from '../data/split.ts';
import { tasks } from '../tasks/index.ts';
import type { Task, TaskName } from '../tasks/task.ts';
import { chooseHead, type HeadChoice, type TrainedHead } from '../tasks/trainedHead.ts';
import type { InputEvent, InputEventOf } from './events.ts';
import { encodeForTask, fittingLength, splitWindows } from './questionData.ts';
import { reportRows, reportTags } from './reports.ts';

type Report = (event: InputEvent) => void;

/** Which columns of a file are read, and how. */
export type FileOptions = TableOptions &
  Pick<
    DataOptions,
    'textColumn' | 'pairColumn' | 'labelColumn' | 'labelColumns' | 'labelSeparator'
  >;

export interface FineTuneDataOptions extends FileOptions {
  /** TSV, CSV, JSONL or CoNLL file with labels. */
  data: string;
  /** What the labels say. Default: 'multi-label' with `labelColumns`, else 'classification'. */
  task?: TaskName;
  /** File to validate with. Default: a part of `data`. */
  valid?: string;
  /** Share of `data` set aside for validation, if there is no `valid`. Default 0.2. */
  validSplit: number;
  /**
   * Longest text in tokens, [CLS] and [SEP] included; longer ones are cut. Default 39; 384 for
   * questions, whose contexts are seen in windows of this length; 128 for choices.
   */
  maxLength: number;
  /** Questions: tokens that windows of a context share. Default 128, or half of `maxLength`. */
  stride?: number;
  /** Draws a new classifier if the model has one for other labels. Default: they are refused. */
  replaceHead?: boolean;
  seed: number;
}

export interface ReadFiles {
  task: Task;
  data: LabelledData;
  validData?: LabelledData;
  /** The classifier, and the label of each output of the model. */
  head: HeadChoice;
}

/** Reads a file of labelled data and reports its broken rows. */
export async function readReporting(
  path: string,
  options: DataOptions,
  report: (
    event: InputEventOf<'skippedRows' | 'duplicateColumns' | 'encoding' | 'columns'>,
  ) => void,
): Promise<LabelledData> {
  const data = await readData(path, options);
  reportRows(path, data, report);
  return data;
}

/**
 * Reads the files of a fine-tuning.
 * @param trained the classifier of the model to go on from, if it has one
 * @throws UsageError also when the labels do not go with `trained`.
 */
export async function readFiles(
  options: FineTuneDataOptions,
  trained: TrainedHead | undefined,
  report: Report,
): Promise<ReadFiles> {
  const { data: path, valid } = options;
  const named = await readExamples(path, options, trained?.labels);
  const { task } = named;
  reportRows(path, named, report);
  const found = outputLabels(named, options, trained === undefined || options.replaceHead === true);
  const head = chooseHead(trained, task.name, { path, labels: found }, options.replaceHead);
  if (head.action === 'renamed' || head.action === 'replaced') {
    const { model, labels: from } = trained!;
    report({ event: 'head', model, action: head.action, from, to: head.labels });
  }
  const labels = namesLabels(task) ? head.labels : [];
  const validData =
    valid === undefined
      ? undefined
      : await readData(valid, { ...options, task: task.name, labels });
  if (validData && valid !== path) reportRows(valid!, validData, report);
  if (task.perToken) reportTags(path, labels, report);
  return { task, data: encodeLabels(named, labels), validData, head };
}

/** Whether the outputs of a task have the names of the data's labels. */
const namesLabels = (task: Task): boolean =>
  ![tasks.regression, tasks['question-answering'], tasks['multiple-choice']].includes(task);

/** Encodes the examples and sets some aside for validation. */
export function encodeAndSplit(
  { task, data, validData }: ReadFiles,
  options: FineTuneDataOptions,
  tokenizer: BertTokenizer,
  maxPositions: number,
  report: Report,
): { train: EncodedExample[]; valid: EncodedExample[] } {
  const { data: path, valid: validPath } = options;
  const maxLength = fittingLength(task, options.maxLength, maxPositions);
  const encode = (path: string, { examples }: LabelledData, report: Report) => {
    const lengths = { maxLength, maxPositions, stride: options.stride };
    const encoded = encodeForTask(task, { path, examples }, tokenizer, lengths, report);
    // A sentence that has lost all its words teaches nothing.
    return encoded.filter(({ label }) => task.lossWeight(label!) > 0);
  };
  const all = encode(path, data, report);
  if (validData) {
    // What holds for the whole run, or for the same file, is said once.
    const reportOther: Report = (event) =>
      validPath !== path && event.event !== 'loweredVocabulary' && report(event);
    return { train: all, valid: encode(validPath!, validData, reportOther) };
  }
  const windows = all.flatMap(({ window }) => window ?? []);
  if (windows.length > 0) {
    const parts = splitWindows(windows, options.validSplit, options.seed);
    return { train: parts.train.map((i) => all[i]), valid: parts.valid.map((i) => all[i]) };
  }
  // Only single labels can keep their share in both parts.
  const strata = all.map(({ label }) => (task === tasks.classification ? (label as number) : 0));
  const split = stratifiedSplit(strata, options.validSplit, options.seed);
  return { train: split.train.map((i) => all[i]), valid: split.valid.map((i) => all[i]) };
}

/**
 * The labels of a new model for the data; a score has the name that Hugging Face gives it.
 * @throws UsageError if there is nothing to tell apart, or the labels are of another task.
 */
function outputLabels(
  { task, labels, examples }: NamedExamples,
  { data: path, task: asked }: FineTuneDataOptions,
  isNew: boolean,
): string[] {
  if (task === tasks.regression) {
    const [{ rawLabel: first }] = examples;
    if (examples.every(({ rawLabel }) => rawLabel === first))
      throw new UsageError(`${path}: expected different scores, got ${first} only`);
    return ['LABEL_0'];
  }
  if (task === tasks['multi-label'] && labels.length > 0) return labels;
  if (!namesLabels(task)) return ['LABEL_0', 'LABEL_1'];
  if (labels.length < 2) {
    const only = labels.length === 0 ? 'none' : `one only (${labels[0]})`;
    throw new UsageError(`${path}: expected two or more labels, got ${only}`);
  }
  const areNumbers = labels.every((label) => Number.isFinite(Number(label)));
  const hasFractions = labels.some((label) => !Number.isInteger(Number(label)));
  if (isNew && asked === undefined && areNumbers && hasFractions)
    throw new UsageError(
      `${path}: the labels are numbers with fractions (${formatNames(labels, 3)}); ` +
        "set `task: 'regression'` for scores, or `task: 'classification'` if they are labels",
    );
  return labels;
}
