import { UsageError } from '../errors.ts';
import type { SystemError } from '../types.ts';
import { importOptional } from './packages.ts';

/**
 * The type `GPU` where the program's types have it (TypeScript's own from 6.0, `@webgpu/types`), so
 * that the package's declarations need neither.
 */
type WebGPU = typeof globalThis extends { GPU: { prototype: infer T } } ? T : never;

/**
 * Dawn crashes the process if the object that `create()` returned is garbage-collected while a
 * device is alive, so each stays referenced here.
 */
const instances = new Map<boolean, GPU>();

// Nanosecond timings, and no hidden clearing pass: no kernel relies on zeroed memory.
const defaultToggles = [
  'disable-dawn-features=timestamp_quantization,lazy_clear_resource_on_first_use',
];
// Features that are not standard yet, and float16 on NVIDIA, which Dawn requires for tensor cores.
const experimentalToggles = [
  ...defaultToggles,
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
];

/**
 * The platform's WebGPU: the browser's, or the runtime's own (Deno), or Dawn (npm package `webgpu`)
 * in Node. Undefined in a browser without WebGPU.
 * @param experimental enables Dawn's experimental features; a browser has its own switches for
 * them.
 * @throws UsageError when the package `webgpu` is not installed or does not load.
 */
export async function findWebGPU({
  experimental,
}: {
  experimental: boolean;
}): Promise<WebGPU | undefined> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  let instance = instances.get(experimental);
  if (!instance) {
    const { create, globals } = await importDawn();
    Object.assign(globalThis, globals);
    instances.set(
      experimental,
      (instance = create(experimental ? experimentalToggles : defaultToggles)),
    );
  }
  return instance;
}

/** The parts of the package that are used. */
interface Dawn {
  create(flags: string[]): GPU;
  globals: object;
}

function importDawn(): Promise<Dawn> {
  return importOptional<Dawn>('webgpu').catch(({ code, message }: SystemError) => {
    const why =
      code === 'ERR_MODULE_NOT_FOUND'
        ? 'the package `webgpu` is not installed: run "npm install webgpu"'
        : `the package \`webgpu\` does not load (${message.split('\n')[0]})`;
    throw new UsageError(`no WebGPU in Node: ${why}, or set \`device\` to wasm`);
  });
}
