import { StateError } from '../../platform/errors.ts';
import type { Binding, DeviceBuffer, Plan } from '../device.ts';
import type { HostArray } from '../kernel.ts';
import type { LaunchCost } from '../timing.ts';
import type { Pipeline } from '../webgpu/pipelines.ts';
import type { BufferPool, GpuBuffer } from '../webgpu/pool.ts';
import type { UniformSlot } from '../webgpu/uniforms.ts';
import { fuseLaunches, type LaunchRequest } from './fusion.ts';
import type { Lifetime, SharedBuffers } from './memoryPlan.ts';

/** A launch with everything resolved but its memory. */
export interface TracedLaunch {
  kernel: string;
  pipeline: Pipeline;
  params: UniformSlot;
  bindings: { buffer: GpuBuffer; offset: number; size: number; writes: boolean }[];
  x: number;
  y: number;
  /** Told where somebody counts: in captured steps and profiles. */
  cost: LaunchCost | undefined;
}

/** A launch ready to be encoded. */
export type Launch = Omit<TracedLaunch, 'params' | 'bindings'> & { bindGroup: GPUBindGroup };

interface HostWrite {
  buffer: GpuBuffer;
  offset: number;
  data: Uint8Array;
}

/** What the host does anew before each replay, and how to take it back. */
interface ReplayHook {
  run: () => void;
  rollback: (() => void) | undefined;
}

/** Takes back what hooks did, the latest first. */
export function rollBackHooks(hooks: readonly ReplayHook[]): void {
  for (const hook of hooks.toReversed()) hook.rollback?.();
}

const writeKey = (buffer: GpuBuffer, offset: number): string => `${buffer.id}+${offset}`;
let virtualId = 0;

/** What a step asks of the device, taken down instead of done. Memory is allotted only when the step is known whole. */
export class Trace {
  readonly requests: LaunchRequest[] = [];
  readonly hooks: ReplayHook[] = [];
  readonly writes = new Map<string, HostWrite>();
  /** Memory that the step asked for. */
  readonly #own = new Set<GpuBuffer>();
  readonly #freed = new Set<GpuBuffer>();

  alloc(bytes: number): GpuBuffer {
    const buffer = { id: --virtualId, bytes, base: 0, lastBatch: -1, pins: 0 } as GpuBuffer;
    this.#own.add(buffer);
    return buffer;
  }

  free(buffer: GpuBuffer): void {
    this.#freed.add(buffer);
  }

  owns(buffer: GpuBuffer): boolean {
    return this.#own.has(buffer);
  }

  /** Temporaries share memory: one that is kept would change under its holder. */
  assertNothingEscapes(allowed: readonly DeviceBuffer[]): void {
    const escaped = [...this.#own].filter(
      (buffer) => !this.#freed.has(buffer) && !allowed.includes(buffer),
    );
    if (escaped.length === 0) return;
    throw new StateError(
      `capture: ${escaped.length} tensors made in the step outlive it: return what is needed, keep nothing, and drop gradients (zeroGrad) in the step`,
    );
  }

  /** What is to be launched: element by element in one go what follows each other and can be. */
  fused(result: Binding, maxBuffers: number): LaunchRequest[] {
    return fuseLaunches(
      this.requests,
      (buffer) => buffer !== result.buffer && this.owns(buffer as GpuBuffer),
      maxBuffers,
    );
  }

  /** From the first launch to the last that touches each of the step's buffers, whenever it was freed. */
  lifetimes(launches: readonly TracedLaunch[]): Map<GpuBuffer, Lifetime> {
    const lifetimes = new Map<GpuBuffer, Lifetime>();
    for (const [i, { bindings }] of launches.entries()) {
      for (const { buffer } of bindings) {
        if (!this.owns(buffer)) continue;
        const lifetime = lifetimes.get(buffer);
        if (lifetime) lifetime.to = i + 1;
        else lifetimes.set(buffer, { bytes: buffer.bytes, from: i, to: i + 1 });
      }
    }
    return lifetimes;
  }

  write(buffer: GpuBuffer, offset: number, source: HostArray): void {
    const key = writeKey(buffer, offset);
    // All host writes go up before all launches.
    const isUsed = this.requests.some(({ buffers }) =>
      Object.values(buffers).some((bound) => bound.buffer === buffer),
    );
    if (isUsed || this.writes.has(key))
      throw new StateError(
        'capture: the host writes memory that the step has written or worked with before: make a new tensor',
      );
    const data = new Uint8Array(source.byteLength);
    data.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
    this.writes.set(key, { buffer, offset, data });
  }
}

/** What a plan needs of its device. */
export interface PlanHost {
  gpu: GPUDevice;
  pool: BufferPool;
  sharedBuffers: SharedBuffers;
  alignment: number;
  /** Encodes, submits and reads back; calls `encode` with an encoder that holds nothing else. */
  submit(
    launches: readonly Launch[],
    encode: (encoder: GPUCommandEncoder) => void,
    result: Binding,
  ): Promise<ArrayBuffer>;
  /** Whether host writes go to a plan for now, which returns false for those it does not know. */
  redirectWrites(
    write: ((buffer: GpuBuffer, offset: number, data: HostArray) => boolean) | undefined,
  ): void;
}

/** A captured step: launches with fixed memory, and one block of bytes that goes up before they run. */
export class WebGpuPlan implements Plan {
  readonly launches: number;
  readonly flops: number;
  readonly #host: PlanHost;
  readonly #tracedLaunches: readonly TracedLaunch[];
  #launches: Launch[] = [];
  /** The slots' when `#launches` were bound. */
  #boundGeneration = -1;
  readonly #hooks: readonly ReplayHook[];
  readonly #result: Binding;
  readonly #pinned: GpuBuffer[];
  readonly #uploadBlock: GpuBuffer | undefined;
  readonly #uploadData: Uint8Array<ArrayBuffer>;
  /** Where in the block each host write goes. */
  readonly #writeTargets = new Map<string, { at: number; length: number }>();
  /** Parts of the block that belong elsewhere: memory that outlives the step, or that it overwrites. */
  readonly #copies: { at: number; buffer: GpuBuffer; offset: number; size: number }[] = [];
  /** Memory of the step that lives in the block, and where. */
  readonly #blockOffsets = new Map<GpuBuffer, number>();
  /** What else the step makes, and the slot it lives in. */
  readonly #slotAssignments: [GpuBuffer, number][];
  #isFirstReplay = true;
  #disposed = false;

  constructor(trace: Trace, launches: readonly TracedLaunch[], result: Binding, host: PlanHost) {
    this.#host = host;
    this.#hooks = trace.hooks;
    this.#result = result;
    this.#tracedLaunches = launches;
    this.launches = launches.length;
    this.flops = launches.reduce((sum, { cost }) => sum + (cost?.flops ?? 0), 0);
    this.#uploadData = new Uint8Array(this.#layOutUploadBlock(trace, launches));
    this.#uploadBlock =
      this.#uploadData.length > 0 ? host.pool.acquire(this.#uploadData.length) : undefined;
    for (const [key, { data }] of trace.writes)
      this.#uploadData.set(data, this.#writeTargets.get(key)!.at);
    for (const [buffer, base] of this.#blockOffsets)
      Object.assign(buffer, { gpu: this.#uploadBlock!.gpu, base });
    this.#slotAssignments = this.#assignSlots(trace, launches);
    const usedBuffers = [...launches.flatMap(({ bindings }) => bindings), ...this.#copies].map(
      ({ buffer }) => buffer,
    );
    this.#pinned = [...new Set([...usedBuffers, result.buffer as GpuBuffer])].filter(
      (buffer) => !trace.owns(buffer),
    );
    for (const buffer of this.#pinned) buffer.pins++;
  }

  /** `prepare` writes the inputs; of the first replay they are known from the capture. */
  replay(prepare: () => void): Promise<ArrayBuffer> {
    if (this.#disposed) throw new StateError('replay: the captured step was disposed');
    if (!this.#isFirstReplay) this.#refreshWrites(prepare);
    this.#isFirstReplay = false;
    if (this.#boundGeneration !== this.#host.sharedBuffers.generation) this.#bind();
    const [uploadBlock, uploadData] = [this.#uploadBlock, this.#uploadData];
    const encode = (encoder: GPUCommandEncoder) => {
      if (uploadBlock) this.#host.gpu.queue.writeBuffer(uploadBlock.gpu, 0, uploadData);
      for (const { at, buffer, offset, size } of this.#copies) {
        encoder.copyBufferToBuffer(uploadBlock!.gpu, at, buffer.gpu, buffer.base + offset, size);
      }
    };
    return this.#host.submit(this.#launches, encode, this.#result);
  }

  get allocationFailed(): boolean {
    return (
      this.#uploadBlock?.allocationFailed === true || this.#host.sharedBuffers.allocationFailed
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#uploadBlock) this.#host.pool.release(this.#uploadBlock);
    for (const buffer of this.#pinned) this.#host.pool.unpin(buffer);
    this.#host.sharedBuffers.release();
  }

  /** Lets the host write what changes from step to step into the block. */
  #refreshWrites(prepare: () => void): void {
    this.#host.redirectWrites((buffer, offset, data) => {
      const target = this.#writeTargets.get(writeKey(buffer, offset));
      if (target === undefined) return false;
      if (data.byteLength !== target.length)
        throw new StateError(
          `replay: the host writes ${data.byteLength} bytes where it wrote ${target.length} at the capture`,
        );
      this.#uploadData.set(
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        target.at,
      );
      return true;
    });
    let done = 0;
    try {
      prepare();
      for (; done < this.#hooks.length; done++) this.#hooks[done].run();
    } catch (error) {
      rollBackHooks(this.#hooks.slice(0, done));
      throw error;
    } finally {
      this.#host.redirectWrites(undefined);
    }
  }

  /** Lays out the block: memory that only the host writes lives in it. Returns its size. */
  #layOutUploadBlock(trace: Trace, launches: readonly TracedLaunch[]): number {
    const { alignment } = this.#host;
    const written = new Set(
      launches.flatMap(({ bindings }) =>
        bindings.filter(({ writes }) => writes).map(({ buffer }) => buffer),
      ),
    );
    let size = 0;
    const reserve = (bytes: number) => {
      const at = size;
      size += Math.ceil(bytes / alignment) * alignment;
      return at;
    };
    for (const [key, { buffer, offset, data }] of trace.writes) {
      if (trace.owns(buffer) && !written.has(buffer)) {
        if (!this.#blockOffsets.has(buffer)) this.#blockOffsets.set(buffer, reserve(buffer.bytes));
        this.#writeTargets.set(key, {
          at: this.#blockOffsets.get(buffer)! + offset,
          length: data.length,
        });
      } else {
        const at = reserve(data.length);
        this.#writeTargets.set(key, { at, length: data.length });
        this.#copies.push({ at, buffer, offset, size: Math.ceil(data.length / 4) * 4 });
      }
    }
    return size;
  }

  /** Finds a slot for every temporary. */
  #assignSlots(trace: Trace, launches: readonly TracedLaunch[]): [GpuBuffer, number][] {
    const lifetimes = trace.lifetimes(launches);
    // Copies from the block come before all launches, the result is read after them.
    for (const { buffer } of this.#copies) if (trace.owns(buffer)) lifetimes.get(buffer)!.from = -1;
    const result = lifetimes.get(this.#result.buffer as GpuBuffer);
    if (result) result.to = launches.length + 1;
    const inSlots = [...lifetimes].filter(([buffer]) => !this.#blockOffsets.has(buffer));
    const slotOf = this.#host.sharedBuffers.reserve(inSlots.map(([, lifetime]) => lifetime));
    return inSlots.map(([buffer], i) => [buffer, slotOf[i]]);
  }

  #bind(): void {
    const { gpu, sharedBuffers } = this.#host;
    for (const [buffer, slot] of this.#slotAssignments)
      Object.assign(buffer, { gpu: sharedBuffers.gpuBuffer(slot) });
    this.#launches = this.#tracedLaunches.map(({ params, bindings, ...launch }) => ({
      ...launch,
      bindGroup: createBindGroup(gpu, launch.pipeline, params, bindings),
    }));
    this.#boundGeneration = sharedBuffers.generation;
  }
}

/** Binds a launch's parameters and memory. */
export function createBindGroup(
  device: GPUDevice,
  { layout }: Pipeline,
  params: UniformSlot,
  bindings: TracedLaunch['bindings'],
): GPUBindGroup {
  const entries: GPUBindGroupEntry[] = bindings.map(({ buffer, offset, size }, i) => ({
    binding: i + 1,
    resource: { buffer: buffer.gpu, offset: buffer.base + offset, size },
  }));
  entries.unshift({
    binding: 0,
    resource: { buffer: params.buffer, offset: params.offset, size: params.size },
  });
  return device.createBindGroup({ layout, entries });
}
