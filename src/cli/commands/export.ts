import { Command } from 'commander';
import { exportOnnxCommand } from './exportOnnx.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('write a model in another form: an ONNX folder, or a page that is one file')
    .addCommand(exportOnnxCommand());
}
