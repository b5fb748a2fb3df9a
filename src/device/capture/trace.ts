import { StateError } from '../../platform/errors.ts';
import type { Binding, DeviceBuffer } from '../device.ts';
import type { HostArray } from '../kernel.ts';
import { fuseLaunches, type LaunchRequest } from './fusion.ts';
import type { Lifetime } from './memoryPlan.ts';

/** A buffer that a step may ask for. */
export interface TracedBuffer extends DeviceBuffer {
  readonly id: number;
}

/** A write from the host that the step made. */
export interface HostWrite<B extends TracedBuffer> {
  buffer: B;
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

/** Lets the host write what changes from step to step; undoes all of it if a hook throws. */
export function runHooks(prepare: () => void, hooks: readonly ReplayHook[]): void {
  let done = 0;
  try {
    prepare();
    for (; done < hooks.length; done++) hooks[done].run();
  } catch (error) {
    rollBackHooks(hooks.slice(0, done));
    throw error;
  }
}

export const writeKey = (buffer: TracedBuffer, offset: number): string => `${buffer.id}+${offset}`;
let virtualId = 0;

/**
 * What a step asks of the device, recorded instead of done. Its buffers are placeholders: memory is
 * assigned when the whole step is known.
 */
export class Trace<B extends TracedBuffer> {
  readonly requests: LaunchRequest[] = [];
  readonly hooks: ReplayHook[] = [];
  readonly writes = new Map<string, HostWrite<B>>();
  /** Buffers that the step asked for. */
  readonly #own = new Set<B>();
  readonly #freed = new Set<B>();
  readonly #placeholder: (id: number, bytes: number) => B;

  /** `placeholder` makes a buffer without memory; its id is below 0. */
  constructor(placeholder: (id: number, bytes: number) => B) {
    this.#placeholder = placeholder;
  }

  alloc(bytes: number): B {
    const buffer = this.#placeholder(--virtualId, bytes);
    this.#own.add(buffer);
    return buffer;
  }

  free(buffer: B): void {
    this.#freed.add(buffer);
  }

  owns(buffer: B): boolean {
    return this.#own.has(buffer);
  }

  write(buffer: B, offset: number, source: HostArray): void {
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
  fused(
    result: Binding,
    maxBuffers: number,
    mayFuse?: (request: LaunchRequest) => boolean,
  ): LaunchRequest[] {
    return fuseLaunches(
      this.requests,
      (buffer) => buffer !== result.buffer && this.owns(buffer as B),
      maxBuffers,
      mayFuse,
    );
  }

  /**
   * For each of the step's buffers, the span from the first launch that touches it to the last,
   * whenever it was freed.
   */
  lifetimes(launches: readonly { bindings: readonly { buffer: B }[] }[]): Map<B, Lifetime> {
    const lifetimes = new Map<B, Lifetime>();
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
