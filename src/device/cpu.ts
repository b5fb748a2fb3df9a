import { yieldToEventLoop } from '../platform/waiting.ts';
import { type CpuBuffer, CpuMemory, viewOf } from './cpuMemory.ts';
import type { Binding, Device, DeviceBuffer, MemoryUse } from './device.ts';
import { KernelError } from './errors.ts';
import type {
  ArrayOf,
  BufferTypes,
  Constants,
  HostArray,
  Kernel,
  ParamTypes,
  ParamValues,
} from './kernel.ts';
import { costOf, type KernelTime, KernelTimes } from './timing.ts';
import { hostTraits, type Traits } from './traits.ts';

/** Bytes after which a loop that only awaits results gives the event loop a turn. */
const TURN_BYTES = 2 ** 26;

/**
 * Runs the reference of each kernel at once, in plain JavaScript: the oracle of tests, the baseline
 * of benchmarks, and the fallback where there is neither an adapter nor SIMD.
 */
export class CpuDevice implements Device {
  readonly kind = 'cpu';
  readonly description = 'plain JavaScript loops (no WebGPU)';
  readonly traits: Traits = hostTraits;
  #times: KernelTimes | undefined;
  #allocatedSinceTurn = 0;
  readonly #memory: CpuMemory;

  /** @param memoryLimit bytes beyond which an allocation fails; default: what the runtime has */
  constructor(memoryLimit?: number) {
    this.#memory = new CpuMemory(memoryLimit);
  }

  set reclaim(reclaim: () => void) {
    this.#memory.reclaim = reclaim;
  }

  alloc(bytes: number): DeviceBuffer {
    this.#allocatedSinceTurn += bytes;
    return this.#memory.alloc(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#memory.free(buffer as CpuBuffer);
  }

  emptyCache(): void {
    this.#memory.dropIdle();
  }

  write({ buffer, offset }: Binding, data: HostArray): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array((buffer as CpuBuffer).data).set(bytes, offset);
  }

  async read({ buffer, offset, size }: Binding): Promise<ArrayBuffer> {
    const copy = this.#memory.copy(buffer as CpuBuffer, offset, size);
    if (this.#allocatedSinceTurn > TURN_BYTES) {
      // Where nobody can ask for a collection, finalizers free memory, between turns of the event
      // loop only.
      this.#allocatedSinceTurn = 0;
      await yieldToEventLoop();
    }
    return copy;
  }

  peek({ buffer, offset, size }: Binding): ArrayBuffer {
    return this.#memory.copy(buffer as CpuBuffer, offset, size);
  }

  hostView({ buffer, offset, size }: Binding): Float32Array {
    return viewOf(buffer as CpuBuffer, 'f32', offset, size / 4);
  }

  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void {
    const views: Record<string, HostArray> = {};
    for (const name in kernel.buffers) {
      const spec = kernel.buffers[name];
      const { buffer, offset, size } = buffers[name];
      const count = spec.size(params);
      if (count * 4 > size)
        throw new KernelError(
          kernel.name,
          `\`${name}\`: expected at least ${count} elements, got ${size / 4}`,
        );
      views[name] = viewOf(buffer as CpuBuffer, spec.type, offset, count);
    }
    const arrays = views as { [K in keyof B]: ArrayOf<B[K]> };
    if (this.#times) this.#runTimed(this.#times, kernel, arrays, params);
    else kernel.reference(arrays, params);
  }

  #runTimed<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    times: KernelTimes,
    kernel: Kernel<T, C, B>,
    arrays: { [K in keyof B]: ArrayOf<B[K]> },
    params: ParamValues<T>,
  ): void {
    const started = performance.now();
    kernel.reference(arrays, params);
    times.launch(costOf(kernel, {}, params)).seconds += (performance.now() - started) / 1000;
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
    return this.#memory.usage;
  }

  destroy(): void {}
}
