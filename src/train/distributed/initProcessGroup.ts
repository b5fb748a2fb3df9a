import { UsageError } from '../../platform/errors.ts';
import { formatValue } from '../../platform/format.ts';
import { checkNoGroup, getWorldSize, setProcessGroup } from './processGroup.ts';

/** How processes find each other and how long they wait. */
export interface ProcessGroupOptions {
  /**
   * Seconds that a rank waits for the others, beyond three times the time of its own work since
   * its last call. Then its process is killed, and the launcher ends the job. Default 7.
   */
  timeout?: number;
}

/**
 * Joins the processes that `mpirun`, `srun` or `wigbert launch` started, as
 * `torch.distributed.init_process_group`: `fineTune`, `pretrain` and `fit` then train together.
 * Every process runs the same program on the same files.
 * @throws UsageError if `koffi` or MPI is missing, or an option is out of range; StateError if
 *   there is a process group.
 * @example
 * await initProcessGroup('mpi');
 * await fineTune({ data: 'reviews.tsv', model: 'my-bert', out: 'out/model' });
 * destroyProcessGroup();
 */
export async function initProcessGroup(
  backend: 'mpi',
  { timeout = 7 }: ProcessGroupOptions = {},
): Promise<void> {
  if (backend !== 'mpi')
    throw new UsageError(`\`backend\`: expected 'mpi', got ${formatValue(backend)}`);
  if (!(Number.isFinite(timeout) && timeout > 0))
    throw new UsageError(
      `\`timeout\`: expected a number of seconds above 0, got ${formatValue(timeout)}`,
    );
  checkNoGroup();
  const { MpiCollective } = await import('./mpi.ts');
  const group = await MpiCollective.open(timeout);
  setProcessGroup(group, () => group.close());
}

/**
 * @throws UsageError if several processes train together, which `what` cannot do.
 */
export function checkOneProcess(what: string): void {
  if (getWorldSize() > 1)
    throw new UsageError(
      `${what}: expected one process, got ${getWorldSize()} that train together`,
    );
}
