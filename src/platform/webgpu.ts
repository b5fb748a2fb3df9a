import { isNode } from './files.ts';

/**
 * Dawn kills the process if the object that `create()` returned is collected while a device lives,
 * so it is held here for as long as the process runs.
 */
let dawn: GPU | undefined;

// Timings to the nanosecond, and no hidden clearing pass: nothing here relies on zeroed memory.
const dawnOptions = ['disable-dawn-features=timestamp_quantization,lazy_clear_resource_on_first_use'];

/** The platform's WebGPU: the browser's, or Dawn through npm `webgpu` in Node; undefined where there is none. */
export async function findWebGPU(): Promise<GPU | undefined> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  if (!isNode) return undefined;
  if (!dawn) {
    const { create, globals } = await import(/* @vite-ignore */ 'webgpu');
    Object.assign(globalThis, globals);
    dawn = create(dawnOptions);
  }
  return dawn;
}
