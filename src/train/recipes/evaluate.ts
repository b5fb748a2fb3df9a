import { withDefaults } from '../../platform/defaults.ts';
import { defaultMaxLength } from '../data/batch.ts';
import { evaluateDefaults } from '../defaults.ts';
import type { Report, TaskName } from '../tasks/task.ts';
import { labelsOf, loadTaskModel, taskOf } from '../tasks/taskModel.ts';
import { evaluateExamples } from '../trainer/evaluate.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import { type FileOptions, readReporting } from './fineTuneData.ts';
import { encodeForTask, fittingDefault } from './questionData.ts';
import { reportTags } from './reports.ts';
import { fetchModel, reportWeights } from './start.ts';

/** Options of `evaluate`. */
export interface EvaluateOptions extends FileOptions {
  /** Hugging Face folder of a trained model or of its adapter, or its name on the hub. */
  model: string;
  /** Folder or name of an adapter's base model. Default: the one that the adapter names. */
  base?: string;
  /** TSV, CSV, JSONL or CoNLL file with labels of the kind the model was trained on. */
  data: string;
  /** Longest text in tokens, [CLS] and [SEP] included. Default: as long as the model allows. */
  maxLength?: number;
  /** Questions: tokens that windows of a context share. Default 128, or half of `maxLength`. */
  stride?: number;
  /** Default 64. */
  batchSize?: number;
}

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
}

/**
 * Measures a trained model on a file of labelled texts, pairs of texts or words, on the default
 * device.
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
  const {
    model: name,
    base,
    data: path,
    maxLength: asked,
    batchSize,
    stride,
    ...columns
  } = withDefaults(evaluateDefaults, options);
  const { model, tokenizer } = await loadTaskModel(await fetchModel(name, report, base));
  reportWeights(name, model, report);
  const task = taskOf(model);
  const labels = labelsOf(model);
  const { maxPositionEmbeddings } = model.config;
  const data = await readReporting(path, { ...columns, task: task.name, labels }, report);
  const longest = defaultMaxLength(model.config, tokenizer);
  const maxLength = asked ?? fittingDefault(task.name, longest);
  const lengths = { maxLength, maxPositions: maxPositionEmbeddings, stride };
  const given = { path, examples: data.examples };
  const examples = encodeForTask(task, given, tokenizer, lengths, report);
  if (task.perToken) reportTags(path, labels, report);
  const { loss, predictions } = await evaluateExamples(model, examples, batchSize, { signal });
  const truth = examples.map(({ label }) => label!);
  return {
    task: task.name,
    labels,
    loss,
    examples: data.examples.length,
    skipped: data.problems.length,
    ...task.report(predictions, truth, labels, examples),
  };
}
