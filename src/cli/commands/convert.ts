import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { readCheckpoint } from '../../bert/checkpoint/read.ts';
import { writeCheckpoint } from '../../bert/checkpoint/write.ts';
import { torchDtypes } from '../../bert/config.ts';
import { tokenizerFiles } from '../../formats/modelFiles.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, joinPath, readBytes } from '../../platform/files.ts';
import { architectureOf } from '../../train/tasks/taskModel.ts';
import { modelFolder } from '../download.ts';
import { path } from '../options.ts';

export function convertCommand(): Command {
  return new Command('convert')
    .description('store a model, whatever its head, with its tokenizer in another precision')
    .requiredOption('--model <dir>', 'folder of the model, or its name on the Hugging Face hub')
    .requiredOption('--out <dir>', 'where the converted one goes', path)
    .addOption(
      new Option(
        '--dtype <dtype>',
        'how to store the weights; float16 takes half the space and rounds them',
      )
        .choices(torchDtypes)
        .makeOptionMandatory(),
    )
    .action(async ({ model, out, dtype }) => {
      const dir = await modelFolder(model, false);
      if (resolve(out) === resolve(dir))
        throw new UsageError(`--out is ${out}, the model itself: give another folder`);
      const { config, tensors } = await readCheckpoint(dir);
      const architecture = await architectureOf(dir);
      // A weight is read when its turn to be written comes.
      const weights = Array.from(tensors, ([name, weight]) => {
        return [name, { shape: weight.shape, data: async () => weight.data }] as const;
      });
      const files: Record<string, Uint8Array> = {};
      for (const name of tokenizerFiles) {
        const from = joinPath(dir, name);
        if (await fileExists(from)) files[name] = await readBytes(from);
      }
      await writeCheckpoint(out, config, architecture ? [architecture] : [], weights, files, dtype);
      console.log(`${out}: ${tensors.size} weights in ${dtype}`);
    });
}
