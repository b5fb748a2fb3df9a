import { StateError } from '../../platform/errors.ts';
import { waitForDevice } from '../../platform/waiting.ts';
import type { LaunchRequest } from '../capture/fusion.ts';
import { SharedBuffers } from '../capture/memoryPlan.ts';
import {
  createBindGroup,
  type Launch,
  type PlanHost,
  rollBackHooks,
  Trace,
  type TracedLaunch,
  WebGpuPlan,
} from '../capture/plan.ts';
import type { Binding, Device, DeviceBuffer, MemoryUse, Plan, TracedStep } from '../device.ts';
import { DeviceLostError, KernelError } from '../errors.ts';
import {
  type BufferTypes,
  type Constants,
  type HostArray,
  type Kernel,
  type ParamTypes,
  type ParamValues,
  packParams,
} from '../kernel.ts';
import { splitLaunch } from '../splitLaunch.ts';
import { costOf, type KernelTime, Profiler } from '../timing.ts';
import type { Traits } from '../traits.ts';
import { TuningTable } from '../tuning/tuningTable.ts';
import { PipelineCache } from './pipelines.ts';
import { BufferPool, type GpuBuffer } from './pool.ts';
import { precompileIfSlow } from './precompile.ts';
import { UniformArena } from './uniforms.ts';

const MAP_READ = 0x01 | 0x08; // GPUBufferUsage.MAP_READ | COPY_DST
/** Dispatches per submit: few enough that the adapter starts early, enough that submits cost little. */
const MAX_BATCH_LAUNCHES = 64;
const MAX_BIND_GROUPS = 20_000;
/** Bytes of a staging buffer that waits for the next reading; larger ones, for whole weights, are given back. */
const MAX_POOLED_STAGING = 1 << 24;

/** Runs kernels' WGSL: one command stream, submitted in chunks; buffers, pipelines, parameters and bind groups are reused. */
export class WebGpuDevice implements Device {
  readonly kind = 'webgpu';
  readonly description: string;
  readonly traits: Traits;
  readonly tuning = new TuningTable();
  readonly #device: GPUDevice;
  readonly #openSecondDevice: (() => Promise<GPUDevice>) | undefined;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #uniforms: UniformArena;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #staging: GPUBuffer[] = [];
  /** Verdicts that the adapter still owes us. */
  readonly #pendingErrors = new Set<Promise<void>>();
  #sharedBuffers: SharedBuffers;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #encodedLaunches = 0;
  #batch = 0;
  #failure: Error | undefined;
  #currentKernel = 'none';
  /** The step that is being captured. */
  #trace: Trace | undefined;
  #writeRedirect: Parameters<PlanHost['redirectWrites']>[0];
  #profiler: Profiler | undefined;

  /** `openSecondDevice` opens a second device on the adapter, given where that one compiles at the first launch and keeps what it compiled. */
  constructor(
    device: GPUDevice,
    description: string,
    traits: Traits,
    openSecondDevice?: () => Promise<GPUDevice>,
  ) {
    this.#device = device;
    this.#openSecondDevice = openSecondDevice;
    this.description = description;
    this.traits = traits;
    this.#pool = new BufferPool(
      device,
      () => this.#submit(),
      (verdict) => this.#trackError(verdict),
    );
    this.#sharedBuffers = new SharedBuffers(this.#pool);
    this.#pipelines = new PipelineCache(device, traits, (error) => this.#trackError(error));
    this.#uniforms = new UniformArena(device);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      const error = new KernelError(this.#currentKernel, event.error.message);
      // What it may follow from is still to be told.
      this.#trackError(
        Promise.all(this.#pendingErrors).then(() => (this.#failure ? undefined : error)),
      );
    });
    device.lost.then(({ reason, message }) => {
      this.#failure = new DeviceLostError(reason, message);
    });
  }

  alloc(bytes: number): DeviceBuffer {
    this.#throwFailure();
    if (!this.#trace) return this.#pool.acquire(bytes);
    this.#pool.sizeFor(bytes);
    return this.#trace.alloc(bytes);
  }

  free(buffer: DeviceBuffer): void {
    const gpuBuffer = buffer as GpuBuffer;
    if (this.#trace?.owns(gpuBuffer)) this.#trace.free(gpuBuffer);
    // What a captured step made belongs to its plan.
    else if (gpuBuffer.id > 0) this.#pool.release(gpuBuffer);
  }

  write({ buffer, offset }: Binding, data: HostArray): void {
    this.#throwFailure();
    const target = buffer as GpuBuffer;
    if (this.#writeRedirect?.(target, offset, data)) return;
    if (this.#trace) {
      this.#trace.write(target, offset, data);
      return;
    }
    // The queue writes before it runs what has not been submitted yet.
    if (target.lastBatch === this.#batch) this.#submit();
    this.#device.queue.writeBuffer(
      target.gpu,
      target.base + offset,
      data as HostArray & ArrayBufferView<ArrayBuffer>,
    );
  }

  async read(source: Binding): Promise<ArrayBuffer> {
    this.#throwFailure();
    if (this.#trace) throw new StateError('capture: values cannot be read inside the step');
    return this.#readBack(source);
  }

  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void {
    this.#throwFailure();
    for (const part of splitLaunch(kernel, params, this.traits)) {
      const request = { kernel, buffers, part } as unknown as LaunchRequest;
      if (this.#trace) {
        this.#trace.requests.push(request);
        continue;
      }
      const launch = this.#resolveLaunch(request, this.#profiler !== undefined);
      if (!launch) continue;
      for (const { buffer } of launch.bindings) buffer.lastBatch = this.#batch;
      this.#encode({ ...launch, bindGroup: this.#bindGroup(launch) });
      if (++this.#encodedLaunches >= MAX_BATCH_LAUNCHES) this.#submit();
    }
  }

  async synchronize(): Promise<void> {
    this.#submit();
    await waitForDevice(this.#device.queue.onSubmittedWorkDone());
    await this.#settleErrors();
  }

  capture(body: () => TracedStep): Plan {
    if (this.#trace) throw new StateError('capture: a step is being captured already');
    const trace = new Trace();
    this.#trace = trace;
    try {
      return this.#buildPlan(trace, body());
    } catch (error) {
      rollBackHooks(trace.hooks);
      throw error;
    } finally {
      this.#trace = undefined;
    }
  }

  #buildPlan(trace: Trace, { result, inputs }: TracedStep): Plan {
    trace.assertNothingEscapes([result.buffer, ...inputs]);
    const requests = trace.fused(result, this.traits.maxStorageBuffers);
    const launches = requests
      .map((request) => this.#resolveLaunch(request, true))
      .filter((launch) => launch !== undefined);
    if (this.#sharedBuffers.allocationFailed) this.#sharedBuffers = new SharedBuffers(this.#pool);
    return new WebGpuPlan(trace, launches, result, {
      gpu: this.#device,
      pool: this.#pool,
      sharedBuffers: this.#sharedBuffers,
      alignment: Math.max(16, this.traits.bindingAlignment),
      submit: (launches, encode, result) => this.#replay(launches, encode, result),
      redirectWrites: (write) => {
        this.#writeRedirect = write;
      },
    });
  }

  onReplay(run: () => void, rollback?: () => void): void {
    run();
    this.#trace?.hooks.push({ run, rollback });
  }

  startProfile(): void {
    this.#submit();
    if (!this.#device.features.has('timestamp-query')) {
      throw new StateError(
        'this adapter has no timestamps (timestamp-query), so kernels cannot be timed on it',
      );
    }
    this.#profiler = new Profiler(this.#device);
  }

  async stopProfile(): Promise<KernelTime[]> {
    const profiler = this.#profiler;
    try {
      await this.synchronize();
    } finally {
      this.#profiler = undefined;
      profiler?.destroy();
    }
    return profiler?.times.sorted ?? [];
  }

  memory(): MemoryUse {
    return this.#pool.memoryUse();
  }

  destroy(): void {
    this.#device.destroy();
  }

  /** Pipeline, parameters, parts of buffers and grid of a launch; undefined when there is nothing to do. */
  #resolveLaunch(
    { kernel, buffers, part: { params, starts } }: LaunchRequest,
    withCost: boolean,
  ): TracedLaunch | undefined {
    const constants = this.tuning.constants(kernel, params, this.traits);
    const groups = kernel.launch(params, constants, this.traits);
    if (groups === 0) return undefined;
    if (this.#uniforms.full || this.#bindGroups.size > MAX_BIND_GROUPS) {
      this.#submit();
      this.#uniforms.reset();
      this.#bindGroups.clear();
    }
    const bindings: TracedLaunch['bindings'] = [];
    for (const name in kernel.buffers) {
      const { buffer, offset, size } = buffers[name];
      const start = (starts[name] ?? 0) * 4;
      const bytes = kernel.buffers[name].size(params) * 4;
      if (start + bytes > size) {
        throw new KernelError(
          kernel.name,
          `${name} holds ${size / 4} elements, needs ${(start + bytes) / 4}`,
        );
      }
      // Whole vec4s are bound: every allocation ends on one.
      const boundSize = Math.max(16, Math.ceil(bytes / 16) * 16);
      bindings.push({
        buffer: buffer as GpuBuffer,
        offset: offset + start,
        size: boundSize,
        writes: kernel.buffers[name].access !== 'read',
      });
    }
    const rows = Math.ceil(groups / this.traits.maxGroupsPerDimension);
    return {
      pipeline: this.#pipelines.get(kernel, constants),
      params: this.#uniforms.slot(packParams(kernel.params, params)),
      bindings,
      x: Math.ceil(groups / rows),
      y: rows,
      kernel: kernel.name,
      cost: withCost ? costOf(kernel, constants, params) : undefined,
    };
  }

  #bindGroup({ pipeline, params, bindings }: TracedLaunch): GPUBindGroup {
    let key = `${pipeline.id},${params.id}`;
    for (const { buffer, offset, size } of bindings) key += `,${buffer.id}+${offset}:${size}`;
    let group = this.#bindGroups.get(key);
    if (!group)
      this.#bindGroups.set(
        key,
        (group = createBindGroup(this.#device, pipeline, params, bindings)),
      );
    return group;
  }

  /** Adds a launch to the command stream; in a profile it has a pass of its own, between timestamps. */
  #encode({ kernel, pipeline, bindGroup, x, y, cost }: Launch): void {
    if (this.#profiler?.full) this.#submit();
    this.#encoder ??= this.#device.createCommandEncoder();
    const timestampWrites = cost && this.#profiler?.timestampWrites(cost);
    if (!this.#pass) this.#pass = this.#encoder.beginComputePass({ timestampWrites });
    this.#currentKernel = kernel;
    pipeline.launched = true;
    this.#pass.setPipeline(pipeline.gpu);
    this.#pass.setBindGroup(0, bindGroup);
    this.#pass.dispatchWorkgroups(x, y);
    if (this.#profiler) this.#endPass();
  }

  #replay(
    launches: readonly Launch[],
    encode: (encoder: GPUCommandEncoder) => void,
    result: Binding,
  ): Promise<ArrayBuffer> {
    this.#throwFailure();
    this.#submit();
    this.#encoder = this.#device.createCommandEncoder();
    encode(this.#encoder);
    const uncompiled = launches.filter(({ pipeline }) => !pipeline.launched);
    if (this.#profiler) for (const launch of launches) this.#encode(launch);
    else this.#encodeAll(launches);
    const done = this.#readBack(result);
    if (this.#openSecondDevice && uncompiled.length > 1)
      precompileIfSlow(
        this.#openSecondDevice,
        new Set(uncompiled.map(({ pipeline }) => pipeline)),
        done,
      );
    return done;
  }

  /** Adds a whole step in one pass: nothing but the calls that it takes, since there are many. */
  #encodeAll(launches: readonly Launch[]): void {
    const pass = this.#encoder!.beginComputePass();
    let pipeline: Launch['pipeline'] | undefined;
    for (const launch of launches) {
      if (launch.pipeline !== pipeline) {
        pipeline = launch.pipeline;
        pipeline.launched = true;
        pass.setPipeline(pipeline.gpu);
      }
      pass.setBindGroup(0, launch.bindGroup);
      pass.dispatchWorkgroups(launch.x, launch.y);
    }
    pass.end();
    this.#currentKernel = 'a captured step';
  }

  /** Copies out through a staging buffer, once all commands so far are done. */
  async #readBack({ buffer, offset, size }: Binding): Promise<ArrayBuffer> {
    const bytes = Math.ceil(size / 4) * 4;
    const at = this.#staging.findIndex((one) => one.size >= bytes);
    const staging =
      at >= 0
        ? this.#staging.splice(at, 1)[0]
        : this.#device.createBuffer({ size: Math.max(4096, bytes), usage: MAP_READ });
    this.#endPass();
    this.#encoder ??= this.#device.createCommandEncoder();
    const { gpu, base } = buffer as GpuBuffer;
    this.#encoder.copyBufferToBuffer(gpu, base + offset, staging, 0, bytes);
    this.#submit();
    try {
      await waitForDevice(staging.mapAsync(1, 0, bytes));
    } catch (error) {
      await this.#settleErrors();
      throw error;
    }
    const copy = staging.getMappedRange(0, bytes).slice(0, size);
    staging.unmap();
    if (bytes <= MAX_POOLED_STAGING) this.#staging.push(staging);
    else staging.destroy();
    await this.#settleErrors();
    return copy;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #submit(): void {
    this.#endPass();
    if (!this.#encoder) return;
    const readTimes = this.#profiler?.resolve(this.#encoder);
    this.#device.queue.submit([this.#encoder.finish()]);
    if (readTimes) this.#trackError(readTimes().then(() => undefined));
    this.#encoder = undefined;
    this.#encodedLaunches = 0;
    this.#batch++;
  }

  /** Throws what went wrong: once for a refused kernel, always for a lost device. */
  #throwFailure(): void {
    const failure = this.#failure;
    if (!failure) return;
    if (!(failure instanceof DeviceLostError)) this.#failure = undefined;
    throw failure;
  }

  #trackError(verdict: Promise<Error | undefined>): void {
    const settled = verdict.then(
      (error) => {
        // A refused text comes before the errors that follow from it, and explains them.
        if (error && !(this.#failure instanceof DeviceLostError)) this.#failure = error;
      },
      () => {},
    );
    this.#pendingErrors.add(settled);
    settled.then(() => this.#pendingErrors.delete(settled));
  }

  /** Waits for owed verdicts and throws what went wrong. */
  async #settleErrors(): Promise<void> {
    await Promise.all(this.#pendingErrors);
    this.#throwFailure();
  }
}
