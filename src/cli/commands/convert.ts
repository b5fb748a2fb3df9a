import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { torchDtypes } from '../../bert/config.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, readBytes } from '../../platform/readFiles.ts';
import { joinPath } from '../../platform/runtime.ts';
import { modelOption, path } from '../options.ts';

export function convertCommand(): Command {
  return new Command('convert')
    .description('store a model with any head, and its tokenizer, in another precision')
    .addOption(modelOption().makeOptionMandatory())
    .requiredOption('--out <dir>', 'folder for the converted model', path)
    .addOption(
      new Option(
        '--dtype <dtype>',
        'how to store the weights; float16 takes half the space and rounds them',
      )
        .choices(torchDtypes)
        .makeOptionMandatory(),
    )
    .action(async ({ model, out, dtype }) => {
      const { readCheckpoint } = await import('../../bert/checkpoint/read.ts');
      const { writeCheckpoint } = await import('../../bert/checkpoint/write.ts');
      const { tokenizerFiles } = await import('../../formats/modelFiles.ts');
      const { fetchModel } = await import('../../train/recipes/start.ts');
      const { architectureOf } = await import('../../train/tasks/taskModel.ts');
      const { reportInput } = await import('../inputReports.ts');
      const dir = await fetchModel(model, (event) => reportInput(event, false));
      if (resolve(out) === resolve(dir))
        throw new UsageError(`--out: expected another folder than that of the model, got ${out}`);
      const { config, tensors } = await readCheckpoint(dir);
      const architecture = await architectureOf(dir);
      // Each weight is read when it is written, so one is in memory at a time.
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
