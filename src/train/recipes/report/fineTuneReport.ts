/** What is kept and shown of a fine-tuning that has ended. */
import { modelFiles } from '../../../formats/modelFiles.ts';
import { hashFile } from '../../../platform/hash.ts';
import { joinPath } from '../../../platform/runtime.ts';
import type { BertTokenizer } from '../../../text/tokenizer/index.ts';
import type { EncodedExample } from '../../data/batch.ts';
import type { Example } from '../../data/labelledData.ts';
import { filesOf } from '../../data/severalFiles.ts';
import { predictDefaults } from '../../defaults.ts';
import { fitTemperature } from '../../metrics/calibration.ts';
import { bestThresholds } from '../../metrics/thresholds.ts';
import { hasLabels, type Task } from '../../tasks/task.ts';
import { labelsOf, type TaskModel, taskOf } from '../../tasks/taskModel.ts';
import { evaluateExamples } from '../../trainer/evaluate.ts';
import type { History } from '../../trainer/history.ts';
import { type Assessed, calibrationOf, decisionsOf, hasWorst, worstExamples } from '../assess.ts';
import { type CalibrationFile, calibrationContent } from '../calibrationFile.ts';
import type { CheckDataOptions } from '../checkData.ts';
import { runFacts } from './collect.ts';
import { checkOfRun } from './dataCheck.ts';
import type { ReportData, ReportEvaluation } from './runReport.ts';
import { saveReport } from './saveReport.ts';

/** A fine-tuning that has ended. */
export interface EndedFineTuning {
  out: string;
  /** With the weights that are in `out`. */
  model: TaskModel;
  tokenizer: BertTokenizer;
  history: History;
  train: readonly EncodedExample[];
  valid: readonly EncodedExample[];
  /** The validation examples as they are in their file. */
  validSources: readonly Example[];
  /** Rows that were broken. */
  skipped: number;
  /** The settings, as checkpoints keep them. */
  kept: Readonly<Record<string, unknown>> &
    Omit<CheckDataOptions, 'files'> & {
      data: string | readonly string[];
      valid?: string;
      batchSize: number;
    };
  time: { seconds: number; firstStep: number };
  /** Ends the check of the data. */
  signal?: AbortSignal;
}

/** Texts that the page shows. */
const WORST = 20;
/** Scores that it draws. */
const MAX_POINTS = 1000;

/**
 * Calibrates the model on its validation data, and writes what was found out into its folder:
 * calibration.json, report.json and report.html.
 */
export async function reportFineTuning(run: EndedFineTuning): Promise<void> {
  const { out, model, history, kept, time, signal } = run;
  const task = taskOf(model);
  const labels = labelsOf(model);
  const { evaluation, calibration } = await evaluated(run, task, labels);
  const files = [...filesOf(kept.data), ...(kept.valid === undefined ? [] : [kept.valid])];
  const check = await checkOfRun(
    { ...kept, files: [...new Set(files)], task: task.name, model: out, vocab: undefined },
    signal,
  );
  const report = {
    kind: 'train' as const,
    task: task.name,
    ...runFacts(model, kept),
    labels,
    data: { ...dataOf(run, task, labels), ...(check && { check }) },
    time: { ...time, steps: history.steps.length },
    ...(evaluation && { evaluation }),
  };
  const calibrated = calibration && calibrationContent(calibration);
  await saveReport(out, { kind: 'train', report, history }, calibrated);
}

/** The model on its validation data, and what calibrates it. */
async function evaluated(
  { out, model, tokenizer, valid, validSources, kept }: EndedFineTuning,
  task: Task,
  labels: readonly string[],
): Promise<{ evaluation?: ReportEvaluation; calibration?: CalibrationFile }> {
  if (valid.length === 0) return {};
  const evaluation = await evaluateExamples(model, valid, kept.batchSize, { logits: true });
  const { loss, predictions, probabilities } = evaluation;
  const truth = valid.map(({ label }) => label!);
  const assessed = { task, labels, sources: validSources, examples: valid, evaluation, tokenizer };
  const thresholds =
    task.name === 'multi-label' ? safeThresholds(probabilities, truth as number[][]) : undefined;
  const weights = kept.lora === undefined ? modelFiles.weights : modelFiles.adapterWeights;
  const calibration = await calibrationFile(joinPath(out, weights), assessed, thresholds);
  const decisions = decisionsOf(assessed)?.flat();
  return {
    calibration,
    evaluation: {
      ...{ examples: valid.length, loss, ...task.report(predictions, truth, labels, valid) },
      ...(decisions && { calibration: calibrationOf(decisions, calibration!.temperature) }),
      ...(calibration?.thresholds && { thresholds: calibration.thresholds }),
      ...(task.name === 'regression' && {
        points: scorePoints(truth as number[], predictions as number[]),
      }),
      worst: hasWorst(task.name) ? worstExamples(assessed, WORST) : [],
    },
  };
}

/** Examples of a label from which its best threshold says more than chance. */
const MIN_POSITIVES = 10;

/** The best threshold of each label that occurs often enough; 0.5 for the others. */
function safeThresholds(
  probabilities: readonly (readonly number[])[],
  truth: readonly (readonly number[])[],
): number[] {
  const positives = (label: number) => truth.reduce((sum, row) => sum + row[label], 0);
  return bestThresholds(probabilities, truth).map((threshold, label) =>
    positives(label) < MIN_POSITIVES ? predictDefaults.threshold : threshold,
  );
}

/** The temperature and the thresholds for the weights in a file; none for scores. */
async function calibrationFile(
  weights: string,
  assessed: Assessed,
  thresholds: readonly number[] | undefined,
): Promise<CalibrationFile | undefined> {
  const decisions = decisionsOf(assessed)?.flat();
  if (!decisions) return undefined;
  const temperature = fitTemperature(
    decisions.map(({ logits }) => logits),
    decisions.map(({ label }) => label),
  );
  const { labels, examples } = assessed;
  const { sha256 } = await hashFile(weights);
  return {
    temperature,
    ...(thresholds && {
      thresholds: Object.fromEntries(labels.map((label, id) => [label, thresholds[id]])),
    }),
    examples: examples.length,
    weights: sha256,
  };
}

/** True and predicted scores of some examples, evenly from all of them. */
function scorePoints(truth: readonly number[], predicted: readonly number[]): [number, number][] {
  const every = Math.ceil(truth.length / MAX_POINTS);
  return truth.flatMap((score, i): [number, number][] =>
    i % every === 0 ? [[score, predicted[i]]] : [],
  );
}

function dataOf(
  { train, valid, skipped, kept }: EndedFineTuning,
  task: Task,
  labels: readonly string[],
): ReportData {
  const counts = (examples: readonly EncodedExample[]) => labelCounts(examples, task, labels);
  const [trained, validated] = [counts(train), counts(valid)];
  const all = [...train, ...valid];
  return {
    train: [...filesOf(kept.data)],
    ...(kept.valid !== undefined && { valid: kept.valid }),
    trainExamples: train.length,
    validExamples: valid.length,
    skipped,
    cut: all.filter(({ truncated, lostWords }) => truncated || (lostWords?.cut ?? 0) > 0).length,
    ...(hasLabels(task) && {
      labels: labels.map((label, i) => ({ label, train: trained[i], valid: validated[i] })),
    }),
    lengths: lengthsOf(all),
  };
}

/** How often each label occurs. */
function labelCounts(
  examples: readonly EncodedExample[],
  { name }: Task,
  labels: readonly string[],
): number[] {
  const counts = labels.map(() => 0);
  for (const { label } of examples) {
    if (name === 'classification') counts[label as number]++;
    else if (name === 'multi-label')
      for (const [id, each] of (label as number[]).entries()) counts[id] += each;
    else if (name === 'token-classification')
      for (const tag of label as number[]) if (tag >= 0) counts[tag]++;
  }
  return counts;
}

/** Bars of the diagram of lengths. */
const BARS = 24;

function lengthsOf(examples: readonly EncodedExample[]): NonNullable<ReportData['lengths']> {
  const lengths = examples.flatMap(
    ({ inputIds, choiceLengths }) => choiceLengths ?? inputIds.length,
  );
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const width = Math.ceil((longest + 1) / BARS);
  const counts: number[] = Array(Math.ceil((longest + 1) / width)).fill(0);
  for (const length of lengths) counts[Math.floor(length / width)]++;
  return { width, counts, longest };
}
