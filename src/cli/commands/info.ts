import { Command } from 'commander';
import { allKernels } from '../../kernels/index.ts';
import { deviceOption, jsonOption, openFor } from '../options.ts';

export function infoCommand(): Command {
  return new Command('info')
    .description('show the device that would be used, and what it offers')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const device = await openFor(options.device, true);
      const { kind, description, traits } = device;
      if (options.json) {
        console.log(
          JSON.stringify({ device: kind, adapter: description, traits, kernels: allKernels.length, node: process.version }),
        );
        return;
      }
      const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 0 })} MiB`;
      const lines: [string, string][] = [
        ['device', kind],
        ['adapter', description],
        ['subgroups', traits.subgroupSize ? `${traits.subgroupSize} lanes` : 'none of one size'],
        ['largest binding', kind === 'cpu' ? 'no limit' : mebibytes(traits.maxBinding)],
        ['workgroup', `${traits.maxWorkgroupSize} invocations, ${traits.maxWorkgroupStorage / 1024} KiB shared`],
        ['kernels', String(allKernels.length)],
        ['node', `${process.version} on ${process.platform}-${process.arch}`],
      ];
      for (const [name, value] of lines) console.log(`${name.padEnd(16)} ${value}`);
      if (traits.software && kind === 'webgpu') {
        console.log('\nThis adapter is software: fine for development and tests. A GPU is what the engine is made for.');
      }
    });
}
