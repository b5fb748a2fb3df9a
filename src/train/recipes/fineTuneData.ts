import { UsageError } from '../../platform/errors.ts';
import { formatNames } from '../../platform/format.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import { type EncodedExample, encodeExamples } from '../data/batch.ts';
import { type DataOptions, type LabelledData, readData } from '../data/labelledData.ts';
import { stratifiedSplit } from '../data/split.ts';
import { tasks } from '../tasks/index.ts';
import type { Task, TaskName } from '../tasks/task.ts';
import type { InputEvent, InputEventOf } from './events.ts';
import { reportUnknownPieces } from './start.ts';

type Report = (event: InputEvent) => void;

export interface FineTuneDataOptions
  extends Pick<DataOptions, 'textColumn' | 'pairColumn' | 'labelColumn' | 'labelSeparator'> {
  /** TSV, CSV, JSONL or CoNLL file with labels. */
  data: string;
  /** What the labels say. Default: 'classification'. */
  task?: TaskName;
  /** File to validate with. Default: a part of `data`. */
  valid?: string;
  /** Share of `data` set aside for validation, if there is no `valid`. Default 0.2. */
  validSplit: number;
  /** Longest text in tokens, [CLS] and [SEP] included; longer ones are cut. Default 39. */
  maxLength: number;
  seed: number;
}

export interface ReadFiles {
  task: Task;
  data: LabelledData;
  validData?: LabelledData;
  /** Label of each output of the model. */
  labels: string[];
}

/** Reads a file of labelled data and reports its broken rows. */
export async function readReporting(
  path: string,
  options: DataOptions,
  report: (event: InputEventOf<'skippedRows'>) => void,
): Promise<LabelledData> {
  const data = await readData(path, options);
  if (data.problems.length > 0) report({ event: 'skippedRows', path, problems: data.problems });
  return data;
}

/** Reads the files of a fine-tuning. */
export async function readFiles(options: FineTuneDataOptions, report: Report): Promise<ReadFiles> {
  const { textColumn, pairColumn, labelColumn, labelSeparator } = options;
  const task = tasks[options.task ?? 'classification'];
  const columns = { textColumn, pairColumn, labelColumn, labelSeparator, task: task.name };
  const data = await readReporting(options.data, columns, report);
  const labels = outputLabels(task, data, options);
  const validData =
    options.valid === undefined
      ? undefined
      : await readReporting(options.valid, { ...columns, labels: data.labels }, report);
  return { task, data, validData, labels };
}

/** Encodes the examples and sets some aside for validation. */
export function encodeAndSplit(
  { task, data, validData }: ReadFiles,
  options: FineTuneDataOptions,
  tokenizer: BertTokenizer,
  maxPositions: number,
  report: Report,
): { train: EncodedExample[]; valid: EncodedExample[] } {
  const encode = (path: string, { examples }: LabelledData) => {
    const encoded = encodeExamples(examples, tokenizer, options.maxLength, maxPositions);
    reportLostWords(path, { examples }, encoded, report);
    // A sentence that has lost all its words teaches nothing.
    return encoded.filter(({ label }) => task.lossWeight(label!) > 0);
  };
  const all = encode(options.data, data);
  const ids = all.map(({ inputIds }) => inputIds);
  reportUnknownPieces(options.data, ids, tokenizer, report);
  if (validData) return { train: all, valid: encode(options.valid!, validData) };
  // Only single labels can keep their share in both parts.
  const strata = all.map(({ label }) => (task === tasks.classification ? (label as number) : 0));
  const split = stratifiedSplit(strata, options.validSplit, options.seed);
  return { train: split.train.map((i) => all[i]), valid: split.valid.map((i) => all[i]) };
}

/** Reports how many tagged words the model never sees. */
export function reportLostWords(
  path: string,
  { examples }: Pick<LabelledData, 'examples'>,
  encoded: readonly EncodedExample[],
  report: (event: InputEventOf<'lostWords'>) => void,
): void {
  if (!examples[0].words) return;
  const { lossWeight } = tasks['token-classification'];
  const words = sum(examples.map((example) => example.words!.length));
  const lost = words - sum(encoded.map(({ label }) => lossWeight(label!)));
  if (lost > 0) report({ event: 'lostWords', path, lost, words });
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * The label of each output of the model; a score has the name that Hugging Face gives it.
 * @throws UsageError if there is nothing to tell apart, or the labels are of another task.
 */
function outputLabels(
  task: Task,
  { labels, examples }: LabelledData,
  { data: path, task: asked }: FineTuneDataOptions,
): string[] {
  if (task === tasks.regression) {
    const [{ label: first }] = examples;
    if (examples.every(({ label }) => label === first))
      throw new UsageError(`${path}: expected different scores, got ${first} only`);
    return ['LABEL_0'];
  }
  if (task === tasks['multi-label'] && labels.length > 0) return labels;
  if (labels.length < 2) {
    const only = labels.length === 0 ? 'none' : `one only (${labels[0]})`;
    throw new UsageError(`${path}: expected two or more labels, got ${only}`);
  }
  const areNumbers = labels.every((label) => Number.isFinite(Number(label)));
  const hasFractions = labels.some((label) => !Number.isInteger(Number(label)));
  if (asked === undefined && areNumbers && hasFractions)
    throw new UsageError(
      `${path}: the labels are numbers with fractions (${formatNames(labels, 3)}); ` +
        "set `task: 'regression'` for scores, or `task: 'classification'` if they are labels",
    );
  return labels;
}
