import type { Tensor } from '../../tensor/index.ts';
import { readTrainingState, saveTrainingState } from '../trainer/checkpoint.ts';
import type { CorpusPosition } from './batches.ts';
import { type PretrainEvaluation, type PretrainStep, parsePretrainHistory } from './history.ts';
import { objectiveOf, type PretrainModel } from './objective.ts';
import type { PretrainState } from './pretrain.ts';

/**
 * Writes a Hugging Face folder with everything it takes to resume: `train --model` takes it too.
 * A crash leaves the old folder or the new one.
 * @throws UsageError if the folder cannot be written to.
 * @example
 * const onCheckpoint = (state) =>
 *   savePretraining('out/pretrained', model, state, settings, tokenizer.files());
 */
export const savePretraining = (
  dir: string,
  model: PretrainModel,
  { log, ...state }: PretrainState<Tensor>,
  settings: Record<string, unknown>,
  tokenizerFiles: Record<string, string>,
): Promise<void> =>
  saveTrainingState(dir, state, {
    model,
    settings,
    tokenizerFiles,
    history: { objective: objectiveOf(model), ...log },
  });

/**
 * Reads what `savePretraining` wrote, except for the model and its tokenizer.
 * @throws UsageError if there is no checkpoint, or it is broken.
 * @example
 * const { state, settings } = await readPretraining('out/pretrained');
 * await pretrainModel(model, data, options, {}, state);
 */
export const readPretraining = (dir: string) =>
  readTrainingState<CorpusPosition, PretrainStep, PretrainEvaluation>(dir, parsePretrainHistory);
