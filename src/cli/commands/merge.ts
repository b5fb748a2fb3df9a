import { Command } from 'commander';
import { baseOption } from '../loraOptions.ts';
import { modelOption, overwriteOption, path } from '../options.ts';

export function mergeCommand(): Command {
  return new Command('merge')
    .addOption(modelOption().makeOptionMandatory())
    .addOption(baseOption())
    .requiredOption('--out <dir>', 'folder for the merged model', path)
    .addOption(overwriteOption())
    .action(async (options) => {
      const { mergeAdapter } = await import('../../train/recipes/mergeAdapter.ts');
      const { reportInput } = await import('../inputReports.ts');
      const { openCliDevice } = await import('../openDevice.ts');
      await openCliDevice('cpu', true);
      const { model, base } = await mergeAdapter(options, {
        onEvent: (event) => reportInput(event, false),
      });
      console.log(`${options.out}: ${model.architecture}, the weights of ${base} with the adapter`);
    });
}
