import { timeDevice, timeDevices } from '../bench/devices.ts';
import type { Device } from '../device/device.ts';
import { definedKernels } from '../device/kernel.ts';
import type { DeviceKind } from '../device/open.ts';
import { deviceTable } from './deviceTable.ts';
import { importKernels } from './kernelList.ts';
import { openCliDevice, threadOptions } from './openDevice.ts';
import { mebibytes } from './table.ts';

/** Prints what a command would compute on, and times each device, or the one that is asked for. */
export async function showInfo(options: {
  device: DeviceKind | 'auto';
  json?: boolean;
}): Promise<void> {
  await importKernels();
  const device = await openCliDevice(options.device, true);
  const devices =
    options.device === 'auto' ? await timeDevices(threadOptions()) : [await timeDevice(device)];
  const { kind, description, traits } = device;
  const { peaks } = devices.find((timing) => timing.device === kind)!;
  if (options.json) {
    console.log(
      JSON.stringify({
        device: kind,
        adapter: description,
        traits,
        peaks,
        devices,
        kernels: definedKernels().length,
        node: process.version,
      }),
    );
    return;
  }
  for (const [name, value] of factsOf(device)) console.log(`${name.padEnd(16)} ${value}`);
  console.log(`\n${deviceTable(devices)}`);
  if (traits.software && kind === 'webgpu')
    console.log('This adapter is software: good for development and tests. Training wants a GPU.');
}

function factsOf({ kind, description, traits }: Device): [string, string][] {
  const ofAdapter: [string, string][] = [
    ['subgroups', traits.subgroupSize ? `${traits.subgroupSize} lanes` : 'none of one size'],
    ['largest binding', mebibytes(traits.maxBinding)],
    [
      'workgroup',
      `${traits.maxWorkgroupSize} invocations, ${traits.maxWorkgroupStorage / 1024} KiB shared`,
    ],
  ];
  return [
    ['device', kind],
    ['adapter', description],
    ...(kind === 'webgpu' ? ofAdapter : []),
    ['kernels', String(definedKernels().length)],
    ['node', `${process.version} on ${process.platform}-${process.arch}`],
  ];
}
