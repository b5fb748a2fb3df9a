import { Command } from 'commander';
import { path } from '../options.ts';

export function initCommand(): Command {
  return new Command('init')
    .argument('<folder>', 'a folder that does not exist or is empty', path)
    .action(async (folder: string) => {
      const { initProject } = await import('../project.ts');
      const name = await initProject(folder);
      const { shellQuote } = await import('../shell.ts');
      console.log(`made the project ${name}; to train its model:`);
      console.log(`  cd ${shellQuote(folder)} && npm install && npm start`);
    });
}
