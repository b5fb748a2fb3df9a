import type { LaunchRequest } from '../capture/fusion.ts';
import { KernelError } from '../errors.ts';
import { packParams } from '../kernel.ts';
import { costOf } from '../timing.ts';
import type { Traits } from '../traits.ts';
import type { TuningTable } from '../tuning/tuningTable.ts';
import type { Launch } from './commandStream.ts';
import type { Pipeline, PipelineCache } from './pipelines.ts';
import type { GpuBuffer } from './pool.ts';
import { UniformArena, type UniformSlot } from './uniforms.ts';

/** A launch with everything resolved but its memory, which captured steps lay out later. */
export interface ResolvedLaunch extends Omit<Launch, 'bindGroup'> {
  params: UniformSlot;
  bindings: { buffer: GpuBuffer; offset: number; size: number; writes: boolean }[];
}

/** More bind groups than this are dropped, together with the parameters that they bind. */
const MAX_BIND_GROUPS = 20_000;

/**
 * Turns requests into launches: chooses the variant, compiles its pipeline, packs its parameters,
 * and binds them and the buffers. Pipelines, parameters and bind groups are cached.
 */
export class LaunchResolver {
  readonly #device: GPUDevice;
  readonly #traits: Traits;
  readonly #tuning: TuningTable;
  readonly #pipelines: PipelineCache;
  readonly #submit: () => void;
  readonly #uniforms: UniformArena;
  readonly #bindGroups = new Map<string, GPUBindGroup>();

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

  /** Undefined if there is nothing to do. */
  resolve(
    { kernel, buffers, part: { params, starts } }: LaunchRequest,
    withCost: boolean,
  ): ResolvedLaunch | undefined {
    const constants = this.#tuning.constants(kernel, params, this.#traits);
    const groups = kernel.launch(params, constants, this.#traits);
    if (groups === 0) return undefined;
    if (this.#uniforms.full || this.#bindGroups.size > MAX_BIND_GROUPS) {
      this.#submit();
      this.#uniforms.reset();
      this.#bindGroups.clear();
    }
    const bindings: ResolvedLaunch['bindings'] = [];
    for (const name in kernel.buffers) {
      const { buffer, offset, size } = buffers[name];
      const start = (starts[name] ?? 0) * 4;
      const bytes = kernel.buffers[name].size(params) * 4;
      if (start + bytes > size) {
        throw new KernelError(
          kernel.name,
          `\`${name}\`: expected at least ${(start + bytes) / 4} elements, got ${size / 4}`,
        );
      }
      // Whole vec4s are bound: every allocation ends on one.
      const boundSize = Math.max(16, Math.ceil(bytes / 16) * 16);
      bindings.push({
        buffer: buffer as GpuBuffer,
        offset: offset + start,
        size: boundSize,
        writes: kernel.buffers[name].access !== 'read',
      });
    }
    const rows = Math.ceil(groups / this.#traits.maxGroupsPerDimension);
    return {
      kernel: kernel.name,
      pipeline: this.#pipelines.get(kernel, constants),
      params: this.#uniforms.slot(packParams(kernel.params, params)),
      bindings,
      x: Math.ceil(groups / rows),
      y: rows,
      cost: withCost ? costOf(kernel, constants, params) : undefined,
    };
  }

  /** The bind group of an eager launch, from the cache if it was bound before. */
  bindGroup({ pipeline, params, bindings }: ResolvedLaunch): GPUBindGroup {
    let key = `${pipeline.id},${params.id}`;
    for (const { buffer, offset, size } of bindings) key += `,${buffer.id}+${offset}:${size}`;
    let group = this.#bindGroups.get(key);
    if (!group)
      this.#bindGroups.set(
        key,
        (group = createBindGroup(this.#device, pipeline, params, bindings)),
      );
    return group;
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
