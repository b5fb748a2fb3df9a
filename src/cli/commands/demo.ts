import { Command } from 'commander';
import { deviceOption, positiveInteger } from '../options.ts';

export function demoCommand(): Command {
  return new Command('demo')
    .option('--epochs <n>', 'times through the data', positiveInteger, 5)
    .addOption(deviceOption())
    .action(async ({ device, epochs }) => {
      const { runDemo } = await import('../demonstration.ts');
      await runDemo(device, epochs);
    });
}
