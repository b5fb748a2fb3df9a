import type { HostArray, Kernel, ParamTypes, ParamValues } from './kernel.ts';
import type { Traits } from './traits.ts';

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

/**
 * A place where kernels run: `webgpu` runs their WGSL, `cpu` their reference.
 * Work is queued in order; only `read` and `synchronize` wait for it. Errors surface there or at the next call.
 */
export interface Device {
  readonly kind: 'webgpu' | 'cpu';
  /** Adapter and driver, in words. */
  readonly description: string;
  readonly traits: Traits;
  /** Memory of at least `bytes` bytes, its contents undefined. Throws OutOfMemoryError. */
  alloc(bytes: number): DeviceBuffer;
  /** Gives memory back; work already queued may still use it. */
  free(buffer: DeviceBuffer): void;
  write(target: Binding, data: HostArray): void;
  /** Waits for all queued work, then copies out. Rejects with what went wrong on the device. */
  read(source: Binding): Promise<ArrayBuffer>;
  run<T extends ParamTypes>(kernel: Kernel<T>, buffers: Record<string, Binding>, params: ParamValues<T>): void;
  synchronize(): Promise<void>;
  memory(): MemoryUse;
  destroy(): void;
}
