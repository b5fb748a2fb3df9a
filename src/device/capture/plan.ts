import { StateError } from '../../platform/errors.ts';
import type { Binding, Plan } from '../device.ts';
import type { HostArray } from '../kernel.ts';
import type { Launch } from '../webgpu/commandStream.ts';
import { createBindGroup, type ResolvedLaunch } from '../webgpu/launches.ts';
import type { BufferPool, GpuBuffer } from '../webgpu/pool.ts';
import type { SharedBuffers } from './memoryPlan.ts';
import { type ReplayHook, rollBackHooks, runHooks, type Trace } from './trace.ts';
import { UploadBlock } from './uploadBlock.ts';

/** What a plan needs of its device. */
export interface PlanHost {
  gpu: GPUDevice;
  pool: BufferPool;
  sharedBuffers: SharedBuffers<GpuBuffer>;
  /** Where bindings may start, in bytes. */
  alignment: number;
  /** Submits a step: `upload` adds the commands that come first, then the launches run. */
  submit(
    launches: readonly Launch[],
    upload: (encoder: GPUCommandEncoder) => void,
    result: Binding,
  ): Promise<ArrayBuffer>;
}

/**
 * A captured step, which is launched again with nothing but new numbers from the host.
 *
 * 1. The trace (trace.ts): the step's JavaScript runs once, and the device records its launches,
 *    allocations and host writes instead of doing them.
 * 2. The plan (this file): launches are fused (fusion.ts) and resolved. Temporaries get memory by
 *    lifetime, in slots that all plans share (memoryPlan.ts). What the host writes is gathered in
 *    one block (uploadBlock.ts).
 * 3. A replay: hooks renew the numbers in the block (learning rates, random numbers, inputs), the
 *    block goes up in one write, and the launches, bound once, are encoded again. Nothing is
 *    allocated, and no shape is computed.
 */
export class WebGpuPlan implements Plan {
  readonly launches: number;
  readonly flops: number;
  readonly #host: PlanHost;
  readonly #hooks: readonly ReplayHook[];
  readonly #result: Binding;
  readonly #uploadBlock: UploadBlock;
  readonly #resolved: readonly ResolvedLaunch[];
  /** The step's other buffers, and the shared slot that each lives in. */
  readonly #slotAssignments: [GpuBuffer, number][];
  /** Buffers that the step uses but did not make: they must not be reused for others. */
  readonly #pinned: GpuBuffer[];
  #launches: Launch[] = [];
  /** Generation of the shared buffers that `#launches` are bound to. */
  #boundGeneration = -1;
  #isFirstReplay = true;
  #disposed = false;

  constructor(
    trace: Trace<GpuBuffer>,
    launches: readonly ResolvedLaunch[],
    result: Binding,
    host: PlanHost,
  ) {
    this.#host = host;
    this.#hooks = trace.hooks;
    this.#result = result;
    this.#resolved = launches;
    this.launches = launches.length;
    this.flops = launches.reduce((sum, { cost }) => sum + (cost?.flops ?? 0), 0);
    const used = [
      ...launches.flatMap(({ bindings }) => bindings.map(({ buffer }) => buffer)),
      ...[...trace.writes.values()].map(({ buffer }) => buffer),
      result.buffer as GpuBuffer,
    ];
    this.#pinned = [...new Set(used)].filter((buffer) => !trace.owns(buffer));
    // First: what is asked for next may free all that nothing refers to.
    for (const buffer of this.#pinned) buffer.pins++;
    let block: UploadBlock | undefined;
    try {
      block = new UploadBlock(trace, launches, host.pool, host.alignment);
      this.#uploadBlock = block;
      this.#slotAssignments = this.#assignSlots(trace, launches);
    } catch (error) {
      block?.dispose(host.pool);
      for (const buffer of this.#pinned) host.pool.unpin(buffer);
      throw error;
    }
  }

  get allocationFailed(): boolean {
    return this.#uploadBlock.allocationFailed || this.#host.sharedBuffers.allocationFailed;
  }

  write({ buffer, offset }: Binding, data: HostArray): boolean {
    return this.#uploadBlock.write(buffer as GpuBuffer, offset, data);
  }

  replay(prepare: () => void): Promise<ArrayBuffer> {
    if (this.#disposed) throw new StateError('replay: the captured step was disposed');
    // The capture ran the hooks for the first replay.
    if (!this.#isFirstReplay) runHooks(prepare, this.#hooks);
    this.#isFirstReplay = false;
    if (this.#boundGeneration !== this.#host.sharedBuffers.generation) this.#bind();
    const { queue } = this.#host.gpu;
    return this.#host.submit(
      this.#launches,
      (encoder) => this.#uploadBlock.upload(queue, encoder),
      this.#result,
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // What was captured but never run did nothing.
    if (this.#isFirstReplay) rollBackHooks(this.#hooks);
    this.#uploadBlock.dispose(this.#host.pool);
    for (const buffer of this.#pinned) this.#host.pool.unpin(buffer);
    this.#host.sharedBuffers.release();
  }

  /** Finds a slot for every temporary that does not live in the block. */
  #assignSlots(
    trace: Trace<GpuBuffer>,
    launches: readonly ResolvedLaunch[],
  ): [GpuBuffer, number][] {
    const lifetimes = trace.lifetimes(launches);
    // Copies from the block run before all launches; the result is read after them.
    for (const buffer of this.#uploadBlock.copyTargets)
      if (trace.owns(buffer)) lifetimes.get(buffer)!.from = -1;
    const result = lifetimes.get(this.#result.buffer as GpuBuffer);
    if (result) result.to = launches.length + 1;
    const inSlots = [...lifetimes].filter(([buffer]) => !this.#uploadBlock.holds(buffer));
    const slotOf = this.#host.sharedBuffers.reserve(inSlots.map(([, lifetime]) => lifetime));
    return inSlots.map(([buffer], i) => [buffer, slotOf[i]]);
  }

  /** Binds all launches to the memory that their buffers have now. */
  #bind(): void {
    const { gpu, sharedBuffers } = this.#host;
    for (const [buffer, slot] of this.#slotAssignments)
      Object.assign(buffer, { gpu: sharedBuffers.buffer(slot).gpu });
    this.#launches = this.#resolved.map(({ params, bindings, ...launch }) => ({
      ...launch,
      bindGroup: createBindGroup(gpu, launch.pipeline, params, bindings),
    }));
    this.#boundGeneration = sharedBuffers.generation;
  }
}
