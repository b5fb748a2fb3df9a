import type { TableOptions } from '../../formats/tables/table.ts';
import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import { checkStride, windowsOf } from '../data/documents.ts';
import {
  type DataOptions,
  type Example,
  encodeLabels,
  type LabelledData,
  type NamedExamples,
  readData,
} from '../data/labelledData.ts';
import { checkPairs, filesOf, namesOfFiles, readExamplesOf } from '../data/severalFiles.ts';
import { oversample, type Split } from '../data/split.ts';
import { tasks } from '../tasks/index.ts';
import type { Task, TaskName } from '../tasks/task.ts';
import { chooseHead, type HeadChoice, type TrainedHead } from '../tasks/trainedHead.ts';
import type { LossOptions } from '../trainer/trainingLoss.ts';
import type { InputEvent, InputEventOf } from './events.ts';
import { encodeForTask, fittingLength, splitStrata, splitWindows } from './questionData.ts';
import { reportRows, reportTags } from './reports.ts';

type Report = (event: InputEvent) => void;

/** Which columns of a file are read, and how. */
export type FileOptions = TableOptions &
  Pick<
    DataOptions,
    'textColumn' | 'pairColumn' | 'labelColumn' | 'labelColumns' | 'labelSeparator'
  >;

export interface FineTuneDataOptions extends FileOptions {
  /** TSV, CSV, JSONL, Parquet or CoNLL file with labels, or several, each with its own columns. */
  data: string | readonly string[];
  /** What the labels say. Default: 'multi-label' with `labelColumns`, else 'classification'. */
  task?: TaskName;
  /** File to validate with. Default: a part of `data`. */
  valid?: string;
  /** Share of `data` set aside for validation, if there is no `valid`. Default 0.2. */
  validSplit: number;
  /**
   * Cross-validation: one of `folds` parts of `data` is set aside instead, the one numbered `fold`,
   * from 1.
   */
  folds?: number;
  fold?: number;
  /** Repeats the examples to train on of rarer classes, up to the number of the most frequent. */
  balance?: boolean;
  /**
   * Longest text in tokens, [CLS] and [SEP] included; longer ones are cut. Default 39; 384 for
   * questions, whose contexts are seen in windows of this length; 128 for choices.
   */
  maxLength: number;
  /**
   * Reads longer texts in windows that repeat so many tokens of the one before, instead of cutting
   * them. Each is an example to train on; metrics count a text once, by the mean of its windows.
   * Contexts of questions are always read so; their default is 128, or half of `maxLength`.
   */
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

/** Reads labelled data of one or several files and reports broken rows. */
export async function readReporting(
  data: string | readonly string[],
  options: DataOptions,
  report: (
    event: InputEventOf<'skippedRows' | 'duplicateColumns' | 'encoding' | 'columns'>,
  ) => void,
): Promise<LabelledData> {
  const { all, parts } = await readExamplesOf(data, options, options.labels);
  for (const part of parts) reportRows(part.name, part, report);
  return encodeLabels(all, options.labels);
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
  const { data, valid } = options;
  checkSplit(options);
  const { all: named, parts } = await readExamplesOf(data, options, trained?.labels);
  const { task, name: path } = named;
  for (const part of parts) reportRows(part.name, part, report);
  checkTask(options, task);
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
  if (validData) checkPairs(named, { ...validData, name: valid! });
  if (validData && !filesOf(data).includes(valid!)) reportRows(valid!, validData, report);
  if (task.perToken) reportTags(path, labels, report);
  return { task, data: encodeLabels(named, labels), validData, head };
}

/** Whether the outputs of a task have the names of the data's labels. */
const namesLabels = (task: Task): boolean =>
  ![
    tasks.regression,
    tasks['question-answering'],
    tasks['multiple-choice'],
    tasks.similarity,
  ].includes(task);

/** Examples to train on and to validate with. */
export interface SplitData {
  train: EncodedExample[];
  valid: EncodedExample[];
  /** The validation examples as they are in their file. */
  validSources: Example[];
}

/** Encodes the examples and sets some aside for validation. */
export function encodeAndSplit(
  { task, data, validData }: ReadFiles,
  options: FineTuneDataOptions,
  tokenizer: BertTokenizer,
  maxPositions: number,
  report: Report,
): SplitData {
  const { stride, seed, valid: validPath } = options;
  const maxLength = fittingLength(task, options.maxLength, maxPositions);
  const path = namesOfFiles(options.data);
  const encode = (path: string, { examples }: LabelledData, report: Report) => {
    const lengths = { maxLength, maxPositions, stride };
    const given = { path, examples };
    const { encoded, sources } = encodeForTask(task, given, tokenizer, lengths, report);
    // A sentence that has lost all its words teaches nothing.
    const used = [...encoded.keys()].filter((i) => task.lossWeight(encoded[i].label!) > 0);
    return { encoded: used.map((i) => encoded[i]), sources: used.map((i) => sources[i]) };
  };
  const { encoded: all, sources } = encode(path, data, report);
  const toTrain = (examples: readonly EncodedExample[]): EncodedExample[] => {
    const windows = examples.flatMap(windowsOf<EncodedExample>);
    if (!options.balance) return windows;
    const indices = oversample(
      windows.map(({ label }) => label as number),
      seed,
    );
    report({ event: 'balanced', path, before: windows.length, after: indices.length });
    return indices.map((i) => windows[i]);
  };
  if (validData) {
    // What holds for the whole run, or for the same file, is said once.
    const isOther = !filesOf(options.data).includes(validPath!);
    const reportOther: Report = (event) =>
      isOther && event.event !== 'loweredVocabulary' && report(event);
    const held = encode(validPath!, validData, reportOther);
    return { train: toTrain(all), valid: held.encoded, validSources: held.sources };
  }
  const split = splitOf(task, all, options);
  return {
    train: toTrain(split.train.map((i) => all[i])),
    valid: split.valid.map((i) => all[i]),
    validSources: split.valid.map((i) => sources[i]),
  };
}

/** The examples to train on and to validate with, by their indices. */
function splitOf(task: Task, all: readonly EncodedExample[], options: FineTuneDataOptions): Split {
  const windows = all.flatMap(({ window }) => window ?? []);
  if (windows.length > 0) return splitWindows(windows, options);
  // Only single labels can keep their share in both parts.
  const strata = all.map(({ label }) => (task === tasks.classification ? (label as number) : 0));
  return splitStrata(strata, options);
}

/** @throws UsageError for options of a split that exclude each other. */
function checkSplit({ folds, valid, stride, balance, classWeights }: CheckedOptions): void {
  checkStride(stride);
  if (folds !== undefined && valid !== undefined)
    throw new UsageError('`folds` and `valid` exclude each other: each fold validates the others');
  if (balance && classWeights !== undefined)
    throw new UsageError('`balance` and `classWeights` exclude each other: both favour classes');
}

type CheckedOptions = FineTuneDataOptions & Pick<LossOptions, 'classWeights' | 'loss'>;

const isUncut = ({ name }: Pick<Task, 'name'>): boolean =>
  name === 'multiple-choice' || name === 'similarity';

/** @throws UsageError for options that a task has no use for. */
export function checkTask(
  { stride, balance }: Pick<FineTuneDataOptions, 'stride' | 'balance'>,
  task: Pick<Task, 'name' | 'perToken'>,
): void {
  if (stride !== undefined && (task.perToken || isUncut(task))) {
    const hint = task.perToken ? ': split documents into sentences instead' : '';
    throw new UsageError(
      `\`stride\`: expected a task that labels texts or answers questions, got ${task.name}${hint}`,
    );
  }
  if (balance && task.name !== 'classification')
    throw new UsageError(`\`balance\`: expected classification, got ${task.name}`);
}

/**
 * The labels of a new model for the data; a score has the name that Hugging Face gives it.
 * @throws UsageError if there is nothing to tell apart, or the labels are of another task.
 */
function outputLabels(
  { task, labels, examples }: NamedExamples,
  options: CheckedOptions,
  isNew: boolean,
): string[] {
  const { data, task: asked } = options;
  const path = namesOfFiles(data);
  if (task === tasks.regression || task === tasks.similarity) {
    const [{ rawLabel: first }] = examples;
    if (examples.every(({ rawLabel }) => rawLabel === first)) checkOneScore(path, first, options);
    return task === tasks.regression ? ['LABEL_0'] : ['LABEL_0', 'LABEL_1'];
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

/**
 * @throws UsageError unless pairs that all have one score teach something, and nothing is validated
 * with them.
 */
function checkOneScore(path: string, score: unknown, options: CheckedOptions): void {
  const { loss, valid, validSplit, folds } = options;
  const comparesPairs = loss === 'multiple-negatives';
  const validates = valid === undefined && (folds !== undefined || validSplit > 0);
  if (comparesPairs && !validates) return;
  const hint = comparesPairs
    ? '; to train on such pairs, set `valid` to a file of pairs with scores, or `validSplit: 0`'
    : '';
  throw new UsageError(`${path}: expected different scores, got ${score} only${hint}`);
}
