import { Command } from 'commander';
import { nonNegativeInteger, positiveInteger, positiveNumber } from '../numbers.ts';
import { path } from '../options.ts';

export function launchCommand(): Command {
  return new Command('launch')
    .argument('<command...>', 'train, pretrain, evaluate or embed, with its arguments and options')
    .requiredOption('-n, --ranks <n>', 'number of processes', positiveInteger)
    .option('--hosts <file>', "Open MPI's hostfile, a line `name slots=4` for each machine", path)
    .option('--logs <dir>', 'folder for what all processes but the first print', path, 'out/logs')
    .option(
      '--max-restarts <n>',
      'start a job that failed again, from its latest checkpoint, at most this often',
      nonNegativeInteger,
      0,
    )
    .option(
      '--timeout <seconds>',
      'how long a process waits for the others, beyond three times its own work (default: 7)',
      positiveNumber,
    )
    .action(async (words: string[], options, command: Command) => {
      const { launch } = await import('../launching.ts');
      const { threads, profile, debug } = command.optsWithGlobals();
      // They are of the processes.
      const shared = [
        ...(threads ? [`--threads=${threads}`] : []),
        ...(profile ? ['--profile'] : []),
        ...(debug ? ['--debug'] : []),
      ];
      process.exitCode = await launch(words, { ...options, shared });
    });
}
