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

/** A stretch of a buffer, in bytes. */
export interface Binding {
  buffer: DeviceBuffer;
  offset: number;
  size: number;
}

export interface MemoryUse {
  /** Bytes and buffers in use now. */
  bytes: number;
  buffers: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** Largest `bytes` so far. */
  peakBytes: number;
}

/** What a step that is captured returns: where the result to read back will lie, and its inputs. */
export interface TracedStep {
  result: Binding;
  inputs: readonly DeviceBuffer[];
}

/** A step that was captured: its launches, ready to run again. */
export interface Plan {
  /** Launches of one replay, and their floating-point operations. */
  readonly launches: number;
  readonly flops: number;
  /** Whether the device had no memory for it: it is to be captured anew. */
  readonly allocationFailed: boolean;
  /**
   * Runs the step again and resolves with the bytes of its result. Host writes made by `prepare`, and then by what was
   * given to `onReplay`, replace those of the step before; the first replay goes by the writes of the capture.
   */
  replay(prepare: () => void): Promise<ArrayBuffer>;
  dispose(): void;
}

/**
 * A place where kernels run: `webgpu` runs their WGSL, `cpu` their reference.
 * Work is queued in order; only `read` and `synchronize` wait for it. Errors surface there or at the next call.
 */
export interface Device {
  readonly kind: 'webgpu' | 'cpu';
  /** Adapter and driver, in words. */
  readonly description: string;
  readonly traits: Traits;
  /** Which variants launches take; absent where there is no choice. */
  readonly tuning?: TuningTable;
  /** Memory of at least `bytes` bytes, its contents undefined. Throws OutOfMemoryError. */
  alloc(bytes: number): DeviceBuffer;
  /** Gives memory back; work already queued may still use it. */
  free(buffer: DeviceBuffer): void;
  write(target: Binding, data: HostArray): void;
  /** Waits for all queued work, then copies out. Rejects with what went wrong on the device. */
  read(source: Binding): Promise<ArrayBuffer>;
  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void;
  synchronize(): Promise<void>;
  /**
   * Takes down what `body` launches instead of running it. Memory is shared among what the step makes, so nothing but its result and
   * inputs may outlive it. Absent where replaying gains nothing.
   */
  capture?(body: () => TracedStep): Plan;
  /**
   * Runs `run` now and, if a step is being captured, before each replay: what the host does anew each time. `rollback` takes it
   * back if the step fails before it is launched.
   */
  onReplay(run: () => void, rollback?: () => void): void;
  /** Times every launch from now on; slower, since each runs alone. */
  startProfile(): void;
  /** Ends the profile: times by kernel and variant, longest first. */
  stopProfile(): Promise<KernelTime[]>;
  memory(): MemoryUse;
  destroy(): void;
}
