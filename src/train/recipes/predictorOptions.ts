import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
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
  /** This many labels of each text, the most probable first; 'all': every label. */
  topK?: number | 'all';
  /** Longest text in tokens; longer ones are cut. Default: as long as the model allows. */
  maxLength?: number;
  /**
   * Reads longer texts in windows that repeat so many tokens of the one before, instead of cutting
   * them: probabilities (or scores) are the mean over the windows.
   */
  stride?: number;
  /** Default 32. */
  batchSize?: number;
}

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

/** @throws UsageError for options that a model of this task has no use for. */
export function checkPredictorOptions(
  { model, threshold, topK, abstainBelow }: PredictorOptions,
  task: TaskName,
): void {
  if (threshold !== undefined) checkThreshold(threshold, task, model);
  if (abstainBelow !== undefined) checkAbstaining(abstainBelow, task, model);
  if (topK !== undefined && task !== 'multi-label' && task !== 'classification')
    throw new UsageError(
      `\`topK\`: expected a model that labels texts, got ${model}, a model for ${task}`,
    );
}
