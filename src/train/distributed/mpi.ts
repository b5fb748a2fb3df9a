import { StateError } from '../../platform/errors.ts';
import type { Collective, Words } from './collective.ts';
import { IN_PLACE, loadMpi, type MpiFunction, type MpiLibrary } from './mpiLibrary.ts';
import { Watchdog } from './watchdog.ts';

/** The longest that work between two barriers takes, in milliseconds: as torch.distributed's. */
const BARRIER_TIMEOUT = 30 * 60 * 1000;

/** The others may be slower than this rank: so much of its own time is added to a timeout. */
const PATIENCE = 3;

const calls: Partial<Record<MpiFunction, string>> = {
  MPI_Finalize: 'destroyProcessGroup',
  MPI_Barrier: 'barrier',
  MPI_Bcast: 'broadcast',
  MPI_Allreduce: 'allReduce',
  MPI_Allgather: 'allGather',
  MPI_Allgatherv: 'fillIn',
  MPI_Alltoallv: 'allToAll',
};

/** The processes that `mpirun` or `srun` started, by MPI. Its calls are synchronous. */
export class MpiCollective implements Collective {
  readonly rank: number;
  readonly size: number;
  seconds = 0;
  readonly #mpi: MpiLibrary;
  readonly #timeout: number;
  readonly #watchdog: Watchdog;
  #lastEnd = performance.now();

  /** @param timeout seconds that a call may take, beyond the time of this rank's own work */
  static async open(timeout: number): Promise<MpiCollective> {
    return new MpiCollective(await loadMpi(), timeout);
  }

  private constructor(mpi: MpiLibrary, timeout: number) {
    this.#mpi = mpi;
    this.#timeout = 1000 * timeout;
    check('MPI_Init', mpi.call('MPI_Init', null, null));
    const { world } = mpi.handles;
    const read = (name: MpiFunction) => {
      const value = new Int32Array(1);
      check(name, mpi.call(name, world, value));
      return value[0];
    };
    this.rank = read('MPI_Comm_rank');
    this.size = read('MPI_Comm_size');
    this.#watchdog = new Watchdog(this.rank, Object.values(calls));
  }

  allReduce(data: Float32Array): void {
    const { float, sum, world } = this.#mpi.handles;
    this.#call('MPI_Allreduce', IN_PLACE, data, data.length, float, sum, world);
  }

  allGather<T extends Words>(data: T): T {
    const { float, world } = this.#mpi.handles;
    const { length } = data;
    const all = new (data.constructor as new (length: number) => T)(length * this.size);
    this.#call('MPI_Allgather', data, length, float, all, length, float, world);
    return all;
  }

  allToAll(
    data: Float32Array,
    counts: readonly number[],
    received: readonly number[],
    into: Float32Array,
  ): void {
    const { float, world } = this.#mpi.handles;
    const ofOthers = (all: readonly number[]) => all.map((n, rank) => (rank === this.rank ? 0 : n));
    const got = ofOthers(received);
    const sent = [data, Int32Array.from(ofOthers(counts)), startsOf(counts), float];
    this.#call('MPI_Alltoallv', ...sent, into, Int32Array.from(got), startsOf(got), float, world);
  }

  fillIn(data: Float32Array, counts: readonly number[]): void {
    const { float, world } = this.#mpi.handles;
    const own = [IN_PLACE, 0, float];
    const all = [data, Int32Array.from(counts), startsOf(counts), float];
    this.#call('MPI_Allgatherv', ...own, ...all, world);
  }

  broadcast(data: Words, root: number): void {
    const { float, world } = this.#mpi.handles;
    this.#call('MPI_Bcast', data, data.length, float, root, world);
  }

  barrier(): void {
    this.#call('MPI_Barrier', this.#mpi.handles.world);
  }

  /** Says to the others that this process ends as it should, once all of them have got here. */
  close(): void {
    this.barrier();
    this.#call('MPI_Finalize');
    this.#watchdog.stop();
  }

  #call(name: MpiFunction, ...args: unknown[]): void {
    const began = performance.now();
    const most =
      name === 'MPI_Barrier' ? BARRIER_TIMEOUT : this.#timeout + PATIENCE * (began - this.#lastEnd);
    check(
      name,
      this.#watchdog.watch(calls[name]!, most, () => this.#mpi.call(name, ...args)),
    );
    this.#lastEnd = performance.now();
    this.seconds += (this.#lastEnd - began) / 1000;
  }
}

/** @throws StateError naming the function that failed. */
function check(name: MpiFunction, code: number): void {
  if (code !== 0) throw new StateError(`${name}: expected success, got the error code ${code}`);
}

/** Where each rank's elements begin. */
function startsOf(counts: readonly number[]): Int32Array {
  const starts = new Int32Array(counts.length);
  for (let i = 1; i < counts.length; i++) starts[i] = starts[i - 1] + counts[i - 1];
  return starts;
}
