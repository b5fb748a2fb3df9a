import { yieldToEventLoop } from '../../platform/waiting.ts';
import type { LaunchRequest } from '../capture/fusion.ts';
import { SharedBuffers } from '../capture/memoryPlan.ts';
import { Recorder } from '../capture/recorder.ts';
import type { Trace } from '../capture/trace.ts';
import type { Binding, Device, DeviceBuffer, MemoryUse, Plan, TracedStep } from '../device.ts';
import type {
  BufferTypes,
  Constants,
  HostArray,
  Kernel,
  ParamTypes,
  ParamValues,
} from '../kernel.ts';
import { costOf, type KernelTime, KernelTimes } from '../timing.ts';
import { hostTraits, type Traits } from '../traits.ts';
import { argumentBytes, type BoundLaunch, bindLaunch } from './wasmLaunch.ts';
import { alignedSize, type WasmBuffer, WasmMemory } from './wasmMemory.ts';
import type { WasmModule } from './wasmModule.ts';
import { WasmPlan } from './wasmPlan.ts';
import { WasmThreads } from './wasmThreads.ts';

/** Milliseconds after which a loop that only awaits results gives the event loop a turn. */
const TURN = 50;
/** Bytes of the arguments of an eager launch; larger ones get memory of their own. */
const EAGER_ARGS = 1 << 14;

/** A buffer of a captured step, which gets memory when the whole step is known. */
const placeholder = (id: number, bytes: number): WasmBuffer => ({
  id,
  bytes,
  base: 0,
  pins: 0,
  views: {},
});

/**
 * Runs kernels as WebAssembly with SIMD, on all cores of the processor. Kernels without such a form
 * run their reference on the same memory. A launch is done when `run` returns: the calling thread
 * takes part in it (wasmThreads.ts). assembly/index.ts tells how a kernel gets its WebAssembly.
 */
export class WasmDevice implements Device {
  readonly kind = 'wasm';
  readonly description: string;
  readonly traits: Traits;
  readonly #memory: WasmMemory;
  readonly #threads: WasmThreads;
  readonly #args: WasmBuffer;
  /** Memory of captured steps. */
  readonly #sharedBuffers: SharedBuffers<WasmBuffer>;
  readonly #recorder = new Recorder(placeholder, (buffer) => this.#memory.release(buffer));
  #times: KernelTimes | undefined;
  #latestTurn = performance.now();

  /**
   * @param threads how many compute, the calling one included
   * @param memoryLimit bytes in use beyond which an allocation fails
   */
  constructor(module: WasmModule, threads: number, memoryLimit?: number) {
    this.#memory = new WasmMemory(memoryLimit);
    this.#threads = new WasmThreads(module, this.#memory, threads);
    this.#sharedBuffers = new SharedBuffers(this.#memory);
    this.#args = this.#memory.acquire(EAGER_ARGS);
    this.traits = { ...hostTraits, strict: !module.relaxed };
    const count = threads === 1 ? '1 thread' : `${threads} threads`;
    this.description = `WebAssembly, ${count}${module.relaxed ? ', fused multiply-add' : ''}`;
  }

  set reclaim(reclaim: () => void) {
    this.#memory.reclaim = reclaim;
  }

  alloc(bytes: number): DeviceBuffer {
    return this.#recorder.trace ? this.#recorder.trace.alloc(bytes) : this.#memory.acquire(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#recorder.free(buffer as WasmBuffer);
  }

  /** WebAssembly's memory never shrinks; its free parts serve buffers of any size. */
  emptyCache(): void {}

  write({ buffer, offset }: Binding, data: HostArray): void {
    const target = buffer as WasmBuffer;
    if (this.#recorder.trace) {
      this.#recorder.trace.write(target, offset, data);
      return;
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#memory.bytes(target, offset, bytes.length).set(bytes);
  }

  async read({ buffer, offset, size }: Binding): Promise<ArrayBuffer> {
    this.#recorder.assertReadable();
    this.#threads.throwFailure();
    const copy = this.#memory.copyOut(buffer as WasmBuffer, offset, size);
    await this.#takeTurn();
    return copy;
  }

  peek({ buffer, offset, size }: Binding): ArrayBuffer | undefined {
    return this.#recorder.trace
      ? undefined
      : this.#memory.copyOut(buffer as WasmBuffer, offset, size);
  }

  hostView({ buffer, offset, size }: Binding): Float32Array {
    return this.#memory.view(buffer as WasmBuffer, 'f32', offset, size / 4);
  }

  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void {
    const request: LaunchRequest = {
      kernel: kernel as unknown as Kernel,
      buffers,
      part: { params, starts: {} },
    };
    if (this.#recorder.trace) {
      this.#recorder.trace.requests.push(request);
      return;
    }
    this.#threads.throwFailure();
    const wasm = kernel.wasm?.(params);
    const bytes = argumentBytes(request, wasm);
    const ownArgs = bytes > EAGER_ARGS ? alignedSize(bytes) : 0;
    const size = ownArgs + (wasm?.scratch ?? 0);
    const room = size > 0 ? this.#acquireFor(request, size) : undefined;
    try {
      const args = ownArgs > 0 ? room! : this.#args;
      const scratch = room ? room.base + ownArgs : 0;
      this.#launch(bindLaunch(request, wasm, this.#memory, this.#threads, args, scratch));
    } finally {
      if (room) this.#memory.release(room);
    }
  }

  /** Memory for a launch whose own buffers stay, even if nothing else refers to them any more. */
  #acquireFor({ buffers }: LaunchRequest, bytes: number): WasmBuffer {
    const own = Object.values(buffers).map(({ buffer }) => buffer as WasmBuffer);
    for (const buffer of own) buffer.pins++;
    try {
      return this.#memory.acquire(bytes);
    } finally {
      for (const buffer of own) this.#memory.unpin(buffer);
    }
  }

  async synchronize(): Promise<void> {
    this.#threads.throwFailure();
  }

  capture(body: () => TracedStep): Plan {
    return this.#recorder.capture(body, (trace, step) => this.#buildPlan(trace, step));
  }

  onReplay(run: () => void, rollback?: () => void): void {
    this.#recorder.onReplay(run, rollback);
  }

  #buildPlan(trace: Trace<WasmBuffer>, { result, inputs }: TracedStep): Plan {
    trace.assertNothingEscapes([result.buffer, ...inputs]);
    // References have their own bits, fused or not: a chain holds WebAssembly alone.
    const mayFuse = ({ kernel, part }: LaunchRequest) => kernel.wasm?.(part.params) !== undefined;
    const requests = trace.fused(result, this.traits.maxStorageBuffers, mayFuse);
    return new WasmPlan(trace, requests, result, {
      memory: this.#memory,
      threads: this.#threads,
      sharedBuffers: this.#sharedBuffers,
      run: (launches, { buffer, offset, size }) => {
        this.#threads.throwFailure();
        for (const launch of launches) this.#launch(launch);
        return this.read({ buffer, offset, size });
      },
    });
  }

  #launch(launch: BoundLaunch): void {
    if (!this.#times) {
      launch.run();
      return;
    }
    const { kernel, part } = launch.request;
    const started = performance.now();
    launch.run();
    const cost = costOf(kernel, { form: launch.form }, part.params);
    this.#times.launch(cost).seconds += (performance.now() - started) / 1000;
  }

  /** Lets signals, timers and finalizers run now and then: promises alone never do. */
  async #takeTurn(): Promise<void> {
    if (performance.now() - this.#latestTurn < TURN) return;
    await yieldToEventLoop();
    this.#latestTurn = performance.now();
  }

  startProfile(): void {
    this.#times = new KernelTimes();
  }

  async stopProfile(): Promise<KernelTime[]> {
    const times = this.#times?.sorted ?? [];
    this.#times = undefined;
    return times;
  }

  memory(): MemoryUse {
    return this.#memory.usage;
  }

  destroy(): void {
    this.#threads.destroy();
  }
}
