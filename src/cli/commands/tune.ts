import { Command } from 'commander';
import { fitDefaults } from '../../train/defaults.ts';
import { jsonOption, positiveInteger } from '../options.ts';

export function tuneCommand(): Command {
  return new Command('tune')
    .option(
      '--config <file>',
      'config.json of the model whose training step is tuned (default: 2 layers × 128)',
    )
    .option('--batch-size <n>', 'texts per step', positiveInteger, fitDefaults.batchSize)
    .option('--max-length <tokens>', 'tokens per text', positiveInteger, 40)
    .addOption(jsonOption())
    .action(async (options) => {
      const { runTuning } = await import('../tuning.ts');
      await runTuning(options);
    });
}
