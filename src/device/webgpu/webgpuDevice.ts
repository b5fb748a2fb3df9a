import { StateError } from '../../platform/errors.ts';
import { waitForDevice } from '../../platform/waiting.ts';
import type { LaunchRequest } from '../capture/fusion.ts';
import { SharedBuffers } from '../capture/memoryPlan.ts';
import { WebGpuPlan } from '../capture/plan.ts';
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
import type { KernelTime } from '../timing.ts';
import type { Traits } from '../traits.ts';
import { TuningTable } from '../tuning/tuningTable.ts';
import { CommandStream, type Launch } from './commandStream.ts';
import { ErrorWatch } from './errorWatch.ts';
import { LaunchResolver } from './launches.ts';
import { PipelineCache } from './pipelines.ts';
import { BufferPool, type GpuBuffer } from './pool.ts';
import { precompileIfSlow } from './precompile.ts';
import { Profiler } from './profiler.ts';
import { Readback } from './readback.ts';

/** A buffer of a captured step, which gets memory when the whole step is known. */
const placeholder = (id: number, bytes: number): GpuBuffer =>
  ({ id, bytes, base: 0, lastBatch: -1, pins: 0 }) as GpuBuffer;

/**
 * Runs the WGSL of kernels on an adapter. A launch takes this way: `run` splits it where buffers
 * are larger than a binding (splitLaunch.ts), `LaunchResolver` chooses the variant and binds
 * memory, `CommandStream` encodes it and submits in batches. Nothing waits: results come back
 * through `Readback`, and errors through `ErrorWatch`, at the next call or the next wait.
 *
 * While a step is captured, a `Trace` records allocations, writes and launches instead. The plan
 * made of it (capture/plan.ts) submits them again as often as it is replayed.
 */
export class WebGpuDevice implements Device {
  readonly kind = 'webgpu';
  readonly description: string;
  readonly traits: Traits;
  readonly tuning = new TuningTable();
  readonly #device: GPUDevice;
  readonly #openSecondDevice: (() => Promise<GPUDevice>) | undefined;
  readonly #errors: ErrorWatch;
  readonly #stream: CommandStream;
  readonly #pool: BufferPool;
  readonly #resolver: LaunchResolver;
  readonly #readback: Readback;
  /** Memory of captured steps. */
  #sharedBuffers: SharedBuffers<GpuBuffer>;
  readonly #recorder = new Recorder(placeholder, (buffer) => this.#pool.release(buffer));
  #profiler: Profiler | undefined;

  /**
   * @param openSecondDevice opens another device on the adapter. Given if the adapter compiles
   *   kernels at their first launch and keeps the results for all devices.
   * @param memoryLimit bytes beyond which an allocation fails
   */
  constructor(
    device: GPUDevice,
    description: string,
    traits: Traits,
    openSecondDevice?: () => Promise<GPUDevice>,
    memoryLimit?: number,
  ) {
    this.#device = device;
    this.#openSecondDevice = openSecondDevice;
    this.description = description;
    this.traits = traits;
    this.#errors = new ErrorWatch(device, () => this.#stream.latestKernel);
    this.#stream = new CommandStream(device, this.#errors);
    const submit = () => this.#stream.submit();
    const report = (error: Promise<Error | undefined>) => this.#errors.track(error);
    this.#pool = new BufferPool(device, submit, report, memoryLimit);
    this.#sharedBuffers = new SharedBuffers(this.#pool);
    const pipelines = new PipelineCache(device, traits, report);
    this.#resolver = new LaunchResolver(device, traits, this.tuning, pipelines, submit);
    this.#readback = new Readback(device, this.#stream, this.#errors);
  }

  alloc(bytes: number): DeviceBuffer {
    this.#errors.throwFailure();
    if (!this.#recorder.trace) return this.#pool.acquire(bytes);
    this.#pool.sizeFor(bytes);
    return this.#recorder.trace.alloc(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#recorder.free(buffer as GpuBuffer);
  }

  emptyCache(): void {
    this.#pool.destroyIdle();
  }

  write({ buffer, offset }: Binding, data: HostArray): void {
    this.#errors.throwFailure();
    const target = buffer as GpuBuffer;
    if (this.#recorder.trace) {
      this.#recorder.trace.write(target, offset, data);
      return;
    }
    // The queue writes before it runs what has not been submitted yet.
    if (target.lastBatch === this.#stream.batch) this.#stream.submit();
    this.#device.queue.writeBuffer(
      target.gpu,
      target.base + offset,
      data as HostArray & ArrayBufferView<ArrayBuffer>,
    );
  }

  run<T extends ParamTypes, C extends Constants, B extends BufferTypes>(
    kernel: Kernel<T, C, B>,
    buffers: { [K in keyof B]: Binding },
    params: ParamValues<T>,
  ): void {
    this.#errors.throwFailure();
    const anyKernel = kernel as unknown as Kernel;
    for (const part of this.#resolver.split(anyKernel, params)) {
      const request: LaunchRequest = { kernel: anyKernel, buffers, part };
      if (this.#recorder.trace) this.#recorder.trace.requests.push(request);
      else this.#launch(request);
    }
  }

  #launch(request: LaunchRequest): void {
    const launch = this.#resolver.resolve(request, this.#profiler !== undefined);
    if (!launch) return;
    for (const { buffer } of launch.bindings) buffer.lastBatch = this.#stream.batch;
    this.#stream.launch({ ...launch, bindGroup: this.#resolver.bindGroup(launch) });
  }

  async read(source: Binding): Promise<ArrayBuffer> {
    this.#errors.throwFailure();
    this.#recorder.assertReadable();
    return this.#readback.read(source);
  }

  async synchronize(): Promise<void> {
    this.#stream.submit();
    await waitForDevice(this.#device.queue.onSubmittedWorkDone());
    await this.#errors.settle();
  }

  capture(body: () => TracedStep): Plan {
    return this.#recorder.capture(body, (trace, step) => this.#buildPlan(trace, step));
  }

  onReplay(run: () => void, rollback?: () => void): void {
    this.#recorder.onReplay(run, rollback);
  }

  #buildPlan(trace: Trace<GpuBuffer>, { result, inputs }: TracedStep): Plan {
    trace.assertNothingEscapes([result.buffer, ...inputs]);
    const launches = trace
      .fused(result, this.traits.maxStorageBuffers)
      .map((request) => this.#resolver.resolve(request, true))
      .filter((launch) => launch !== undefined);
    if (this.#sharedBuffers.allocationFailed) this.#sharedBuffers = new SharedBuffers(this.#pool);
    return new WebGpuPlan(trace, launches, result, {
      gpu: this.#device,
      pool: this.#pool,
      sharedBuffers: this.#sharedBuffers,
      alignment: Math.max(16, this.traits.bindingAlignment),
      submit: (launches, upload, result) => this.#submitStep(launches, upload, result),
    });
  }

  #submitStep(
    launches: readonly Launch[],
    upload: (encoder: GPUCommandEncoder) => void,
    result: Binding,
  ): Promise<ArrayBuffer> {
    this.#errors.throwFailure();
    // The upload overwrites the block at once: what the step before still has to run must be out.
    this.#stream.submit();
    upload(this.#stream.encoder());
    const uncompiled = launches.filter(({ pipeline }) => !pipeline.launched);
    this.#stream.launchAll(launches);
    const done = this.#readback.read(result);
    if (this.#openSecondDevice && uncompiled.length > 1) {
      const pipelines = new Set(uncompiled.map(({ pipeline }) => pipeline));
      precompileIfSlow(this.#openSecondDevice, pipelines, done);
    }
    return done;
  }

  startProfile(): void {
    if (!this.#device.features.has('timestamp-query')) {
      throw new StateError(
        'profile: this adapter has no timestamps (`timestamp-query`), so it cannot time kernels',
      );
    }
    this.#profiler = new Profiler(this.#device);
    this.#stream.profile(this.#profiler);
  }

  async stopProfile(): Promise<KernelTime[]> {
    const profiler = this.#profiler;
    try {
      await this.synchronize();
    } finally {
      this.#profiler = undefined;
      this.#stream.profile(undefined);
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
}
