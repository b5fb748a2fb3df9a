import { Command, Option } from 'commander';
import { weightDtypes } from '../../bert/checkpoint/torchDtype.ts';
import { baseOption } from '../loraOptions.ts';
import {
  addOptions,
  dataOptions,
  dataOptionsOf,
  deviceOption,
  modelOption,
  overwriteOption,
  path,
} from '../options.ts';

export function convertCommand(): Command {
  const command = new Command('convert')
    .addOption(modelOption().makeOptionMandatory())
    .requiredOption('--out <dir>', 'folder for the converted model', path)
    .addOption(
      new Option(
        '--dtype <dtype>',
        'how to store the weights; float16 takes half the space of float32 and rounds them; int8 ' +
          'a quarter, with a scale for each row, and only wigbert reads it',
      )
        .choices(weightDtypes)
        .makeOptionMandatory(),
    )
    .option(
      '--data <file>',
      'labelled texts to measure the model on, before and after; the figures go into its card',
      path,
    )
    .addOption(baseOption())
    .addOption(overwriteOption())
    .addOption(deviceOption());
  return addOptions(command, dataOptions()).action(async (options) => {
    const { convertModel } = await import('../../train/recipes/convertModel.ts');
    const { reportInput } = await import('../inputReports.ts');
    const { model, base, out, overwrite, dtype, data } = options;
    if (data !== undefined) {
      const { openCliDevice } = await import('../openDevice.ts');
      await openCliDevice(options.device, false);
    }
    const { weights, before, after } = await convertModel(
      { ...dataOptionsOf(options), model, base, out, overwrite, dtype, data },
      { onEvent: (event) => reportInput(event, false) },
    );
    console.log(`${out}: ${weights} weights in ${dtype}`);
    for (const [metric, value] of Object.entries(before ?? {}))
      console.log(`${metric}: ${value.toFixed(4)} before, ${after![metric].toFixed(4)} after`);
  });
}
