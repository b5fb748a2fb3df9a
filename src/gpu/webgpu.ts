import type { Binding, Device, DeviceBuffer, MemoryUse } from './device.ts';
import { DeviceLostError, KernelError } from './errors.ts';
import { type HostArray, type Kernel, type ParamTypes, type ParamValues, packParams } from './kernel.ts';
import { PipelineCache } from './pipelines.ts';
import { BufferPool, type GpuBuffer } from './pool.ts';
import type { Traits } from './traits.ts';
import { UniformArena } from './uniforms.ts';

const MAP_READ = 0x01 | 0x08; // GPUBufferUsage.MAP_READ | COPY_DST
/** Dispatches per submit: few enough that the adapter starts early, enough that submits cost little. */
const BATCH = 64;
const MAX_BIND_GROUPS = 20_000;

/** Runs kernels' WGSL: one command stream, submitted in chunks; buffers, pipelines, parameters and bind groups are reused. */
export class WebGpuDevice implements Device {
  readonly kind = 'webgpu';
  readonly description: string;
  readonly traits: Traits;
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #uniforms: UniformArena;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #staging: GPUBuffer[] = [];
  /** Verdicts that the adapter still owes us. */
  readonly #pending = new Set<Promise<void>>();
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #encoded = 0;
  #batch = 0;
  #failure: Error | undefined;
  #kernelNow = 'none';

  constructor(device: GPUDevice, description: string, traits: Traits) {
    this.#device = device;
    this.description = description;
    this.traits = traits;
    this.#pool = new BufferPool(device);
    this.#pipelines = new PipelineCache(device, traits, (error) => this.#await(error));
    this.#uniforms = new UniformArena(device);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#fail(new KernelError(this.#kernelNow, event.error.message));
    });
    device.lost.then(({ reason, message }) => {
      this.#failure = new DeviceLostError(reason, message);
    });
  }

  alloc(bytes: number): DeviceBuffer {
    this.#check();
    return this.#pool.take(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#pool.give(buffer as GpuBuffer);
  }

  write({ buffer, offset }: Binding, data: HostArray): void {
    this.#check();
    const target = buffer as GpuBuffer;
    // The queue writes before it runs what has not been submitted yet.
    if (target.lastBatch === this.#batch) this.#submit();
    this.#device.queue.writeBuffer(target.gpu, offset, data as HostArray & ArrayBufferView<ArrayBuffer>);
  }

  async read({ buffer, offset, size }: Binding): Promise<ArrayBuffer> {
    this.#check();
    const bytes = Math.ceil(size / 4) * 4;
    const at = this.#staging.findIndex((one) => one.size >= bytes);
    const staging =
      at >= 0 ? this.#staging.splice(at, 1)[0] : this.#device.createBuffer({ size: Math.max(4096, bytes), usage: MAP_READ });
    this.#endPass();
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#encoder.copyBufferToBuffer((buffer as GpuBuffer).gpu, offset, staging, 0, bytes);
    this.#submit();
    try {
      await staging.mapAsync(1, 0, bytes);
    } catch (error) {
      await this.#settle();
      throw error;
    }
    const copy = staging.getMappedRange(0, bytes).slice(0, size);
    staging.unmap();
    this.#staging.push(staging);
    await this.#settle();
    return copy;
  }

  run<T extends ParamTypes>(kernel: Kernel<T>, buffers: Record<string, Binding>, params: ParamValues<T>): void {
    this.#check();
    const constants = kernel.specialize?.(params, this.traits) ?? { width: 1 };
    const groups = kernel.launch(params, constants, this.traits);
    if (groups === 0) return;
    const pipeline = this.#pipelines.get(kernel as unknown as Kernel, constants);
    const bindGroup = this.#bindGroup(kernel, pipeline, buffers, params);
    if (!this.#pass) {
      this.#encoder ??= this.#device.createCommandEncoder();
      this.#pass = this.#encoder.beginComputePass();
    }
    this.#kernelNow = kernel.name;
    this.#pass.setPipeline(pipeline.gpu);
    this.#pass.setBindGroup(0, bindGroup);
    const rows = Math.ceil(groups / this.traits.maxGroupsPerDimension);
    this.#pass.dispatchWorkgroups(Math.ceil(groups / rows), rows);
    if (++this.#encoded >= BATCH) this.#submit();
  }

  async synchronize(): Promise<void> {
    this.#submit();
    await this.#device.queue.onSubmittedWorkDone();
    await this.#settle();
  }

  memory(): MemoryUse {
    return this.#pool.use();
  }

  destroy(): void {
    this.#device.destroy();
  }

  #bindGroup<T extends ParamTypes>(
    kernel: Kernel<T>,
    pipeline: { id: number; layout: GPUBindGroupLayout },
    buffers: Record<string, Binding>,
    params: ParamValues<T>,
  ): GPUBindGroup {
    if (this.#uniforms.full || this.#bindGroups.size > MAX_BIND_GROUPS) {
      this.#submit();
      this.#uniforms.restart();
      this.#bindGroups.clear();
    }
    const slot = this.#uniforms.slot(packParams(kernel.params, params));
    let key = `${pipeline.id},${slot.id}`;
    const ranges: { buffer: GPUBuffer; offset: number; size: number }[] = [slot];
    for (const name in kernel.buffers) {
      const { buffer, offset, size } = buffers[name];
      const bytes = kernel.buffers[name].size(params) * 4;
      if (bytes > size) throw new KernelError(kernel.name, `${name} holds ${size / 4} elements, needs ${bytes / 4}`);
      // Whole vec4s are bound: every allocation ends on one.
      const range = {
        buffer: (buffer as GpuBuffer).gpu,
        offset,
        size: Math.max(16, Math.ceil(bytes / 16) * 16),
      };
      if (range.size > this.traits.maxBinding) {
        throw new KernelError(
          kernel.name,
          `${name} needs ${bytes} bytes at once; this adapter binds ${this.traits.maxBinding} at most`,
        );
      }
      (buffer as GpuBuffer).lastBatch = this.#batch;
      ranges.push(range);
      key += `,${(buffer as GpuBuffer).id}+${offset}:${range.size}`;
    }
    let group = this.#bindGroups.get(key);
    if (!group) {
      const entries = ranges.map(({ buffer, offset, size }, binding) => ({
        binding,
        resource: { buffer, offset, size },
      }));
      group = this.#device.createBindGroup({ layout: pipeline.layout, entries });
      this.#bindGroups.set(key, group);
    }
    return group;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #submit(): void {
    this.#endPass();
    if (!this.#encoder) return;
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#encoded = 0;
    this.#batch++;
  }

  /** Throws what went wrong: once for a refused kernel, always for a lost device. */
  #check(): void {
    const failure = this.#failure;
    if (!failure) return;
    if (!(failure instanceof DeviceLostError)) this.#failure = undefined;
    throw failure;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }

  #await(verdict: Promise<Error | undefined>): void {
    const settled = verdict.then(
      (error) => {
        // A refused text comes before the errors that follow from it, and explains them.
        if (error && !(this.#failure instanceof DeviceLostError)) this.#failure = error;
      },
      () => {},
    );
    this.#pending.add(settled);
    settled.then(() => this.#pending.delete(settled));
  }

  /** Waits for owed verdicts and throws what went wrong. */
  async #settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.#check();
  }
}
