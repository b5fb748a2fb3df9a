import { Command } from 'commander';
import { exportPageCommand } from './exportPage.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('write a model in another form: an ONNX folder, or a page that is one file')
    .addCommand(exportPageCommand());
}
