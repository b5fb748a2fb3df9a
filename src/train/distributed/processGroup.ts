import { StateError } from '../../platform/errors.ts';
import { type Collective, local } from './collective.ts';

let group: Collective = local;
let close: (() => void) | undefined;

/**
 * The processes that train together: this one alone, until `initProcessGroup`.
 * @example
 * const sum = Float32Array.of(getRank());
 * processGroup().allReduce(sum); // the same on all ranks
 */
export const processGroup = (): Collective => group;

/**
 * Number of this process among those that train together, from 0, as `torch.distributed.get_rank`.
 * @example
 * if (getRank() === 0) console.log('only once');
 */
export const getRank = (): number => group.rank;

/**
 * How many processes train together: 1 without a process group, as
 * `torch.distributed.get_world_size`.
 * @example
 * console.log(`rank ${getRank()} of ${getWorldSize()}`);
 */
export const getWorldSize = (): number => group.size;

/** Whether this process writes files and reports. */
export const isMainProcess = (): boolean => group.rank === 0;

/** Runs what one process does for all, such as writing a file. */
export async function onMainProcess(body: () => Promise<unknown>): Promise<void> {
  if (isMainProcess()) await body();
}

/** @throws StateError if there is a process group. */
export function checkNoGroup(): void {
  if (close)
    throw new StateError(
      'initProcessGroup: expected no process group, got the one of an earlier call; ' +
        'call `destroyProcessGroup` first',
    );
}

/** Makes `opened` the process group; `onClose` ends it. */
export function setProcessGroup(opened: Collective, onClose: () => void): void {
  checkNoGroup();
  [group, close] = [opened, onClose];
}

/**
 * Leaves the process group, as `torch.distributed.destroy_process_group`: each process calls it
 * when its work is done, and trains alone from then on. Without a group it does nothing.
 * @example
 * destroyProcessGroup();
 */
export function destroyProcessGroup(): void {
  const end = close;
  [group, close] = [local, undefined];
  end?.();
}
