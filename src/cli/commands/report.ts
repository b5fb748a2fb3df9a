import { Command } from 'commander';
import { jsonOption, path } from '../options.ts';

export function reportCommand(): Command {
  return new Command('report')
    .requiredOption('--out <dir>', 'folder of the run', path)
    .addOption(jsonOption())
    .action(async ({ out, json }) => {
      const { writeReport } = await import('../../train/recipes/report/writeReport.ts');
      const page = await writeReport({ out });
      console.log(json ? JSON.stringify({ page }) : page);
    });
}
