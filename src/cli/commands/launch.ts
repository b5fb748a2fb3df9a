import { Command } from 'commander';
import { nonNegativeInteger, path, positiveInteger, positiveNumber } from '../options.ts';

export function launchCommand(): Command {
  return new Command('launch')
    .description('train in several processes, on one machine or more, with Open MPI')
    .argument('<command...>', 'train or pretrain, with its arguments and options')
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
    .action(async (words: string[], options) => {
      const { launch } = await import('../launching.ts');
      process.exitCode = await launch(words, options);
    });
}

/** The words of `launch` with `--` before those of its command, whose options are not its own. */
export function separateLaunched(words: readonly string[]): string[] {
  const at = words.findIndex((word, i) => i > 0 && /^(pre)?train$/.test(word));
  if (words[0] !== 'launch' || words.includes('--') || at < 0) return [...words];
  return [...words.slice(0, at), '--', ...words.slice(at)];
}
