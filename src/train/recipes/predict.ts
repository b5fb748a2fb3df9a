import { UsageError } from '../../platform/errors.ts';
import type { TextInput } from '../pipelines/encode.ts';
import type { InputEvent, RecipeCallbacks } from './events.ts';
import { openPredictor, type PredictorOptions, type PredictResult } from './predictor.ts';

/** Options of `predict`. */
export interface PredictRecipeOptions extends PredictorOptions {
  /** Pairs for a model that was trained on pairs; a model that tags words takes single texts. */
  texts: readonly TextInput[];
}

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
  const { texts, model } = options;
  const predictor = await openPredictor(options, report);
  if (predictor.task === 'token-classification' && texts.some((text) => typeof text !== 'string'))
    throw new UsageError(`\`texts\`: expected single texts, since ${model} tags words, got a pair`);
  const unseen = predictor.unseenCounter();
  const examples = predictor.encode(texts, unseen);
  unseen.report('texts', report);
  return predictor.predict(examples, signal);
}
