import { Command } from 'commander';

export function setupCommand(): Command {
  return new Command('setup')
    .description('look for a WebGPU adapter; install a software driver, or say how to get one')
    .action(async () => {
      const { runSetup } = await import('../setup.ts');
      process.exitCode = runSetup();
    });
}
