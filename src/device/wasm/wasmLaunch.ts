import type { LaunchRequest } from '../capture/fusion.ts';
import { KernelError } from '../errors.ts';
import { type HostArray, packParams, type WasmLaunch } from '../kernel.ts';
import { addressOf, type WasmBuffer, type WasmMemory } from './wasmMemory.ts';
import type { WasmThreads } from './wasmThreads.ts';

/** A launch that is ready to run, as often as its memory stays where it is. */
export interface BoundLaunch {
  request: LaunchRequest;
  form: 'wasm' | 'reference';
  run(): void;
}

/** Words before those of the kernel: the number of tiles. */
const HEADER_WORDS = 1;

/** Bytes of a launch's arguments, those of all phases; 0 if the reference runs. */
export function argumentBytes({ kernel, part }: LaunchRequest, launch?: WasmLaunch): number {
  if (!launch) return 0;
  const buffers = Object.keys(kernel.buffers).length;
  const params = packParams(kernel.params, part.params).length;
  const scratch = launch.scratch === undefined ? 0 : 1;
  const words = HEADER_WORDS + (launch.words?.length ?? 0) + scratch + buffers + params;
  return launch.phases.length * words * 4;
}

/**
 * Writes what a launch's functions read (assembly/index.ts says in which order) to `args`, a buffer
 * of at least `argumentBytes`.
 * @throws KernelError if a buffer is too small.
 */
export function bindLaunch(
  request: LaunchRequest,
  launch: WasmLaunch | undefined,
  memory: WasmMemory,
  threads: WasmThreads,
  args: WasmBuffer,
  scratch: number,
): BoundLaunch {
  checkSizes(request);
  if (!launch) return bindReference(request, memory);
  const { kernel, buffers, part } = request;
  const words = [...(launch.words ?? [])];
  if (launch.scratch !== undefined) words.push(scratch);
  for (const name in kernel.buffers) {
    const { buffer, offset } = buffers[name];
    words.push(addressOf(buffer as WasmBuffer, offset));
  }
  words.push(...packParams(kernel.params, part.params));
  const length = HEADER_WORDS + words.length;
  const phases = launch.phases.map(({ entry, tiles }, i) => {
    const number = threads.entry(entry);
    if (number === undefined)
      throw new KernelError(kernel.name, `\`wasm\`: the module has no function ${entry}`);
    const target = memory.view(args, 'u32', i * length * 4, length);
    target[0] = tiles;
    target.set(words, HEADER_WORDS);
    return { entry: number, tiles, address: args.base + i * length * 4 };
  });
  return {
    request,
    form: 'wasm',
    run() {
      for (const { entry, tiles, address } of phases) threads.run(entry, address, tiles);
    },
  };
}

function bindReference(request: LaunchRequest, memory: WasmMemory): BoundLaunch {
  const { kernel, buffers, part } = request;
  const views: Record<string, HostArray> = {};
  for (const name in kernel.buffers) {
    const { type, size } = kernel.buffers[name];
    const { buffer, offset } = buffers[name];
    views[name] = memory.view(buffer as WasmBuffer, type, offset, size(part.params));
  }
  return { request, form: 'reference', run: () => kernel.reference(views, part.params) };
}

function checkSizes({ kernel, buffers, part }: LaunchRequest): void {
  for (const name in kernel.buffers) {
    const count = kernel.buffers[name].size(part.params);
    const { size } = buffers[name];
    if (count * 4 > size)
      throw new KernelError(
        kernel.name,
        `\`${name}\`: expected at least ${count} elements, got ${size / 4}`,
      );
  }
}
