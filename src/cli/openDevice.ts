import type { Device } from '../device/device.ts';
import type { DeviceKind, DeviceOptions } from '../device/open.ts';
import { startProfile } from './profile.ts';

let threads: number | undefined;

/** Sets how many threads the wasm device of the command has. */
export function setThreads(count: number | undefined): void {
  threads = count;
}

/** What `--threads` says of a device. */
export const threadOptions = (): Pick<DeviceOptions, 'threads'> => ({ threads });

/**
 * Opens the device of a command and names it on standard error, unless `silent`. With `--profile`,
 * it is timed from then on.
 */
export async function openCliDevice(
  kind: DeviceKind | 'auto',
  silent: boolean,
  precision?: DeviceOptions['precision'],
): Promise<Device> {
  const { useDevice } = await import('../tensor/index.ts');
  if (kind === 'webgpu' || kind === 'auto') {
    const { findAdaptersQuietly } = await import('./quietDawn.ts');
    // If that fails, the warnings are seen, or opening says what is wrong.
    await findAdaptersQuietly(precision === 'high').catch(() => {});
  }
  const device = await useDevice(kind, { precision, ...threadOptions() });
  if (!silent) {
    console.error(`device: ${device.kind} (${device.description})`);
    if (precision === 'high' && !device.traits.subgroupMatrix) {
      console.error('this adapter has no tensor cores: --precision high changes nothing');
    }
    if (kind === 'auto' && device.kind !== 'webgpu' && !(await hasAdapter())) {
      console.error(
        `found no WebGPU adapter: this runs on the ${device.kind} device; ` +
          '`npx wigbert doctor` says what is missing',
      );
    }
  }
  await startProfile(device);
  return device;
}

async function hasAdapter(): Promise<boolean> {
  const { findAdapter } = await import('../device/webgpu/adapter.ts');
  return (await findAdapter('highest').catch(() => undefined)) !== undefined;
}
