import type { Binding, Device, DeviceBuffer, MemoryUse } from './device.ts';
import { KernelError } from './errors.ts';
import type {
  ArrayOf,
  BufferTypes,
  Constants,
  ElementType,
  HostArray,
  Kernel,
  ParamTypes,
  ParamValues,
} from './kernel.ts';
import { costOf, type KernelTime, KernelTimes } from './timing.ts';
import type { Traits } from './traits.ts';

interface CpuBuffer extends DeviceBuffer {
  data: ArrayBuffer;
}

const arrayOf = (type: ElementType) =>
  type === 'u32' ? Uint32Array : type === 'i32' || type === 'I' ? Int32Array : Float32Array;

/** Bytes after which a loop that only awaits results gives the event loop a turn. */
const TURN_BYTES = 2 ** 26;

/**
 * Runs the reference of each kernel at once, in plain JavaScript: the oracle of tests, the baseline
 * of benchmarks, and the fallback where there is no adapter.
 */
export class CpuDevice implements Device {
  readonly kind = 'cpu';
  readonly description = 'plain JavaScript loops (no WebGPU)';
  readonly traits: Traits = {
    subgroupSize: 0,
    software: true,
    maxWorkgroupSize: 256,
    maxWorkgroupStorage: 16384,
    maxBinding: Number.MAX_SAFE_INTEGER,
    maxStorageBuffers: 16,
    maxGroupsPerDimension: 65535,
    bindingAlignment: 4,
  };
  #times: KernelTimes | undefined;
  #allocatedSinceTurn = 0;
  #usage: MemoryUse = { bytes: 0, buffers: 0, pooledBytes: 0, peakBytes: 0 };

  alloc(bytes: number): DeviceBuffer {
    this.#allocatedSinceTurn += bytes;
    this.#usage.bytes += bytes;
    this.#usage.buffers++;
    this.#usage.peakBytes = Math.max(this.#usage.peakBytes, this.#usage.bytes);
    return { bytes, data: new ArrayBuffer(Math.ceil(bytes / 4) * 4) } as CpuBuffer;
  }

  free(buffer: DeviceBuffer): void {
    this.#usage.bytes -= buffer.bytes;
    this.#usage.buffers--;
  }

  write({ buffer, offset }: Binding, data: HostArray): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array((buffer as CpuBuffer).data).set(bytes, offset);
  }

  async read({ buffer, offset, size }: Binding): Promise<ArrayBuffer> {
    if (this.#allocatedSinceTurn > TURN_BYTES) {
      // Collected tensors are freed by finalizers, which run between turns of the event loop only.
      await new Promise((resolve) => setTimeout(resolve));
      this.#allocatedSinceTurn = 0;
    }
    return (buffer as CpuBuffer).data.slice(offset, offset + size);
  }

  peek({ buffer, offset, size }: Binding): ArrayBuffer {
    return (buffer as CpuBuffer).data.slice(offset, offset + size);
  }

  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void {
    const views: Record<string, HostArray> = {};
    for (const [name, spec] of Object.entries(kernel.buffers)) {
      const { buffer, offset, size } = buffers[name];
      const count = spec.size(params);
      if (count * 4 > size)
        throw new KernelError(
          kernel.name,
          `\`${name}\`: expected at least ${count} elements, got ${size / 4}`,
        );
      views[name] = new (arrayOf(spec.type))((buffer as CpuBuffer).data, offset, count);
    }
    const started = performance.now();
    kernel.reference(views as { [K in keyof B]: ArrayOf<B[K]> }, params);
    const time = this.#times?.launch(costOf(kernel, {}, params));
    if (time) time.seconds += (performance.now() - started) / 1000;
  }

  async synchronize(): Promise<void> {}

  onReplay(run: () => void): void {
    run();
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
    return { ...this.#usage };
  }

  destroy(): void {}
}
