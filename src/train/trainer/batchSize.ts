import { OutOfMemoryError } from '../../device/errors.ts';
import type { HostTensor } from '../../tensor/index.ts';
import { halved } from './inMemory.ts';
import type { TrainerOptions } from './trainerState.ts';
import { TrainingStep } from './trainingStep.ts';
import type { StepInfo, TrainingTask } from './trainingTask.ts';

/** Larger batches are rarely better, and take long to try. */
const MAX_BATCH_SIZE = 256;

/** A number of examples, or the most that the device has memory for. */
export type BatchSize = number | 'auto';

/**
 * The largest power of two of examples, 256 at most, for whose step the device has memory. Weights
 * stay as they are.
 * @param inputsOf gives the inputs of a batch of so many examples, the longest ones
 * @param examples there are no more
 * @throws OutOfMemoryError if there is too little for one.
 */
export async function findBatchSize<P, S extends StepInfo, E extends { step: number }>(
  task: TrainingTask<P, S, E>,
  options: Omit<TrainerOptions, 'totalSteps' | 'evalEvery' | 'saveEvery'>,
  inputsOf: (size: number) => Record<string, HostTensor>,
  examples: number,
): Promise<number> {
  const { device } = task.model.parameters()[0];
  // What skips steps that are not finite takes the others, and these are only tried.
  const tried = { ...options, onNan: 'stop', totalSteps: 1, evalEvery: 1, saveEvery: 1 } as const;
  const step = new TrainingStep(task, tried);
  let found = 0;
  try {
    for (let size = 1; size <= Math.min(MAX_BATCH_SIZE, examples); size *= 2) {
      await step.tryInputs(inputsOf(size));
      found = size;
    }
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    if (found === 0) halved(error, 1);
  } finally {
    step.dispose();
    device.emptyCache();
  }
  return found;
}
