import { UsageError } from '../../platform/errors.ts';
import { checkKeys } from '../../platform/usage.ts';
import type { TextInput } from '../pipelines/encode.ts';
import type { TaskName } from '../tasks/task.ts';
import { AbstentionCounter } from './abstentions.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import { openPredictor, type PredictResult } from './predictor.ts';
import { type PredictorOptions, predictorOptions } from './predictorOptions.ts';
import { windows } from './windows.ts';

/** Options of `predict`. */
export interface PredictRecipeOptions extends PredictorOptions {
  /** Pairs for a model that was trained on pairs; a model that tags words takes single texts. */
  texts: readonly TextInput[];
}

const known = [...predictorOptions, 'texts'];

/** What `predict` reports. */
export type PredictEvent = InputEvent;

/**
 * Labels or scores texts, or tags their words, with a trained model on the default device. For
 * files, see `predictFile`.
 * @throws UsageError if the model cannot be used, or not with these options; NotFiniteError if
 * outputs are not finite; the reason of `signal` if it is aborted.
 * @example
 * const result = await predict({ model: 'out/model', texts: ['a wonderful film'] });
 * if (result.task === 'classification') console.log(result.predictions[0].label);
 */
export async function predict(
  options: PredictRecipeOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<PredictEvent> = {},
): Promise<PredictResult> {
  checkKeys(options, known, 'option of predict');
  const { texts, model } = options;
  const predictor = await openPredictor(options, report);
  checkSingle(texts, predictor.task, model);
  const unseen = predictor.unseenCounter();
  const examples = predictor.encode(texts, unseen);
  unseen.report('texts', report);
  const result = await predictor.predict(examples, signal);
  const abstentions = new AbstentionCounter(options.abstainBelow);
  abstentions.add(result);
  abstentions.report(report);
  return result;
}

/** Options of `predictStream`. */
export interface PredictStreamOptions extends PredictorOptions {
  /** As in `PredictRecipeOptions`, one by one. */
  texts: Iterable<TextInput> | AsyncIterable<TextInput>;
}

/**
 * `predict` for texts that need not fit into memory: gives results for a few batches at a time, in
 * the order of the texts. What the model does not see of them is reported before the last results.
 * @throws as `predict`
 * @example
 * for await (const { texts, result } of predictStream({ model: 'out/model', texts: lines }))
 *   if (result.task === 'regression')
 *     for (const [i, { score }] of result.predictions.entries()) console.log(score, texts[i]);
 */
export async function* predictStream(
  options: PredictStreamOptions,
  { onEvent: report = () => {}, signal }: RecipeCallbacks<PredictEvent> = {},
): AsyncGenerator<{ texts: TextInput[]; result: PredictResult }> {
  checkKeys(options, known, 'option of predictStream');
  const predictor = await openPredictor(options, report);
  const unseen = predictor.unseenCounter();
  const abstentions = new AbstentionCounter(options.abstainBelow);
  const parts = windows(options.texts, predictor.batchSize, lengthOf);
  for (let part = await parts.next(); !part.done; ) {
    const texts = part.value;
    checkSingle(texts, predictor.task, options.model);
    const examples = predictor.encode(texts, unseen);
    part = await parts.next();
    if (part.done) unseen.report('texts', report);
    const result = await predictor.predict(examples, signal);
    abstentions.add(result);
    yield { texts, result };
  }
  abstentions.report(report);
}

const lengthOf = (input: TextInput): number =>
  typeof input === 'string' ? input.length : input[0].length + input[1].length;

/** @throws UsageError for texts that a model of this task cannot take. */
function checkSingle(texts: readonly TextInput[], task: TaskName, model: string): void {
  if (task === 'multiple-choice')
    throw new UsageError(
      `\`texts\`: ${model} chooses among texts: expected a file with choices (\`input\`)`,
    );
  if (task === 'similarity' && texts.some((text) => typeof text === 'string'))
    throw new UsageError(
      `\`texts\`: expected pairs, since ${model} compares two texts, got a single text ` +
        '(set `pairs: true`)',
    );
  if (task === 'question-answering' && texts.some((text) => typeof text === 'string'))
    throw new UsageError(
      `\`texts\`: expected pairs of question and context, since ${model} answers questions, ` +
        'got a single text (set `pairs: true`)',
    );
  if (task === 'token-classification' && texts.some((text) => typeof text !== 'string'))
    throw new UsageError(`\`texts\`: expected single texts, since ${model} tags words, got a pair`);
}
