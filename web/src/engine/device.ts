import { type Device, defaultDevice, openDevice, setDevice } from 'wigbert';
import type { DeviceInfo, DeviceKind } from './protocol.ts';

/** Devices stay open for the page's visit. */
const opened = new Map<DeviceKind, Promise<Device>>();
let hardware: Promise<Device | undefined> | undefined;
let wished: DeviceKind | 'auto' = 'auto';

function openOnce(kind: DeviceKind): Promise<Device> {
  const device = opened.get(kind) ?? openDevice(kind);
  opened.set(kind, device);
  // What failed may be tried once more.
  device.catch(() => opened.delete(kind));
  return device;
}

/** WebGPU on hardware, if there is an adapter: a software one is slower than the wasm device. */
async function openHardware(): Promise<Device | undefined> {
  if (!navigator.gpu) return undefined;
  const device = await openOnce('webgpu').catch(() => undefined);
  return device?.traits.software ? undefined : device;
}

/** Makes a kind the default device. */
async function openKind(kind: DeviceKind | 'auto'): Promise<void> {
  if (kind === 'auto') {
    hardware ??= openHardware();
    setDevice((await hardware) ?? (await openOnce('wasm')));
  } else setDevice(await openOnce(kind));
}

/** Forgets the default device, which is lost: what computes next opens another. */
export function forgetDevice(): void {
  opened.delete(defaultDevice().kind);
  hardware = undefined;
}

/** Chooses a kind, and makes it the default device. */
export async function useKind(kind: DeviceKind | 'auto'): Promise<DeviceInfo> {
  wished = kind;
  await openKind(kind);
  return deviceInfo();
}

/** Opens the device that a run began on, or else the one that was chosen. */
export const useDeviceOf = (begun?: { device: string }): Promise<void> =>
  openKind((begun?.device as DeviceKind | undefined) ?? wished);

export function deviceInfo(): DeviceInfo {
  const { kind, description } = defaultDevice();
  const threads = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return { kind, description, threads: Math.min(16, threads) };
}
