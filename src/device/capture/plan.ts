import { StateError } from '../../platform/errors.ts';
import type { Binding, DeviceBuffer, Plan } from '../device.ts';
import type { HostArray } from '../kernel.ts';
import type { Work } from '../timing.ts';
import type { Pipeline } from '../webgpu/pipelines.ts';
import type { BufferPool, GpuBuffer } from '../webgpu/pool.ts';
import type { UniformSlot } from '../webgpu/uniforms.ts';
import { joinElementwise, type Request } from './fusion.ts';
import type { Lifetime, Slots } from './memoryPlan.ts';

/** A launch with everything resolved but its memory. */
export interface TracedLaunch {
  kernel: string;
  pipeline: Pipeline;
  params: UniformSlot;
  bindings: { buffer: GpuBuffer; offset: number; size: number; writes: boolean }[];
  x: number;
  y: number;
  /** Told where somebody counts: in captured steps and profiles. */
  work: Work | undefined;
}

/** A launch ready to be encoded. */
export type Launch = Omit<TracedLaunch, 'params' | 'bindings'> & { bindGroup: GPUBindGroup };

interface HostWrite {
  buffer: GpuBuffer;
  offset: number;
  data: Uint8Array;
}

/** What the host does anew before each replay, and how to take it back. */
interface Hook {
  host: () => void;
  undo: (() => void) | undefined;
}

/** Takes back what hooks did, the latest first. */
export function undo(hooks: readonly Hook[]): void {
  for (const hook of hooks.toReversed()) hook.undo?.();
}

const keyOf = (buffer: GpuBuffer, offset: number): string => `${buffer.id}+${offset}`;
let virtualId = 0;

/** What a step asks of the device, taken down instead of done. Memory is allotted only when the step is known whole. */
export class Trace {
  readonly requests: Request[] = [];
  readonly hooks: Hook[] = [];
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
  refuseSurvivors(allowed: readonly DeviceBuffer[]): void {
    const survivors = [...this.#own].filter(
      (buffer) => !this.#freed.has(buffer) && !allowed.includes(buffer),
    );
    if (survivors.length === 0) return;
    throw new StateError(
      `capture: ${survivors.length} tensors made in the step outlive it: return what is needed, keep nothing, and drop gradients (zeroGrad) in the step`,
    );
  }

  /** What is to be launched: element by element in one go what follows each other and can be. */
  joined(result: Binding, mostBuffers: number): Request[] {
    return joinElementwise(
      this.requests,
      (buffer) => buffer !== result.buffer && this.owns(buffer as GpuBuffer),
      mostBuffers,
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
    const key = keyOf(buffer, offset);
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
  slots: Slots;
  alignment: number;
  /** Encodes, submits and reads back; calls `encode` with an encoder that holds nothing else. */
  submit(
    launches: readonly Launch[],
    encode: (encoder: GPUCommandEncoder) => void,
    result: Binding,
  ): Promise<ArrayBuffer>;
  /** Whether host writes go to a plan for now, which returns false for those it does not know. */
  redirect(
    write: ((buffer: GpuBuffer, offset: number, data: HostArray) => boolean) | undefined,
  ): void;
}

/** A captured step: launches with fixed memory, and one block of bytes that goes up before they run. */
export class WebGpuPlan implements Plan {
  readonly launches: number;
  readonly flops: number;
  readonly #host: PlanHost;
  readonly #traced: readonly TracedLaunch[];
  #launches: Launch[] = [];
  /** The slots' when `#launches` were bound. */
  #generation = -1;
  readonly #hooks: readonly Hook[];
  readonly #result: Binding;
  readonly #pinned: GpuBuffer[];
  readonly #block: GpuBuffer | undefined;
  readonly #mirror: Uint8Array<ArrayBuffer>;
  /** Where in the block each host write goes. */
  readonly #places = new Map<string, { at: number; length: number }>();
  /** Parts of the block that belong elsewhere: memory that outlives the step, or that it overwrites. */
  readonly #copies: { at: number; buffer: GpuBuffer; offset: number; size: number }[] = [];
  /** Memory of the step that lives in the block, and where. */
  readonly #homes = new Map<GpuBuffer, number>();
  /** What else the step makes, and the slot it lives in. */
  readonly #tenants: [GpuBuffer, number][];
  #fresh = true;
  #disposed = false;

  constructor(trace: Trace, launches: readonly TracedLaunch[], result: Binding, host: PlanHost) {
    this.#host = host;
    this.#hooks = trace.hooks;
    this.#result = result;
    this.#traced = launches;
    this.launches = launches.length;
    this.flops = launches.reduce((sum, { work }) => sum + (work?.flops ?? 0), 0);
    this.#mirror = new Uint8Array(this.#placeWrites(trace, launches));
    this.#block = this.#mirror.length > 0 ? host.pool.take(this.#mirror.length) : undefined;
    for (const [key, { data }] of trace.writes) this.#mirror.set(data, this.#places.get(key)!.at);
    for (const [buffer, base] of this.#homes)
      Object.assign(buffer, { gpu: this.#block!.gpu, base });
    this.#tenants = this.#allot(trace, launches);
    const touched = [...launches.flatMap(({ bindings }) => bindings), ...this.#copies].map(
      ({ buffer }) => buffer,
    );
    this.#pinned = [...new Set([...touched, result.buffer as GpuBuffer])].filter(
      (buffer) => !trace.owns(buffer),
    );
    for (const buffer of this.#pinned) buffer.pins++;
  }

  /** `prepare` writes the inputs; of the first replay they are known from the capture. */
  replay(prepare: () => void): Promise<ArrayBuffer> {
    if (this.#disposed) throw new StateError('replay: the captured step was disposed');
    if (!this.#fresh) this.#renew(prepare);
    this.#fresh = false;
    if (this.#generation !== this.#host.slots.generation) this.#bind();
    const [block, mirror] = [this.#block, this.#mirror];
    const encode = (encoder: GPUCommandEncoder) => {
      if (block) this.#host.gpu.queue.writeBuffer(block.gpu, 0, mirror);
      for (const { at, buffer, offset, size } of this.#copies) {
        encoder.copyBufferToBuffer(block!.gpu, at, buffer.gpu, buffer.base + offset, size);
      }
    };
    return this.#host.submit(this.#launches, encode, this.#result);
  }

  get isBroken(): boolean {
    return this.#block?.isBroken === true || this.#host.slots.isBroken;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#block) this.#host.pool.give(this.#block);
    for (const buffer of this.#pinned) this.#host.pool.unpin(buffer);
    this.#host.slots.leave();
  }

  /** Lets the host write what changes from step to step into the block. */
  #renew(prepare: () => void): void {
    this.#host.redirect((buffer, offset, data) => {
      const place = this.#places.get(keyOf(buffer, offset));
      if (place === undefined) return false;
      if (data.byteLength !== place.length)
        throw new StateError(
          `replay: the host writes ${data.byteLength} bytes where it wrote ${place.length} at the capture`,
        );
      this.#mirror.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), place.at);
      return true;
    });
    let done = 0;
    try {
      prepare();
      for (; done < this.#hooks.length; done++) this.#hooks[done].host();
    } catch (error) {
      undo(this.#hooks.slice(0, done));
      throw error;
    } finally {
      this.#host.redirect(undefined);
    }
  }

  /** Lays out the block: memory that only the host writes lives in it. Returns its size. */
  #placeWrites(trace: Trace, launches: readonly TracedLaunch[]): number {
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
        if (!this.#homes.has(buffer)) this.#homes.set(buffer, reserve(buffer.bytes));
        this.#places.set(key, { at: this.#homes.get(buffer)! + offset, length: data.length });
      } else {
        const at = reserve(data.length);
        this.#places.set(key, { at, length: data.length });
        this.#copies.push({ at, buffer, offset, size: Math.ceil(data.length / 4) * 4 });
      }
    }
    return size;
  }

  /** Finds a slot for every temporary. */
  #allot(trace: Trace, launches: readonly TracedLaunch[]): [GpuBuffer, number][] {
    const lifetimes = trace.lifetimes(launches);
    // Copies from the block come before all launches, the result is read after them.
    for (const { buffer } of this.#copies) if (trace.owns(buffer)) lifetimes.get(buffer)!.from = -1;
    const result = lifetimes.get(this.#result.buffer as GpuBuffer);
    if (result) result.to = launches.length + 1;
    const inSlots = [...lifetimes].filter(([buffer]) => !this.#homes.has(buffer));
    const slotOf = this.#host.slots.enter(inSlots.map(([, lifetime]) => lifetime));
    return inSlots.map(([buffer], i) => [buffer, slotOf[i]]);
  }

  #bind(): void {
    const { gpu, slots } = this.#host;
    for (const [buffer, slot] of this.#tenants) Object.assign(buffer, { gpu: slots.gpu(slot) });
    this.#launches = this.#traced.map(({ params, bindings, ...launch }) => ({
      ...launch,
      bindGroup: createBindGroup(gpu, launch.pipeline, params, bindings),
    }));
    this.#generation = slots.generation;
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
