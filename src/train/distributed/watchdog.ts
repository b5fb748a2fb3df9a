/**
 * Ends a process that waits for others in vain. A call of MPI blocks the thread that makes it, so
 * another thread looks at the clock: it sees the deadline of the call in shared memory.
 */
import { startThread } from '../../platform/threads.ts';

/** How often the thread looks, in milliseconds. */
const INTERVAL = 200;

/** Runs in the thread; it ends the process without asking the thread that is blocked. */
const SOURCE = `({ memory, rank, names, interval }) => {
  const { writeSync } = require('node:fs');
  const state = new BigInt64Array(memory);
  setInterval(() => {
    // The call first, since it is stored last: these times are its own, or those of a later one.
    const [call, deadline, started] = [2, 1, 0].map((i) => Number(Atomics.load(state, i)));
    const now = Number(process.hrtime.bigint() / 1000000n);
    if (call === 0 || now < deadline) return;
    const seconds = Math.round((now - started) / 1000);
    const text = 'wigbert: rank ' + rank + ' has waited ' + seconds + ' s in ' + names[call - 1] +
      ' for the others: a rank hangs or the link is down. The job ends; --resume continues from ' +
      'the latest checkpoint\\n';
    try { writeSync(2, text); } catch {}
    process.kill(process.pid, 'SIGKILL');
  }, interval);
}`;

export class Watchdog {
  readonly #state = new BigInt64Array(new SharedArrayBuffer(24));
  readonly #names: readonly string[];
  readonly #thread: ReturnType<typeof startThread>;

  /** @param names of the calls that are watched */
  constructor(rank: number, names: readonly string[]) {
    this.#names = names;
    const data = { memory: this.#state.buffer, rank, names, interval: INTERVAL };
    this.#thread = startThread(SOURCE, data, () => {});
  }

  /** Makes a call, which may take so many milliseconds. */
  watch<T>(name: string, milliseconds: number, call: () => T): T {
    // A clock that all threads share and nobody sets.
    const now = Number(process.hrtime.bigint() / 1_000_000n);
    Atomics.store(this.#state, 0, BigInt(now));
    Atomics.store(this.#state, 1, BigInt(now + Math.ceil(milliseconds)));
    Atomics.store(this.#state, 2, BigInt(this.#names.indexOf(name) + 1));
    try {
      return call();
    } finally {
      Atomics.store(this.#state, 2, 0n);
    }
  }

  stop(): void {
    this.#thread.stop();
  }
}
