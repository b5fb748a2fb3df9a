import { withDefaults } from '../../platform/defaults.ts';
import { UsageError } from '../../platform/errors.ts';
import { checkKeys, type NamesOf } from '../../platform/usage.ts';
import { namesOfFiles } from '../data/severalFiles.ts';
import { evaluateDefaults } from '../defaults.ts';
import type { Label, Report, TaskName } from '../tasks/task.ts';
import { labelsOf, loadTaskModel, taskOf } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import {
  type Abstention,
  type Assessed,
  abstentionOf,
  type Calibration,
  calibrationOf,
  checkWorst,
  decisionsOf,
  type WorstExample,
  worstExamples,
} from './assess.ts';
import {
  atTemperature,
  type CalibrationFile,
  checkAbstaining,
  checkCalibrated,
  readCalibration,
  thresholdsOf,
} from './calibrationFile.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import { checkTask, type FileOptions, readReporting } from './fineTuneData.ts';
import { checkThreshold } from './predictorOptions.ts';
import { encodeForTask, fittingDefault } from './questionData.ts';
import { reportTags, reportThresholds } from './reports.ts';
import { longestText } from './sentenceFolder.ts';
import { fetchModel, reportWeights } from './start.ts';

/** Options of `evaluate`. */
export interface EvaluateOptions extends FileOptions {
  /** Hugging Face folder of a trained model or of its adapter, or its name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /**
   * TSV, CSV, JSONL, Parquet or CoNLL file with labels of the kind the model was trained on, or
   * several, each with its own columns.
   */
  data: string | readonly string[];
  /** Longest text in tokens, [CLS] and [SEP] included. Default: as long as the model allows. */
  maxLength?: number;
  /**
   * As for training: longer texts are read in windows, and predicted by their mean; of questions,
   * tokens that windows of a context share (default 128, or half of `maxLength`).
   */
  stride?: number;
  /** Default 64. */
  batchSize?: number;
  /**
   * Probability above which a label is given, for models that give several labels. Default: the
   * one that training found for each label, else 0.5.
   */
  threshold?: number;
  /** Gives `worst`: this many texts, those of the highest loss. */
  worst?: number;
  /** Gives `abstention`: the accuracy on texts whose label is at least as probable. */
  abstainBelow?: number;
  /** Whether these probabilities are calibrated by the model's temperature. Default false. */
  calibrated?: boolean;
}

const known = Object.keys({
  ...{ model: true, base: true, data: true, maxLength: true, stride: true, batchSize: true },
  ...{ textColumn: true, pairColumn: true, labelColumn: true, labelColumns: true },
  ...{ labelSeparator: true, format: true, encoding: true, threshold: true, worst: true },
  ...{ abstainBelow: true, calibrated: true },
} satisfies NamesOf<EvaluateOptions>);

/** What `evaluate` reports. */
export type EvaluateEvent = InputEvent;

/** What `evaluate` resolves with. */
export interface EvaluateResult extends Report {
  task: TaskName;
  /** Label of each output of the model; a regression has one, named LABEL_0. */
  labels: string[];
  /** Mean over the examples (over the tagged words of all of them). */
  loss: number;
  examples: number;
  /** Broken rows that were left out. */
  skipped: number;
  /** Absent for scores. */
  calibration?: Calibration;
  abstention?: Abstention;
  worst?: WorstExample[];
}

/**
 * Measures a trained model on files of labelled texts, pairs of texts or words, on the default
 * device. Processes that train together share the work: each of them calls this.
 * @throws UsageError if model or data cannot be used; NotFiniteError if outputs are not finite; the
 * reason of `signal` if it is aborted.
 * @example
 * const { metrics } = await evaluate({ model: 'out/model', data: 'test.tsv' });
 * console.log(metrics.accuracy);
 */
export async function evaluate(
  options: EvaluateOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<EvaluateEvent> = {},
): Promise<EvaluateResult> {
  checkKeys(options, known, 'option of evaluate');
  const {
    model: name,
    base,
    data: files,
    maxLength: asked,
    stride,
    batchSize,
    threshold,
    worst: _,
    abstainBelow: __,
    calibrated: ___,
    ...columns
  } = withDefaults(evaluateDefaults, options);
  const folder = await fetchModel(name, report, base);
  const { model, tokenizer } = await loadTaskModel(folder);
  reportWeights(name, model, report);
  const task = taskOf(model);
  checkTask({ stride }, task);
  const labels = labelsOf(model);
  checkOptions(options, task.name);
  const calibration = await readCalibration(folder);
  if (options.calibrated) checkCalibrated(calibration, folder, task);
  const { maxPositionEmbeddings } = model.config;
  const reading = readReporting(files, { ...columns, task: task.name, labels }, report);
  const data = await (task.name === 'similarity' ? forPairs(reading, name) : reading);
  const longest = longestText(model, tokenizer);
  const maxLength = asked ?? fittingDefault(task.name, longest);
  const lengths = { maxLength, maxPositions: maxPositionEmbeddings, stride };
  const path = namesOfFiles(files);
  const given = { path, examples: data.examples };
  const { encoded: examples, sources } = encodeForTask(task, given, tokenizer, lengths, report);
  if (task.perToken) reportTags(path, labels, report);
  const evaluating = { signal, logits: true, shared: true };
  const evaluation = await evaluateExamples(model, examples, batchSize, evaluating);
  if (task.name === 'multi-label') {
    const found = thresholdsOf(labels, threshold, calibration);
    // One that is asked for is of the probabilities that `predict` gives; others are of plain ones.
    const isOfCalibrated = options.calibrated && threshold !== undefined;
    const thresholds = isOfCalibrated
      ? found?.map((each) => atTemperature(each, 1 / calibration!.temperature))
      : found;
    if (thresholds) evaluation.predictions = labelsAbove(thresholds, evaluation.probabilities);
    if (found && threshold === undefined) reportThresholds(name, labels, found, report);
  }
  const truth = examples.map(({ label }) => label!);
  const assessed = { task, labels, sources, examples, evaluation, tokenizer };
  return {
    task: task.name,
    labels,
    loss: evaluation.loss,
    examples: data.examples.length,
    skipped: data.problems.length,
    ...task.report(evaluation.predictions, truth, labels, examples),
    ...trustOf(assessed, options, calibration),
  };
}

/** What there is to say of probabilities, and of the texts that are asked for. */
function trustOf(
  assessed: Assessed,
  { worst, abstainBelow, calibrated }: EvaluateOptions,
  calibration: CalibrationFile | undefined,
): Pick<EvaluateResult, 'calibration' | 'abstention' | 'worst'> {
  const decisions = decisionsOf(assessed)?.flat();
  const temperature = calibrated ? calibration!.temperature : undefined;
  return {
    ...(decisions && { calibration: calibrationOf(decisions, calibration?.temperature) }),
    ...(abstainBelow !== undefined && {
      abstention: abstentionOf(decisions!, abstainBelow, temperature),
    }),
    ...(worst !== undefined && { worst: worstExamples(assessed, worst, temperature) }),
  };
}

/** A 1 for each label that is more probable than its threshold. */
export const labelsAbove = (
  thresholds: readonly number[],
  probabilities: readonly (readonly number[])[],
): Label[] =>
  probabilities.map((row) => row.map((each, label) => (each > thresholds[label] ? 1 : 0)));

/** @throws UsageError for options that a model of this task has no use for. */
function checkOptions(
  { model, threshold, worst, abstainBelow }: EvaluateOptions,
  task: TaskName,
): void {
  if (threshold !== undefined) checkThreshold(threshold, task, model);
  if (worst !== undefined) checkWorst(worst, task, model);
  if (abstainBelow !== undefined) checkAbstaining(abstainBelow, task, model);
}

/** Says, where data does not fit, why a model without a head is taken for one of similarity. */
const forPairs = <D>(reading: Promise<D>, model: string): Promise<D> =>
  reading.catch((error) => {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `${error.message}. ${model} has no classifier, so that it compares pairs of texts: ` +
        'train it for other labels',
    );
  });
