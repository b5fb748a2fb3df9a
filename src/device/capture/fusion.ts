import type { Binding, DeviceBuffer } from '../device.ts';
import type { FusedOp, Kernel, LaunchPart, ParamTypes, ParamValues } from '../kernel.ts';

/**
 * Fusion of element-wise launches. In a chain such as `x.mul(a).add(b).tanh()`, each launch would
 * write its result to memory and the next one read it back. One fused launch keeps the intermediate
 * results in registers. Only captured steps are fused: there the device knows all launches, and
 * which results nobody else reads.
 */

/** A launch as it was requested. */
export interface LaunchRequest {
  kernel: Kernel;
  buffers: Readonly<Record<string, Binding>>;
  part: LaunchPart<ParamValues<ParamTypes>>;
}

/** Most operations in a fused launch: enough for chains that people write, and fast to compile. */
const MAX_OPS = 128;

/**
 * Fuses consecutive element-wise launches of equal length. Results are the same, bit for bit.
 * @param isTemporary whether only these requests use a buffer
 * @param maxBuffers most buffers that one launch may bind
 * @param mayFuse whether the device can run a request in a fused launch; default: all
 */
export function fuseLaunches(
  requests: readonly LaunchRequest[],
  isTemporary: (buffer: DeviceBuffer) => boolean,
  maxBuffers: number,
  mayFuse: (request: LaunchRequest) => boolean = () => true,
): LaunchRequest[] {
  const lastUse = new Map<DeviceBuffer, number>();
  for (const [i, { buffers }] of requests.entries()) {
    for (const { buffer } of Object.values(buffers)) lastUse.set(buffer, i);
  }
  const isNeeded = (buffer: DeviceBuffer, after: number) =>
    !isTemporary(buffer) || lastUse.get(buffer)! > after;
  const fused: LaunchRequest[] = [];
  let group: FusionGroup | undefined;
  const flush = () => {
    if (group) fused.push(...group.toRequests());
    group = undefined;
  };
  for (const [i, request] of requests.entries()) {
    const count = mayFuse(request) ? fusableCount(request) : undefined;
    if (count === undefined) {
      flush();
      fused.push(request);
      continue;
    }
    if (!group?.accepts(request, count, i, maxBuffers)) {
      flush();
      group = new FusionGroup(count, isNeeded);
    }
    group.add(request, i);
  }
  flush();
  return fused;
}

/** Number of elements of a launch that can be fused; undefined for others. */
function fusableCount({ kernel, part }: LaunchRequest): number | undefined {
  // The group identifies buffers, not windows of them.
  if (Object.keys(part.starts).length > 0) return undefined;
  return kernel.elementwise?.count(part.params) || undefined;
}

/** Launches that become one. */
class FusionGroup {
  readonly #count: number;
  readonly #isNeeded: (buffer: DeviceBuffer, after: number) => boolean;
  readonly #requests: LaunchRequest[] = [];
  /** What the fused launch reads from memory. */
  readonly #inputs: Binding[] = [];
  /** The operation that makes each buffer. */
  readonly #producers = new Map<DeviceBuffer, { op: number; offset: number }>();
  readonly #reads: FusedOp['reads'][] = [];
  #lastIndex = -1;

  constructor(count: number, isNeeded: (buffer: DeviceBuffer, after: number) => boolean) {
    this.#count = count;
    this.#isNeeded = isNeeded;
  }

  /**
   * Whether request number `index` can join: it has as many elements as the others, and the fused
   * launch would neither both read and write a buffer nor bind too many.
   */
  accepts(
    { buffers: { out, ...read } }: LaunchRequest,
    count: number,
    index: number,
    maxBuffers: number,
  ): boolean {
    if (count !== this.#count || this.#requests.length === MAX_OPS) return false;
    const newInputs = Object.values(read).filter(({ buffer }) => !this.#producers.has(buffer));
    const isInput = (buffer: DeviceBuffer) =>
      [...this.#inputs, ...newInputs].some((input) => input.buffer === buffer);
    const isShifted = Object.values(read).some(
      ({ buffer, offset }) => (this.#producers.get(buffer)?.offset ?? offset) !== offset,
    );
    if (isShifted || this.#producers.has(out.buffer) || isInput(out.buffer)) return false;
    const stored =
      [...this.#producers.keys()].filter((buffer) => this.#isNeeded(buffer, index)).length + 1;
    const inputs = this.#inputs.length + newInputs.filter((one) => this.#inputOf(one) < 0).length;
    return inputs + stored <= maxBuffers;
  }

  add(request: LaunchRequest, index: number): void {
    const { out, ...read } = request.buffers;
    const reads: Record<string, FusedOp['reads'][string]> = {};
    for (const [name, binding] of Object.entries(read)) {
      const producer = this.#producers.get(binding.buffer);
      if (producer) {
        reads[name] = { op: producer.op };
        continue;
      }
      const existing = this.#inputOf(binding);
      reads[name] = { input: existing < 0 ? this.#inputs.push(binding) - 1 : existing };
    }
    this.#producers.set(out.buffer, { op: this.#requests.length, offset: out.offset });
    this.#requests.push(request);
    this.#reads.push(reads);
    this.#lastIndex = index;
  }

  /** The fused launch; none if nobody reads its results. */
  toRequests(): LaunchRequest[] {
    if (this.#requests.length === 1) return this.#requests;
    const buffers: Record<string, Binding> = Object.fromEntries(
      this.#inputs.map((binding, i) => [`in${i}`, binding]),
    );
    const ops = this.#requests.map(({ kernel, part, buffers: { out } }, i): FusedOp => {
      const stored = this.#isNeeded(out.buffer, this.#lastIndex);
      if (stored) buffers[`out${i}`] = out;
      return { kernel, params: part.params, reads: this.#reads[i], stored };
    });
    if (!ops.some(({ stored }) => stored)) return [];
    const { kernel, params } = ops[0].kernel.elementwise!.fuse(ops);
    return [{ kernel, buffers, part: { params, starts: {} } }];
  }

  #inputOf({ buffer, offset }: Binding): number {
    return this.#inputs.findIndex((input) => input.buffer === buffer && input.offset === offset);
  }
}
