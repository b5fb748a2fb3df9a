import { CpuDevice } from '../../src/device/cpu.ts';
import type { Device } from '../../src/device/device.ts';
import { type DeviceOptions, openDevice } from '../../src/device/open.ts';
import type { Traits } from '../../src/device/traits.ts';

/** A WebGPU device, or undefined (said once) where the machine has no adapter. */
export async function tryWebGpu(
  traits: Partial<Traits> = {},
  precision?: DeviceOptions['precision'],
): Promise<Device | undefined> {
  try {
    return await openDevice('webgpu', { traits, precision });
  } catch (error) {
    console.warn(`tests run on the cpu device alone: ${(error as Error).message}`);
    return undefined;
  }
}

/** All devices by name; webgpu is undefined where the machine has no adapter. */
export async function allDevices(): Promise<[name: string, device: Device | undefined][]> {
  return [
    ['cpu', new CpuDevice()],
    ['webgpu', await tryWebGpu()],
    ['wasm', await openDevice('wasm', { threads: 2 })],
  ];
}
