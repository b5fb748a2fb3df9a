import { Command } from 'commander';
import { deviceOption, jsonOption } from '../options.ts';

export function infoCommand(): Command {
  return new Command('info')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { showInfo } = await import('../information.ts');
      await showInfo(options);
    });
}
