import { type Device, defaultDevice, openDevice, setDevice } from 'wigbert';
import type { DeviceInfo, DeviceKind } from './protocol.ts';

/** The kind that is open; those of the page's visit stay open. */
const opened = new Map<DeviceKind, Device>();
let wished: DeviceKind | 'auto' = 'auto';

/** WebGPU on hardware, if there is an adapter: a software one is slower than the wasm device. */
async function openHardware(): Promise<Device | undefined> {
  if (!navigator.gpu) return undefined;
  try {
    const device = await openDevice('webgpu');
    if (!device.traits.software) return device;
    device.destroy?.();
  } catch {}
  return undefined;
}

/** Makes a kind the default device. */
export async function useKind(kind: DeviceKind | 'auto'): Promise<DeviceInfo> {
  wished = kind;
  let device = kind === 'auto' ? opened.get('webgpu') : opened.get(kind);
  if (!device && kind === 'auto') device = (await openHardware()) ?? opened.get('wasm');
  device ??= await openDevice(kind === 'auto' ? 'wasm' : kind);
  opened.set(device.kind, device);
  setDevice(device);
  return deviceInfo();
}

/** Opens the device that a run began on, or the one that was chosen. */
export async function useDeviceOf(begun?: { device: string }): Promise<void> {
  await useKind((begun?.device as DeviceKind | undefined) ?? wished);
}

export function deviceInfo(): DeviceInfo {
  const { kind, description } = defaultDevice();
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return { kind, description, threads: Math.min(16, threads) };
}
