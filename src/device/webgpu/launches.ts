import { collectGarbage } from '../../platform/garbage.ts';
import type { LaunchRequest } from '../capture/fusion.ts';
import { KernelError } from '../errors.ts';
import {
  type Kernel,
  type LaunchPart,
  type ParamTypes,
  type ParamValues,
  packParams,
} from '../kernel.ts';
import { splitLaunch } from '../splitLaunch.ts';
import { costOf } from '../timing.ts';
import type { Traits } from '../traits.ts';
import type { TuningTable } from '../tuning/tuningTable.ts';
import type { Launch } from './commandStream.ts';
import type { Pipeline, PipelineCache } from './pipelines.ts';
import type { GpuBuffer } from './pool.ts';
import { type Signature, SignatureCache } from './signatures.ts';
import { UniformArena, type UniformSlot } from './uniforms.ts';

/** A launch with everything resolved but its memory, which captured steps lay out later. */
export interface ResolvedLaunch extends Omit<Launch, 'bindGroup'> {
  params: UniformSlot;
  bindings: { buffer: GpuBuffer; offset: number; size: number; writes: boolean }[];
}

/** Bind groups that are kept: each takes a page of memory or more. */
const MAX_BIND_GROUPS = 4_000;

/**
 * Turns requests into launches: chooses the variant, compiles its pipeline, packs its parameters,
 * and binds them and the buffers. All of it is cached: in an eager loop, the launches of one step
 * are those of the step before.
 */
export class LaunchResolver {
  readonly #device: GPUDevice;
  readonly #traits: Traits;
  readonly #tuning: TuningTable;
  readonly #pipelines: PipelineCache;
  readonly #submit: () => void;
  readonly #uniforms: UniformArena;
  readonly #signatures = new SignatureCache();
  #bindGroups = 0;
  /** Version of the tuning table that the signatures follow. */
  #tuningVersion = 0;

  /** `submit` sends the commands that use what is cached, before the caches are emptied. */
  constructor(
    device: GPUDevice,
    traits: Traits,
    tuning: TuningTable,
    pipelines: PipelineCache,
    submit: () => void,
  ) {
    this.#device = device;
    this.#traits = traits;
    this.#tuning = tuning;
    this.#pipelines = pipelines;
    this.#submit = submit;
    this.#uniforms = new UniformArena(device);
  }

  /** The parts of a launch; one that was launched before is known to need no others. */
  split(kernel: Kernel, params: ParamValues<ParamTypes>): LaunchPart<ParamValues<ParamTypes>>[] {
    return this.#knownSignature(kernel, packParams(kernel.params, params))
      ? [{ params, starts: {} }]
      : splitLaunch(kernel, params, this.#traits);
  }

  /** Undefined if there is nothing to do. */
  resolve(
    { kernel, buffers, part: { params, starts } }: LaunchRequest,
    withCost: boolean,
  ): ResolvedLaunch | undefined {
    const signature = this.#signature(kernel, params);
    if (!signature) return undefined;
    const { grid, sizes, pipeline, slot, constants } = signature;
    const bindings: ResolvedLaunch['bindings'] = [];
    let i = 0;
    for (const name in kernel.buffers) {
      const { buffer, offset, size } = buffers[name];
      const start = (starts[name] ?? 0) * 4;
      const bytes = sizes[i++];
      if (start + bytes > size) {
        throw new KernelError(
          kernel.name,
          `\`${name}\`: expected at least ${(start + bytes) / 4} elements, got ${size / 4}`,
        );
      }
      bindings.push({
        buffer: buffer as GpuBuffer,
        offset: offset + start,
        // Whole vec4s are bound: every allocation ends on one.
        size: Math.max(16, Math.ceil(bytes / 16) * 16),
        writes: kernel.buffers[name].access !== 'read',
      });
    }
    const cost = withCost ? costOf(kernel, constants, params) : undefined;
    return { kernel: kernel.name, pipeline, params: slot, bindings, ...grid, cost };
  }

  /** The bind group of an eager launch, from the cache if it was bound before. */
  bindGroup({ pipeline, params, bindings }: ResolvedLaunch): GPUBindGroup {
    let key = `${pipeline.id}`;
    for (const { buffer, offset } of bindings) key += `,${buffer.id}+${offset}`;
    let group = params.bindGroups.get(key);
    if (!group) {
      if (this.#bindGroups >= MAX_BIND_GROUPS) this.#forgetBindGroups();
      this.#bindGroups++;
      group = createBindGroup(this.#device, pipeline, params, bindings);
      params.bindGroups.set(key, group);
    }
    return group;
  }

  /** Shapes or buffers keep changing: what is bound to those before is rarely needed again. */
  #forgetBindGroups(): void {
    this.#uniforms.forgetBindGroups();
    this.#bindGroups = 0;
    // JavaScript sees small objects, and does not hurry.
    collectGarbage();
  }

  #knownSignature(kernel: Kernel, words: Uint32Array): Signature | undefined {
    if (this.#tuningVersion !== this.#tuning.version) {
      this.#signatures.clear();
      this.#tuningVersion = this.#tuning.version;
    }
    return this.#signatures.get(kernel, words);
  }

  /** Undefined if there is nothing to do. */
  #signature(kernel: Kernel, params: ParamValues<ParamTypes>): Signature | undefined {
    const words = packParams(kernel.params, params);
    const known = this.#knownSignature(kernel, words);
    if (known) return known;
    if (this.#uniforms.full) {
      this.#submit();
      this.#forgetBindGroups();
      this.#uniforms.reset();
      this.#signatures.clear();
    }
    const constants = this.#tuning.constants(kernel, params, this.#traits);
    const groups = kernel.launch(params, constants, this.#traits);
    if (groups === 0) return undefined;
    const rows = Math.ceil(groups / this.#traits.maxGroupsPerDimension);
    const signature = {
      words: words.slice(),
      constants,
      sizes: Object.values(kernel.buffers).map(({ size }) => size(params) * 4),
      grid: { x: Math.ceil(groups / rows), y: rows },
      pipeline: this.#pipelines.get(kernel, constants),
      slot: this.#uniforms.slot(words),
    };
    this.#signatures.set(kernel, signature);
    return signature;
  }
}

/** Binds a launch's parameters (binding 0) and memory. */
export function createBindGroup(
  device: GPUDevice,
  { layout }: Pipeline,
  params: UniformSlot,
  bindings: ResolvedLaunch['bindings'],
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
