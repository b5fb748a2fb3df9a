import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { torchDtypes } from '../../bert/checkpoint/torchDtype.ts';
import { UsageError } from '../../platform/errors.ts';
import { readBytes } from '../../platform/readFiles.ts';
import { modelOption, path } from '../options.ts';

export function convertCommand(): Command {
  return new Command('convert')
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
      const { reportInput } = await import('../inputReports.ts');
      const folder = await fetchModel(model, (event) => reportInput(event, false));
      if (resolve(out) === resolve(folder.dir))
        throw new UsageError(`--out: expected another folder than that of the model, got ${out}`);
      const { config, tensors } = await readCheckpoint(folder);
      const architecture = await folder.architecture();
      // Each weight is read just before it is written.
      const weights = Array.from(tensors, ([name, weight]) => {
        return [name, { shape: weight.shape, data: async () => weight.data }] as const;
      });
      const files: Record<string, Uint8Array> = {};
      for (const name of tokenizerFiles) {
        const { tokenizerFolder: from } = folder;
        if (await from.has(name)) files[name] = await readBytes(from.path(name));
      }
      await writeCheckpoint(out, config, architecture ? [architecture] : [], weights, files, dtype);
      console.log(`${out}: ${tensors.size} weights in ${dtype}`);
    });
}
