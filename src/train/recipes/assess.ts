/** What is found out about a model on labelled texts, beyond its metrics. */
import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import type { BertTokenizer } from '../../text/tokenizer/index.ts';
import type { EncodedExample } from '../data/batch.ts';
import type { Example } from '../data/labelledData.ts';
import {
  binPredictions,
  type CalibrationBin,
  errorOfBins,
  negativeLogLikelihood,
  softmaxOf,
} from '../metrics/calibration.ts';
import { argmax, type Decision, type Label, type Task, type TaskName } from '../tasks/task.ts';
import type { Evaluation } from '../trainer/evaluate.ts';

/** How far probabilities are from the shares of right predictions. */
export interface Calibration {
  /** Expected calibration error, 0 to 1, over 15 bins. */
  error: number;
  bins: CalibrationBin[];
  /** The temperature of the model, if it has one, and what is left of the error with it. */
  temperature?: number;
  scaledError?: number;
  scaledBins?: CalibrationBin[];
}

/** A text that the model is wrong, or unsure, about. */
export interface WorstExample {
  /** Of several files, the one that it is from. */
  file?: string;
  /** Of the file. */
  line: number;
  text: string;
  pair?: string;
  /** What is right; of tagged words, those whose tag was not predicted (`word/TAG`). */
  label: string;
  /** What is predicted, in the same form. */
  predicted: string;
  /** Of the predicted label. */
  probability?: number;
  /** Of the text: mean over its labels or words. */
  loss: number;
}

/** Examples, as they are in the file and as the model takes them, and what it says of them. */
export interface Assessed {
  task: Task;
  labels: readonly string[];
  sources: readonly Example[];
  examples: readonly EncodedExample[];
  /** With logits. */
  evaluation: Evaluation;
  tokenizer: BertTokenizer;
}

/** The decisions of each example; undefined for scores. */
export function decisionsOf({
  task,
  labels,
  examples,
  evaluation,
}: Pick<Assessed, 'task' | 'labels' | 'examples' | 'evaluation'>): Decision[][] | undefined {
  if (!task.decisions) return undefined;
  return examples.map(({ label }, i) =>
    task.decisions!(evaluation.logits![i], label!, labels.length),
  );
}

/** Calibration of decisions, and what it becomes at a temperature. */
export function calibrationOf(
  decisions: readonly Decision[],
  temperature: number | undefined,
): Calibration {
  const at = (by?: number) => binPredictions(confidencesOf(decisions, by));
  const bins = at();
  const before = { error: errorOfBins(bins), bins };
  if (temperature === undefined) return before;
  const scaledBins = at(temperature);
  return { ...before, temperature, scaledError: errorOfBins(scaledBins), scaledBins };
}

function* confidencesOf(
  decisions: readonly Decision[],
  temperature?: number,
): Generator<{ confidence: number; isRight: boolean }> {
  for (const { logits, label } of decisions)
    yield {
      confidence: Math.max(...softmaxOf(logits, temperature)),
      isRight: argmax(logits) === label,
    };
}

/** The `count` examples of the highest loss, the highest first. */
export function worstExamples(
  assessed: Assessed,
  count: number,
  temperature?: number,
): WorstExample[] {
  const { examples, evaluation, sources, task } = assessed;
  const decisions = decisionsOf(assessed);
  const losses = examples.map(({ label }, i) =>
    decisions
      ? meanLoss(decisions[i])
      : ((evaluation.predictions[i] as number) - (label as number)) ** 2,
  );
  const order = losses.map((_, i) => i).filter((i) => !Number.isNaN(losses[i]));
  order.sort((a, b) => losses[b] - losses[a] || a - b);
  return order.slice(0, count).map((i) => {
    const { file, line, text, pair } = sources[i];
    const probability =
      task.name === 'classification'
        ? Math.max(...softmaxOf(evaluation.logits![i], temperature))
        : undefined;
    return {
      ...(file !== undefined && { file }),
      ...{ line, text, ...(pair !== undefined && { pair }), ...namesOf(assessed, i) },
      ...(probability !== undefined && { probability }),
      loss: losses[i],
    };
  });
}

/** Whether examples of a task can be ordered by their loss. */
export const hasWorst = (task: TaskName): boolean =>
  task !== 'question-answering' && task !== 'multiple-choice' && task !== 'similarity';

/** @throws UsageError unless `worst` is a number of texts, and a model gives labels or scores. */
export function checkWorst(worst: number, task: TaskName, model: string): void {
  if (!hasWorst(task))
    throw new UsageError(
      `\`worst\`: expected a model that gives labels or scores, got ${model}, a model for ${task}`,
    );
  if (!(Number.isInteger(worst) && worst >= 1))
    throw new UsageError(`\`worst\`: expected an integer of at least 1, got ${formatValue(worst)}`);
}

const meanLoss = (decisions: readonly Decision[]): number =>
  decisions.reduce((sum, { logits, label }) => sum + negativeLogLikelihood(logits, label), 0) /
  decisions.length;

/** Label and prediction of an example, in words. */
function namesOf(assessed: Assessed, i: number): Pick<WorstExample, 'label' | 'predicted'> {
  const { task, labels, examples, evaluation } = assessed;
  const [label, predicted] = [examples[i].label!, evaluation.predictions[i]];
  if (task.perToken) return differingTags(assessed, i);
  const name = (value: Label): string => {
    if (Array.isArray(value)) return labels.filter((_, id) => value[id] === 1).join(', ');
    return task.name === 'regression' ? String(Number(value.toPrecision(6))) : labels[value];
  };
  return { label: name(label), predicted: name(predicted) };
}

/** Words that are named of a sentence. */
const MAX_WORDS = 8;

function differingTags(
  { labels, sources, examples, evaluation, tokenizer }: Assessed,
  i: number,
): Pick<WorstExample, 'label' | 'predicted'> {
  const truth = examples[i].label as number[];
  const predicted = evaluation.predictions[i] as number[];
  // The tags stand at the first tokens of words, in their order; some words have no token.
  const words = sources[i].words!.filter((word) => tokenizer.tokenize(word).length > 0);
  const tagged = [...truth.keys()]
    .filter((token) => truth[token] >= 0)
    .map((token, at) => ({ word: words[at], truth: truth[token], predicted: predicted[token] }));
  const wrong = tagged.filter((each) => each.truth !== each.predicted).slice(0, MAX_WORDS);
  const show = (key: 'truth' | 'predicted') =>
    wrong.map((each) => `${each.word}/${labels[each[key]]}`).join(' ');
  return { label: show('truth'), predicted: show('predicted') };
}

/** How accurate a classifier is on the texts that it is sure enough of. */
export interface Abstention {
  /** Texts whose most probable label is less probable get no label. */
  below: number;
  /** Share of the texts that get one. */
  coverage: number;
  /** Share of right ones among these; NaN if there are none. */
  accuracy: number;
}

/** What is left of decisions of one label each when the unsure ones are left out. */
export function abstentionOf(
  decisions: readonly Decision[],
  below: number,
  temperature?: number,
): Abstention {
  const answered = decisions.filter(
    ({ logits }) => Math.max(...softmaxOf(logits, temperature)) >= below,
  );
  const right = answered.filter(({ logits, label }) => argmax(logits) === label);
  return {
    below,
    coverage: answered.length / decisions.length,
    accuracy: right.length / answered.length,
  };
}
