import type {
  BufferTypes,
  Constants,
  HostArray,
  Kernel,
  ParamTypes,
  ParamValues,
} from './kernel.ts';
import type { KernelTime } from './timing.ts';
import type { Traits } from './traits.ts';
import type { TuningTable } from './tuning/tuningTable.ts';

/** Memory on a device; opaque above this floor. */
export interface DeviceBuffer {
  readonly bytes: number;
}

/** A part of a buffer, in bytes. */
export interface Binding {
  buffer: DeviceBuffer;
  offset: number;
  size: number;
}

/** Device memory that is in use, and kept for reuse. */
export interface MemoryUse {
  /** Bytes and buffers in use now. */
  bytes: number;
  buffers: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** Largest `bytes` so far. */
  peakBytes: number;
}

/** What a step returns to `capture`: its inputs, and where the result to read back lies. */
export interface TracedStep {
  result: Binding;
  inputs: readonly DeviceBuffer[];
}

/** A captured step: its launches, ready to run again. */
export interface Plan {
  /** Launches of one replay. */
  readonly launches: number;
  /** Floating-point operations of one replay. */
  readonly flops: number;
  /** True if allocation failed; capture the step again. */
  readonly allocationFailed: boolean;
  /**
   * Replaces what the host wrote to `target` in the step, for the replays that follow. Returns
   * false if the step wrote nothing there: then `Device.write` is the right call.
   * @throws StateError if the number of bytes differs.
   */
  write(target: Binding, data: HostArray): boolean;
  /**
   * Runs the step again; resolves with the bytes of its result. `prepare` comes first, then what
   * was given to `onReplay`; both `write` what differs from the replay before. The first replay
   * calls neither: the capture wrote its values.
   */
  replay(prepare: () => void): Promise<ArrayBuffer>;
  dispose(): void;
}

/**
 * Runs kernels: `webgpu` runs their WGSL, `wasm` their WebAssembly, and `cpu` their reference, as
 * `wasm` does with those that have no WebAssembly. Work is queued in order; only `read` and
 * `synchronize` wait for it. Errors surface there or at the next call.
 */
export interface Device {
  readonly kind: 'webgpu' | 'wasm' | 'cpu';
  /** Adapter and driver. */
  readonly description: string;
  readonly traits: Traits;
  /** Chooses variants of kernels by measurement; absent if there are none to choose from. */
  readonly tuning?: TuningTable;
  /**
   * Memory of at least `bytes` bytes; its contents are undefined.
   * @throws OutOfMemoryError if the adapter has no buffers of this size.
   */
  alloc(bytes: number): DeviceBuffer;
  /**
   * Frees what nothing refers to any more. The library sets it, and devices with the host's memory
   * call it before they run out.
   */
  reclaim?: () => void;
  /** Gives memory back; work that is queued may still use it. */
  free(buffer: DeviceBuffer): void;
  /** Frees the memory that is kept for reuse (PyTorch's `torch.cuda.empty_cache`). */
  emptyCache(): void;
  /** Writes to memory, after the work that is queued. */
  write(target: Binding, data: HostArray): void;
  /** Waits for all queued work, then copies out. Rejects with what went wrong on the device. */
  read(source: Binding): Promise<ArrayBuffer>;
  /** The same at once, where memory is the host's; undefined while a step is being captured. */
  peek?(source: Binding): ArrayBuffer | undefined;
  /** The memory itself, where it is the host's: what is written there is on the device. */
  hostView?(of: Binding): Float32Array;
  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void;
  synchronize(): Promise<void>;
  /**
   * Records what `body` launches instead of running it. The step's buffers share memory, so only
   * its result and its inputs may outlive it. Absent if replaying gains nothing.
   * @throws StateError if another buffer outlives the step, or another step is being captured.
   */
  capture?(body: () => TracedStep): Plan;
  /**
   * Runs `run` now and, if a step is being captured, before each replay but the first: what the
   * host must do in each step. Its new values reach the step through `Plan.write`, as those of
   * `Tensor.copy_` do. `rollback` undoes what `run` did if the step fails before it is launched.
   */
  onReplay(run: () => void, rollback?: () => void): void;
  /**
   * Times every launch from now on; slower, since each runs alone.
   * @throws StateError if the adapter has no timestamps.
   */
  startProfile(): void;
  /** Ends the profile; resolves with the times by kernel and variant, longest first. */
  stopProfile(): Promise<KernelTime[]>;
  memory(): MemoryUse;
  destroy(): void;
}
