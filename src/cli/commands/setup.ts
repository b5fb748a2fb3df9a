import { Command } from 'commander';

export function setupCommand(): Command {
  return new Command('setup').action(async () => {
    const { runSetup } = await import('../setup.ts');
    process.exitCode = runSetup();
  });
}
