import type { Device } from '../device/device.ts';
import { type DeviceKind, type DeviceOptions, openDevice } from '../device/open.ts';
import { openWasm } from '../measure/bestDevice.ts';
import { measurePeaks, type Peaks } from '../measure/peaks.ts';
import { UsageError } from '../platform/errors.ts';
import { smallStepSeconds } from './steps.ts';

/** What a device can do. */
export interface DeviceTiming {
  device: DeviceKind;
  adapter: string;
  peaks: Peaks;
  /** Of a small training step: see `smallStep`. */
  stepMilliseconds: number;
}

/** Times a device. */
export async function timeDevice(device: Device): Promise<DeviceTiming> {
  return {
    device: device.kind,
    adapter: device.description,
    peaks: await measurePeaks(device),
    stepMilliseconds: (await smallStepSeconds(device)) * 1e3,
  };
}

/** Times each device that this machine has, one after the other. */
export async function timeDevices(options: DeviceOptions = {}): Promise<DeviceTiming[]> {
  const timings: DeviceTiming[] = [];
  for (const kind of ['webgpu', 'wasm', 'cpu'] as const) {
    const device = await openIfThere(kind, options);
    if (!device) continue;
    try {
      timings.push(await timeDevice(device));
    } finally {
      device.destroy();
    }
  }
  return timings;
}

/** Without an adapter there is no WebGPU device, and without SIMD no wasm device. */
function openIfThere(kind: DeviceKind, options: DeviceOptions): Promise<Device | undefined> {
  if (kind === 'wasm') return openWasm(options);
  return openDevice(kind, options).catch((error) => {
    if (kind === 'webgpu' && error instanceof UsageError) return undefined;
    throw error;
  });
}
