import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import type { NamesOf } from '../../platform/usage.ts';
import type { TaskName } from '../tasks/task.ts';
import { checkAbstaining } from './calibrationFile.ts';

export interface PredictorOptions {
  /** Hugging Face folder of a trained model or of its adapter, or its name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /**
   * Probability above which a label is given, for models that give several labels. Default: the
   * one that training found for each label, else 0.5.
   */
  threshold?: number;
  /** Gives no label to texts whose most probable one is less probable than this. */
  abstainBelow?: number;
  /**
   * Calibrates probabilities by the temperature that training found; without `threshold` and
   * `abstainBelow`, labels stay the same. Default false.
   */
  calibrated?: boolean;
  /** This many labels, or answers, of each text, the best first; 'all': every label. */
  topK?: number | 'all';
  /**
   * Longest text in tokens; longer ones are cut. Default: as long as the model allows; for
   * questions, windows of 384.
   */
  maxLength?: number;
  /**
   * Reads longer texts in windows that repeat so many tokens of the one before, instead of cutting
   * them: probabilities (or scores) are the mean over the windows. Contexts of questions are always
   * read so; their default is 128, or half of `maxLength`.
   */
  stride?: number;
  /** Questions: longest answer in tokens. Default 30. */
  maxAnswerLength?: number;
  /**
   * Questions may have no answer: none is given if that scores higher than the best answer by more
   * than this, in logits. Default: always answer.
   */
  nullScoreDiffThreshold?: number;
  /** Default 32. */
  batchSize?: number;
}

/** Names of `PredictorOptions`. */
export const predictorOptions = Object.keys({
  ...{ model: true, base: true, threshold: true, abstainBelow: true, calibrated: true },
  ...{ topK: true, maxLength: true, stride: true, maxAnswerLength: true },
  ...{ nullScoreDiffThreshold: true, batchSize: true },
} satisfies NamesOf<PredictorOptions>);

/** @throws UsageError unless a model gives several labels, and the threshold is a probability. */
export function checkThreshold(threshold: number, task: TaskName, model: string): void {
  if (task !== 'multi-label')
    throw new UsageError(
      `\`threshold\`: expected a model that gives several labels, got ${model}, ` +
        `a model for ${task}`,
    );
  if (!(threshold >= 0 && threshold <= 1))
    throw new UsageError(
      `\`threshold\`: expected a probability from 0 to 1, got ${formatValue(threshold)}`,
    );
}

const questionOptions = ['maxAnswerLength', 'nullScoreDiffThreshold'] as const;

/** Tasks whose models give several labels, or answers. */
const ranked: readonly TaskName[] = ['multi-label', 'classification', 'question-answering'];

/** @throws UsageError for options that a model of this task has no use for. */
export function checkPredictorOptions(options: PredictorOptions, task: TaskName): void {
  const { model, threshold, topK, abstainBelow } = options;
  const stray = questionOptions.find((name) => options[name] !== undefined);
  if (stray && task !== 'question-answering')
    throw new UsageError(
      `\`${stray}\`: expected a model that answers questions, got ${model}, a model for ${task}`,
    );
  if (topK === 'all' && task === 'question-answering')
    throw new UsageError("`topK`: expected a number of answers, got 'all'");
  if (threshold !== undefined) checkThreshold(threshold, task, model);
  if (abstainBelow !== undefined) checkAbstaining(abstainBelow, task, model);
  if (topK !== undefined && !ranked.includes(task))
    throw new UsageError(
      `\`topK\`: expected a model that labels texts, got ${model}, a model for ${task}`,
    );
}
