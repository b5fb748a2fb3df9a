import { Command } from 'commander';
import { openCliDevice } from '../openDevice.ts';
import { deviceOption, jsonOption } from '../options.ts';
import { number } from '../table.ts';

export function infoCommand(): Command {
  return new Command('info')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { definedKernels } = await import('../../device/kernel.ts');
      const { importKernels } = await import('../kernelList.ts');
      const { measurePeaks } = await import('../../measure/peaks.ts');
      await importKernels();
      const device = await openCliDevice(options.device, true);
      const { kind, description, traits } = device;
      const peaks = await measurePeaks(device);
      if (options.json) {
        console.log(
          JSON.stringify({
            device: kind,
            adapter: description,
            traits,
            peaks,
            kernels: definedKernels().length,
            node: process.version,
          }),
        );
        return;
      }
      const mebibytes = (bytes: number) =>
        `${(bytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 0 })} MiB`;
      const lines: [string, string][] = [
        ['device', kind],
        ['adapter', description],
        ['subgroups', traits.subgroupSize ? `${traits.subgroupSize} lanes` : 'none of one size'],
        ['largest binding', kind !== 'webgpu' ? 'no limit' : mebibytes(traits.maxBinding)],
        [
          'workgroup',
          `${traits.maxWorkgroupSize} invocations, ${traits.maxWorkgroupStorage / 1024} KiB shared`,
        ],
        ['multiply-adds', `${number(peaks.flops / 1e9)} GFLOP/s at most, as measured`],
        [
          'memory',
          `${number(peaks.bytesPerSecond / 1e9)} GB/s read and written by a copy, as measured`,
        ],
        ['kernels', String(definedKernels().length)],
        ['node', `${process.version} on ${process.platform}-${process.arch}`],
      ];
      for (const [name, value] of lines) console.log(`${name.padEnd(16)} ${value}`);
      if (traits.software && kind === 'webgpu') {
        console.log(
          '\nThis adapter is software: good for development and tests. Training wants a GPU.',
        );
      }
    });
}
