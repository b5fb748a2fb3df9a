import { StateError } from '../../platform/errors.ts';
import type { LaunchRequest } from '../capture/fusion.ts';
import type { Lifetime, SharedBuffers } from '../capture/memoryPlan.ts';
import {
  type HostWrite,
  type ReplayHook,
  rollBackHooks,
  runHooks,
  type Trace,
  writeKey,
} from '../capture/trace.ts';
import type { Binding, Plan } from '../device.ts';
import type { HostArray, WasmLaunch } from '../kernel.ts';
import { argumentBytes, type BoundLaunch, bindLaunch } from './wasmLaunch.ts';
import { alignedSize, type WasmBuffer, type WasmMemory } from './wasmMemory.ts';
import type { WasmThreads } from './wasmThreads.ts';

const bindingsOf = ({ buffers }: LaunchRequest) =>
  Object.values(buffers).map(({ buffer }) => ({ buffer: buffer as WasmBuffer }));

/** What a plan needs of its device. */
export interface WasmPlanHost {
  memory: WasmMemory;
  threads: WasmThreads;
  sharedBuffers: SharedBuffers<WasmBuffer>;
  /** Runs a step; resolves with the bytes of its result. */
  run(launches: readonly BoundLaunch[], result: Binding): Promise<ArrayBuffer>;
}

/** A launch of the step, before its buffers have memory. */
interface PlannedLaunch {
  request: LaunchRequest;
  wasm: WasmLaunch | undefined;
  bindings: { buffer: WasmBuffer }[];
}

/**
 * A captured step on the wasm device. As on WebGPU (capture/plan.ts), launches are fused, and
 * temporaries share memory by lifetime. A replay copies what the host writes to where it belongs
 * and runs the launches, whose arguments lie in memory since they were bound.
 */
export class WasmPlan implements Plan {
  readonly launches: number;
  readonly flops: number;
  readonly allocationFailed = false;
  readonly #host: WasmPlanHost;
  readonly #hooks: readonly ReplayHook[];
  readonly #writes: Map<string, HostWrite<WasmBuffer>>;
  /** Those that a launch or the result needs: an input that the step does not use has no memory. */
  readonly #copiedWrites: HostWrite<WasmBuffer>[];
  readonly #result: Binding;
  readonly #planned: readonly PlannedLaunch[];
  /** The step's buffers, and the shared slot that each lives in. */
  readonly #slotAssignments: [WasmBuffer, number][];
  /** Buffers that the step uses but did not make: they must not be reused for others. */
  readonly #pinned: WasmBuffer[];
  /** Arguments of all launches, then what the phases of each share. */
  readonly #room: WasmBuffer;
  readonly #scratch: number;
  #bound: BoundLaunch[] = [];
  /** Generation of the shared buffers that `#bound` uses. */
  #boundGeneration = -1;
  #isFirstReplay = true;
  #disposed = false;

  constructor(
    trace: Trace<WasmBuffer>,
    requests: readonly LaunchRequest[],
    result: Binding,
    host: WasmPlanHost,
  ) {
    this.#host = host;
    this.#hooks = trace.hooks;
    this.#result = result;
    this.#planned = requests.map((request) => ({
      request,
      wasm: request.kernel.wasm?.(request.part.params),
      bindings: bindingsOf(request),
    }));
    this.launches = requests.length;
    this.flops = requests.reduce(
      (sum, { kernel, part }) => sum + (kernel.flops?.(part.params) ?? 0),
      0,
    );
    const lifetimes = this.#lifetimes(trace);
    this.#writes = trace.writes;
    this.#copiedWrites = [...trace.writes.values()].filter(
      ({ buffer }) => !trace.owns(buffer) || lifetimes.has(buffer),
    );
    const used = [
      ...this.#planned.flatMap(({ bindings }) => bindings.map(({ buffer }) => buffer)),
      ...this.#copiedWrites.map(({ buffer }) => buffer),
      result.buffer as WasmBuffer,
    ];
    this.#pinned = [...new Set(used)].filter((buffer) => !trace.owns(buffer));
    const sizes = this.#planned.map(({ request, wasm }) => argumentBytes(request, wasm));
    const args = alignedSize(sizes.reduce((sum, size) => sum + size, 0));
    const scratch = Math.max(0, ...this.#planned.map(({ wasm }) => wasm?.scratch ?? 0));
    const { memory, sharedBuffers } = host;
    // First: what is asked for next may free all that nothing refers to.
    for (const buffer of this.#pinned) buffer.pins++;
    let room: WasmBuffer | undefined;
    try {
      room = memory.acquire(args + scratch);
      const slotOf = sharedBuffers.reserve([...lifetimes.values()]);
      this.#slotAssignments = [...lifetimes.keys()].map((buffer, i) => [buffer, slotOf[i]]);
    } catch (error) {
      if (room) memory.release(room);
      for (const buffer of this.#pinned) memory.unpin(buffer);
      throw error;
    }
    this.#room = room;
    this.#scratch = room.base + args;
  }

  write({ buffer, offset }: Binding, data: HostArray): boolean {
    const target = this.#writes.get(writeKey(buffer as WasmBuffer, offset));
    if (!target) return false;
    if (data.byteLength !== target.data.length)
      throw new StateError(
        `replay: expected a host write of ${target.data.length} bytes, as at the capture, ` +
          `got ${data.byteLength}`,
      );
    target.data.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return true;
  }

  replay(prepare: () => void): Promise<ArrayBuffer> {
    if (this.#disposed) throw new StateError('replay: the captured step was disposed');
    // The capture ran the hooks for the first replay.
    if (!this.#isFirstReplay) runHooks(prepare, this.#hooks);
    this.#isFirstReplay = false;
    const { memory, sharedBuffers, run } = this.#host;
    if (this.#boundGeneration !== sharedBuffers.generation) this.#bind();
    for (const { buffer, offset, data } of this.#copiedWrites)
      memory.bytes(buffer, offset, data.length).set(data);
    return run(this.#bound, this.#result);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // What was captured but never run did nothing.
    if (this.#isFirstReplay) rollBackHooks(this.#hooks);
    const { memory, sharedBuffers } = this.#host;
    memory.release(this.#room);
    for (const buffer of this.#pinned) memory.unpin(buffer);
    sharedBuffers.release();
  }

  /** When each of the step's own buffers is used. */
  #lifetimes(trace: Trace<WasmBuffer>): Map<WasmBuffer, Lifetime> {
    const lifetimes = trace.lifetimes(this.#planned);
    // The host writes before all launches; the result is read after them.
    for (const { buffer } of trace.writes.values()) {
      const lifetime = lifetimes.get(buffer);
      if (lifetime) lifetime.from = -1;
    }
    const result = this.#result.buffer as WasmBuffer;
    if (trace.owns(result)) {
      const { bytes } = result;
      const from = lifetimes.get(result)?.from ?? -1;
      lifetimes.set(result, { bytes, from, to: this.#planned.length + 1 });
    }
    return lifetimes;
  }

  /** Binds all launches to the memory that their buffers have now. */
  #bind(): void {
    const { memory, threads, sharedBuffers } = this.#host;
    for (const [buffer, slot] of this.#slotAssignments)
      Object.assign(buffer, { base: sharedBuffers.buffer(slot).base, views: {} });
    let at = this.#room.base;
    this.#bound = this.#planned.map(({ request, wasm }) => {
      const bytes = argumentBytes(request, wasm);
      const args = { ...this.#room, base: at, bytes, views: {} };
      at += bytes;
      return bindLaunch(request, wasm, memory, threads, args, this.#scratch);
    });
    this.#boundGeneration = sharedBuffers.generation;
  }
}
