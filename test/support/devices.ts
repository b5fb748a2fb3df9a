import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/gpu/open.ts';

/** A WebGPU device, or undefined (said once) where the machine has no adapter. */
export async function tryWebGpu(traits = {}): Promise<Device | undefined> {
  try {
    return await openDevice('webgpu', traits);
  } catch (error) {
    console.warn(`tests run on the cpu device alone: ${(error as Error).message}`);
    return undefined;
  }
}
