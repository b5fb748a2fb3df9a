import { isNode } from './files.ts';

/**
 * Dawn kills the process if the object that `create()` returned is collected while a device lives,
 * so each is held here for as long as the process runs.
 */
const instances = new Map<boolean, GPU>();

// Timings to the nanosecond, and no hidden clearing pass: nothing here relies on zeroed memory.
const defaultToggles = [
  'disable-dawn-features=timestamp_quantization,lazy_clear_resource_on_first_use',
];
// Features that are not standard yet, and float16 on NVIDIA, without which Dawn offers no tensor cores there.
const experimentalToggles = [
  ...defaultToggles,
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
];

/**
 * The platform's WebGPU: the browser's, or Dawn through npm `webgpu` in Node; undefined where there is none.
 * `experimental` makes Dawn offer its experimental features; a browser has its own switches for them.
 */
export async function findWebGPU({
  experimental,
}: {
  experimental: boolean;
}): Promise<GPU | undefined> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  if (!isNode) return undefined;
  let instance = instances.get(experimental);
  if (!instance) {
    const { create, globals } = await import(/* @vite-ignore */ 'webgpu');
    Object.assign(globalThis, globals);
    instances.set(
      experimental,
      (instance = create(experimental ? experimentalToggles : defaultToggles)),
    );
  }
  return instance;
}
