import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../platform/errors.ts';
import { percent } from './table.ts';

/** What MPI launchers tell the processes that they start. */
const launchers = ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE', 'PMIX_RANK'];

/** How `launch` tells its ranks what its options say. */
export const rankVariables = { timeout: 'WIGBERT_RANK_TIMEOUT', logs: 'WIGBERT_RANK_LOGS' };

/** The log of a rank, from 1; rank 0 writes to the terminal. */
export const rankLog = (folder: string, rank: number): string => join(folder, `rank-${rank}.log`);

/**
 * Joins the other ranks if an MPI launcher started this process. Only rank 0 writes to the
 * terminal: the others write to their logs, if they have such.
 */
export async function joinRanks(): Promise<void> {
  if (!launchers.some((name) => process.env[name] !== undefined)) return;
  const started = process.env.OMPI_COMM_WORLD_SIZE ?? process.env.PMI_SIZE;
  if (started === '1') return;
  const { initProcessGroup } = await import('../train/distributed/initProcessGroup.ts');
  const { getRank, getWorldSize } = await import('../train/distributed/processGroup.ts');
  const { [rankVariables.timeout]: timeout, [rankVariables.logs]: logs } = process.env;
  await initProcessGroup('mpi', timeout === undefined ? {} : { timeout: Number(timeout) });
  if (started !== undefined && getWorldSize() !== Number(started))
    throw new UsageError(
      `the launcher started ${started} processes, but the MPI library found knows of ` +
        `${getWorldSize()}: start them with the launcher of that library`,
    );
  if (getRank() === 0) return;
  if (logs) mkdirSync(logs, { recursive: true });
  for (const stream of [process.stdout, process.stderr]) writeToLog(stream, logs, getRank());
}

function writeToLog(stream: NodeJS.WriteStream, logs: string | undefined, rank: number): void {
  stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
    if (logs) appendFileSync(rankLog(logs, rank), text);
    const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined;
    done?.();
    return true;
  };
}

/**
 * Leaves the other ranks, at the end of a command that has done its work.
 * @param tellsTime whether to say how much of its time went to the others
 */
export async function leaveRanks(tellsTime: boolean): Promise<void> {
  const { destroyProcessGroup, processGroup } = await import(
    '../train/distributed/processGroup.ts'
  );
  const { size, seconds } = processGroup();
  const all = performance.now() / 1000;
  if (tellsTime && size > 1)
    console.error(
      `communication of ${size} processes took ${seconds.toFixed(3)} s of the ` +
        `${all.toFixed(3)} s of this one (${percent(seconds / all)}), waiting for others included`,
    );
  destroyProcessGroup();
}
