import { startThread, type Thread } from '../../platform/threads.ts';
import { DeviceLostError } from '../errors.ts';
import type { WasmMemory } from './wasmMemory.ts';
import type { WasmExports, WasmModule } from './wasmModule.ts';

/** Bytes of scratch of each thread: SCRATCH_BYTES in assembly/args.ts. */
const SCRATCH_BYTES = 1 << 20;
/** How long one sleep of the first thread lasts at most, in milliseconds. */
const SLEEP = 100;
/**
 * Waits, one after the other, in which no tile was done: some thread must be dead. A wait is a
 * sleep or, where this thread may not sleep, some 30 µs of spinning. Waits are counted, not timed:
 * all threads of a process that was stopped for a while go on together.
 */
const [MAX_SLEEPS, MAX_SPINS] = [300, 1_000_000];

/** A kernel's function: does one tile of the launch that `args` describes. */
type TileFunction = (args: number, tile: number) => void;

/**
 * What each other thread runs, as text, since TypeScript cannot be loaded in a worker everywhere,
 * and bundlers treat workers each in their own way. It never returns.
 */
const THREAD_SOURCE = `({ module, memory, scratch }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const functions = Object.values(exports);
  exports.setThreadScratch(scratch);
  try {
    for (let launch = 0; ; launch = exports.sleep(launch))
      for (let tile; (tile = exports.take()) >= 0; exports.finish())
        functions[exports.launchedEntry()](exports.launchedArgs(), tile);
  } catch (error) {
    exports.fail();
    throw error;
  }
}`;

/** Runs the tiles of launches on this thread and on others, which sleep in between. */
export class WasmThreads {
  readonly count: number;
  readonly #exports: WasmExports;
  readonly #functions: TileFunction[];
  /** Number of each kernel's function: its place among the exports. */
  readonly #entries: Map<string, number>;
  readonly #threads: Thread[] = [];
  readonly #mayBlock: boolean;
  #failure: DeviceLostError | undefined;

  /** @param count threads in all, this one included */
  constructor({ module }: WasmModule, memory: WasmMemory, count: number) {
    const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
    this.count = count;
    this.#exports = instance.exports as unknown as WasmExports;
    this.#functions = Object.values(instance.exports) as TileFunction[];
    this.#entries = new Map(Object.keys(instance.exports).map((name, i) => [name, i]));
    const scratch = memory.acquire(count * SCRATCH_BYTES).base;
    this.#exports.setThreadScratch(scratch);
    for (let i = 1; i < count; i++) {
      const data = { module, memory: memory.memory, scratch: scratch + i * SCRATCH_BYTES };
      this.#threads.push(startThread(THREAD_SOURCE, data, (reason) => this.#lose(reason)));
    }
    this.#mayBlock = mayBlock(memory.memory);
  }

  /** Number of a kernel's function; undefined if there is none of that name. */
  entry(name: string): number | undefined {
    return this.#entries.get(name);
  }

  /** @throws DeviceLostError if a thread has died. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Runs all tiles of a launch and returns when they are done. */
  run(entry: number, args: number, tiles: number): void {
    const run = this.#functions[entry];
    if (tiles <= 1 || this.count === 1) {
      for (let tile = 0; tile < tiles; tile++) run(args, tile);
      return;
    }
    const { publish, take, finish } = this.#exports;
    publish(entry, args, tiles);
    try {
      for (let tile = take(); tile >= 0; tile = take()) {
        run(args, tile);
        finish();
      }
    } catch (error) {
      // Other threads may still be at the launch, so no other can follow.
      this.#lose(`a kernel failed: ${(error as Error).message}`);
    }
    if (!this.#failure) this.#join();
    this.throwFailure();
  }

  destroy(): void {
    this.#lose('destroyed');
    for (const thread of this.#threads) thread.stop();
  }

  #join(): void {
    const { join, doze } = this.#exports;
    const most = this.#mayBlock ? MAX_SLEEPS : MAX_SPINS;
    let latest = 0;
    for (let waits = 0; waits < most && latest >= 0; waits++) {
      const left = join();
      if (left === 0) return;
      if (left !== latest) waits = 0;
      latest = left;
      if (this.#mayBlock && left > 0) doze(SLEEP);
    }
    this.#lose(latest < 0 ? 'a thread failed' : 'a thread does not answer');
  }

  #lose(reason: string): void {
    this.#failure ??= new DeviceLostError(
      reason,
      reason === 'destroyed' ? 'it was closed' : 'its threads cannot go on',
      'wasm',
    );
  }
}

/** Whether this thread may sleep: the main one of a browser may not. */
function mayBlock({ buffer }: WebAssembly.Memory): boolean {
  try {
    // The word is 0, so this returns at once.
    Atomics.wait(new Int32Array(buffer), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
