import type { LaunchCost } from '../timing.ts';
import type { ErrorWatch } from './errorWatch.ts';
import type { Pipeline } from './pipelines.ts';
import type { Profiler } from './profiler.ts';

/** A launch ready to be encoded. */
export interface Launch {
  kernel: string;
  pipeline: Pipeline;
  bindGroup: GPUBindGroup;
  /** Workgroups along the two dimensions of the grid. */
  x: number;
  y: number;
  /** Set only in captured steps and while profiling. */
  cost: LaunchCost | undefined;
}

/** Launches in one submit: few enough that the adapter starts early, many enough to be cheap. */
const MAX_BATCH_LAUNCHES = 64;

/**
 * The queue of work for the adapter. Commands collect in one encoder and are submitted in batches;
 * consecutive launches share one compute pass, unless they are profiled.
 */
export class CommandStream {
  readonly #device: GPUDevice;
  readonly #errors: ErrorWatch;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #batchLaunches = 0;
  #profiler: Profiler | undefined;
  /** Number of the batch that collects commands now. */
  batch = 0;
  /** What was launched last, in words. */
  latestKernel = 'none';

  constructor(device: GPUDevice, errors: ErrorWatch) {
    this.#device = device;
    this.#errors = errors;
  }

  /** Adds one launch, and submits when a batch is full. */
  launch(launch: Launch): void {
    this.#encode(launch);
    if (++this.#batchLaunches >= MAX_BATCH_LAUNCHES) this.submit();
  }

  /** Adds the launches of a whole step, in one pass. */
  launchAll(launches: readonly Launch[]): void {
    if (this.#profiler) {
      for (const launch of launches) this.#encode(launch);
      return;
    }
    // There are many launches: the loop makes no call that it can do without.
    const pass = this.encoder().beginComputePass();
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
    this.latestKernel = 'a captured step';
  }

  /** The encoder for commands outside passes, such as copies. */
  encoder(): GPUCommandEncoder {
    this.#endPass();
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#encoder;
  }

  /** Sends all commands so far to the adapter. */
  submit(): void {
    this.#endPass();
    if (!this.#encoder) return;
    const readTimes = this.#profiler?.resolve(this.#encoder);
    this.#device.queue.submit([this.#encoder.finish()]);
    if (readTimes) this.#errors.track(readTimes().then(() => undefined));
    this.#encoder = undefined;
    this.#batchLaunches = 0;
    this.batch++;
  }

  /** Times each launch from now on by `profiler`; undefined ends it. */
  profile(profiler: Profiler | undefined): void {
    this.submit();
    this.#profiler = profiler;
  }

  /** While profiling, a launch has a pass of its own, between two timestamps. */
  #encode({ kernel, pipeline, bindGroup, x, y, cost }: Launch): void {
    if (this.#profiler?.full) this.submit();
    this.#encoder ??= this.#device.createCommandEncoder();
    const timestampWrites = cost && this.#profiler?.timestampWrites(cost);
    this.#pass ??= this.#encoder.beginComputePass({ timestampWrites });
    this.latestKernel = kernel;
    pipeline.launched = true;
    this.#pass.setPipeline(pipeline.gpu);
    this.#pass.setBindGroup(0, bindGroup);
    this.#pass.dispatchWorkgroups(x, y);
    if (this.#profiler) this.#endPass();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
