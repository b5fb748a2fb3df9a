import { Command } from 'commander';
import { deviceOption, jsonOption, kernelModuleOption } from '../options.ts';

export function kernelsCommand(): Command {
  return new Command('kernels')
    .argument('[name]', 'a kernel, or a part of its name')
    .addOption(kernelModuleOption())
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (name: string | undefined, options) => {
      const { printKernels } = await import('../kernelList.ts');
      await printKernels(name, options);
    });
}
