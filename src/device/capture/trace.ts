import { StateError } from '../../platform/errors.ts';
import type { Binding, DeviceBuffer } from '../device.ts';
import type { HostArray } from '../kernel.ts';
import type { ResolvedLaunch } from '../webgpu/launches.ts';
import type { GpuBuffer } from '../webgpu/pool.ts';
import { fuseLaunches, type LaunchRequest } from './fusion.ts';
import type { Lifetime } from './memoryPlan.ts';

/** A write from the host that the step made. */
export interface HostWrite {
  buffer: GpuBuffer;
  offset: number;
  data: Uint8Array;
}

/** What the host does before each replay, and how to undo it. */
export interface ReplayHook {
  run: () => void;
  rollback: (() => void) | undefined;
}

/** Undoes what hooks did, the latest first. */
export function rollBackHooks(hooks: readonly ReplayHook[]): void {
  for (const hook of hooks.toReversed()) hook.rollback?.();
}

export const writeKey = (buffer: GpuBuffer, offset: number): string => `${buffer.id}+${offset}`;
let virtualId = 0;

/**
 * What a step asks of the device, recorded instead of done. Its buffers are placeholders: memory is
 * assigned when the whole step is known.
 */
export class Trace {
  readonly requests: LaunchRequest[] = [];
  readonly hooks: ReplayHook[] = [];
  readonly writes = new Map<string, HostWrite>();
  /** Buffers that the step asked for. */
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

  write(buffer: GpuBuffer, offset: number, source: HostArray): void {
    const key = writeKey(buffer, offset);
    // All host writes go up before all launches.
    const isUsed = this.requests.some(({ buffers }) =>
      Object.values(buffers).some((bound) => bound.buffer === buffer),
    );
    if (isUsed || this.writes.has(key))
      throw new StateError(
        'capture: the host writes memory that the step has already written or used: ' +
          'make a new tensor',
      );
    const data = new Uint8Array(source.byteLength);
    data.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
    this.writes.set(key, { buffer, offset, data });
  }

  /**
   * Temporaries share memory: one that outlives the step would change under its holder.
   * @throws StateError if a buffer of the step other than `allowed` was not freed.
   */
  assertNothingEscapes(allowed: readonly DeviceBuffer[]): void {
    const escaped = [...this.#own].filter(
      (buffer) => !this.#freed.has(buffer) && !allowed.includes(buffer),
    );
    if (escaped.length === 0) return;
    throw new StateError(
      `capture: ${escaped.length} tensors made in the step outlive it: return what is needed, ` +
        'keep nothing, and drop gradients (zeroGrad) in the step',
    );
  }

  /** The launches, with consecutive element-wise ones fused. */
  fused(result: Binding, maxBuffers: number): LaunchRequest[] {
    return fuseLaunches(
      this.requests,
      (buffer) => buffer !== result.buffer && this.owns(buffer as GpuBuffer),
      maxBuffers,
    );
  }

  /**
   * For each of the step's buffers, the span from the first launch that touches it to the last,
   * whenever it was freed.
   */
  lifetimes(launches: readonly ResolvedLaunch[]): Map<GpuBuffer, Lifetime> {
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
}
