import { Command } from 'commander';
import { exportOnnxCommand } from './exportOnnx.ts';

export function exportCommand(): Command {
  return new Command('export').addCommand(exportOnnxCommand());
}
