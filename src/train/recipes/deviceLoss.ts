import { DeviceLostError } from '../../device/errors.ts';
import { getWorldSize } from '../distributed/processGroup.ts';
import { checkpointSteps } from '../trainer/checkpoints.ts';
import type { RunEvent, TrainingCallbacks } from './events.ts';
import type { RunFolder } from './runFolder.ts';

/** Losses in a row without a new checkpoint that a run survives. */
const MAX_IDLE_LOSSES = 2;

/**
 * Runs a training. When its device is lost (a driver that was reset, say), another is opened and
 * `train` is called once more, to go on from the latest checkpoint.
 * @throws DeviceLostError if nothing opens a device, if several processes train together, if there
 * is no checkpoint to go on from, or if devices are lost without progress.
 */
export async function survivingDeviceLoss<S, R>(
  { openDevice, onEvent }: TrainingCallbacks<RunEvent, S>,
  folder: RunFolder,
  begun: S | undefined,
  train: (again: boolean) => Promise<R>,
): Promise<R> {
  let [latest, idle] = [-1, 0];
  for (let again = false; ; again = true) {
    try {
      return await train(again);
    } catch (error) {
      const [step] = await checkpointSteps(folder.path);
      idle = step === latest ? idle + 1 : 0;
      latest = step;
      // Before it has the folder, the checkpoints there are of an earlier run.
      const hasCheckpoint = folder.isOpen && step !== undefined;
      const canGoOn = openDevice && getWorldSize() === 1 && hasCheckpoint && idle < MAX_IDLE_LOSSES;
      if (!(error instanceof DeviceLostError) || !canGoOn) throw error;
      onEvent?.({ event: 'deviceLost', message: error.message });
      await openDevice(begun);
    }
  }
}
