import { Command, Option } from 'commander';
import { modelOption, path } from '../options.ts';

export function exportPageCommand(): Command {
  return new Command('page')
    .description(
      'write a page that is one file: it holds the model, runs it in any browser without a ' +
        'network, and learns from corrections',
    )
    .addOption(modelOption().makeOptionMandatory())
    .requiredOption('--out <file>', 'the HTML file to write', path)
    .option('--title <text>', 'title of the page (default: the name of the file)')
    .addOption(
      new Option(
        '--language <code>',
        "language of the page at first (default: that of the reader's browser)",
      ).choices(['en', 'ko']),
    )
    .action(async (options) => {
      const { exportPage } = await import('../exportPage.ts');
      await exportPage(options);
    });
}
