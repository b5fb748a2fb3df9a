import { Command } from 'commander';
import { exportOnnxCommand } from './exportOnnx.ts';
import { exportPageCommand } from './exportPage.ts';

export function exportCommand(): Command {
  return new Command('export').addCommand(exportOnnxCommand()).addCommand(exportPageCommand());
}
