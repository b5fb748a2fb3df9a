import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Thread } from '../types.ts';

/** Whether threads can share memory: not where Node's permissions leave no thread but the first. */
export const canShareMemory = (): boolean => process.permission?.has('worker') ?? true;

/** Threads that the processor runs at once; processes that MPI started on it share them. */
export function countCores(): number {
  const { OMPI_COMM_WORLD_LOCAL_SIZE, MPI_LOCALNRANKS } = process.env;
  const sharers = Number(OMPI_COMM_WORLD_LOCAL_SIZE ?? MPI_LOCALNRANKS ?? 1);
  return Math.max(1, Math.floor(availableParallelism() / sharers));
}

/**
 * Runs the function whose text is `source`, with `data`, in a thread that does not keep the process
 * alive. `onEnd` is told why it has ended, unless it was stopped.
 */
export function startThread(source: string, data: object, onEnd: (reason: string) => void): Thread {
  const worker = new Worker(`(${source})(require('node:worker_threads').workerData)`, {
    eval: true,
    workerData: data,
    // Loaders and flags of the program are not for it.
    execArgv: [],
  });
  let isStopped = false;
  const end = (reason: string) => {
    if (!isStopped) onEnd(reason);
  };
  worker.on('error', (error) => end(String((error as Error)?.message ?? error)));
  worker.on('exit', () => end('a thread ended'));
  worker.unref();
  return {
    stop: () => {
      isStopped = true;
      void worker.terminate();
    },
  };
}

/** Node 20 has relaxed SIMD behind a flag of V8, which holds for modules compiled from then on. */
export async function allowRelaxedSimd(): Promise<void> {
  if (process.versions.v8?.startsWith('11.'))
    setFlagsFromString('--experimental-wasm-relaxed-simd');
}
