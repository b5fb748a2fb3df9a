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
 * it is timed from then on. Of processes that train together, all open what `auto` is on rank 0:
 * devices of several kinds round differently.
 */
export async function openCliDevice(
  kind: DeviceKind | 'auto',
  silent: boolean,
  precision?: DeviceOptions['precision'],
): Promise<Device> {
  const { namedDevice } = await import('../measure/bestDevice.ts');
  const wanted = kind === 'auto' ? (namedDevice() ?? kind) : kind;
  if (wanted === 'webgpu' || wanted === 'auto') {
    const { findAdaptersQuietly } = await import('./quietDawn.ts');
    // If that fails, the warnings are seen, or opening says what is wrong.
    await findAdaptersQuietly(precision === 'high').catch(() => {});
  }
  const device = await openOnAllRanks(kind, { precision, ...threadOptions() });
  if (!silent) {
    console.error(`device: ${device.kind} (${device.description})`);
    if (precision === 'high' && !device.traits.subgroupMatrix) {
      console.error('this adapter has no tensor cores: --precision high changes nothing');
    }
    if (wanted === 'auto' && device.kind !== 'webgpu' && !(await hasAdapter(precision))) {
      console.error(
        `found no WebGPU adapter: this runs on the ${device.kind} device; ` +
          '`npx wigbert doctor` says what is missing',
      );
    }
  }
  await startProfile(device);
  return device;
}

const kinds: readonly DeviceKind[] = ['webgpu', 'wasm', 'cpu'];

async function openOnAllRanks(kind: DeviceKind | 'auto', options: DeviceOptions): Promise<Device> {
  const { useDevice } = await import('../tensor/index.ts');
  const { processGroup } = await import('../train/distributed/processGroup.ts');
  const { rank, size } = processGroup();
  if (kind !== 'auto' || size === 1) return useDevice(kind, options);
  const device = rank === 0 ? await useDevice('auto', options) : undefined;
  const found = Int32Array.of(device ? kinds.indexOf(device.kind) : 0);
  // The first choice of a device measures, which takes its time.
  processGroup().barrier();
  processGroup().broadcast(found, 0);
  return device ?? useDevice(kinds[found[0]], options);
}

async function hasAdapter(precision: DeviceOptions['precision']): Promise<boolean> {
  const { findAdapter } = await import('../device/webgpu/adapter.ts');
  return (await findAdapter(precision).catch(() => undefined)) !== undefined;
}
