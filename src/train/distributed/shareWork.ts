import { type Collective, local } from './collective.ts';
import { processGroup } from './processGroup.ts';
import { agreedSignal, agreeOnStopping } from './stopping.ts';

/** How `shareWork` goes about it. */
export interface WorkOptions {
  /**
   * Whether the processes that train together share the work: each of them calls this with the same
   * pieces. Default false: this one does it alone.
   */
  shared?: boolean;
  signal?: AbortSignal;
  /** Pieces of each process that are begun before the first of them is waited for. Default 0. */
  ahead?: number;
}

/**
 * Does work on several pieces, each in one process; every process gets what all of them found, in
 * the order of the pieces. Once `signal` is aborted in one of them, it ends with its reason, in all
 * at the same piece.
 */
export async function* shareWork<P>(
  pieces: Iterable<P>,
  work: (piece: P) => Promise<Float32Array>,
  { shared = false, signal: given, ahead = 0 }: WorkOptions = {},
): AsyncGenerator<{ piece: P; output: Float32Array }> {
  const group = shared ? processGroup() : local;
  const signal = shared ? agreedSignal(given) : given;
  const pending: { piece: P; from: number; own?: Promise<Float32Array> }[] = [];
  const first = async () => {
    const { piece, from, own } = pending.shift()!;
    return { piece, output: await sendOutput(group, from, await own) };
  };
  let number = 0;
  try {
    for (const piece of pieces) {
      const from = number++ % group.size;
      if (from === 0) {
        if (shared) agreeOnStopping(signal);
        signal?.throwIfAborted();
      }
      const own = from === group.rank ? work(piece) : undefined;
      // Whoever awaits it learns of an error; until then it is not unhandled.
      own?.catch(() => {});
      pending.push({ piece, from, own });
      // All have worked at a piece before they wait for each other.
      if (from === group.size - 1) while (pending.length > ahead * group.size) yield await first();
    }
    // Some have no piece left, and wait however long the others take.
    if (pending.length > 0) group.barrier();
    while (pending.length > 0) yield await first();
  } finally {
    await Promise.allSettled(pending.map(({ own }) => own));
  }
}

/** What process `from` has, in all of them. */
function sendOutput(group: Collective, from: number, own: Float32Array | undefined): Float32Array {
  const length = Int32Array.of(own?.length ?? 0);
  group.broadcast(length, from);
  const output = own ?? new Float32Array(length[0]);
  group.broadcast(output, from);
  return output;
}
