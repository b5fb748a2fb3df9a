import { Command, Option } from 'commander';
import { weightDtypes } from '../../bert/checkpoint/torchDtype.ts';
import { baseOption } from '../loraOptions.ts';
import { deviceOption, modelOption, path } from '../options.ts';

export function exportOnnxCommand(): Command {
  return new Command('onnx')
    .description(
      'write an ONNX folder, which onnxruntime, transformers.js and optimum read, and compare ' +
        'its outputs with those of the model, if onnxruntime-node or onnxruntime-web is installed',
    )
    .addOption(modelOption().makeOptionMandatory())
    .addOption(baseOption())
    .requiredOption('--out <dir>', 'folder for the files', path)
    .addOption(
      new Option(
        '--dtype <dtype>',
        'float16: half the size; int8: a quarter, with products in 8 bits',
      )
        .choices(weightDtypes)
        .default('float32'),
    )
    .addOption(deviceOption())
    .action(async ({ device, ...options }) => {
      const { exportOnnxFolder } = await import('../../train/recipes/onnx/exportFolder.ts');
      const { formatBytes } = await import('../../platform/format.ts');
      const { reportInput } = await import('../inputReports.ts');
      const { openCliDevice } = await import('../openDevice.ts');
      await openCliDevice(device, true);
      const { file, bytes, verification, removed } = await exportOnnxFolder(options, {
        onEvent: (event) => reportInput(event, false),
      });
      for (const other of removed) console.error(`removed ${other}, which is of another model`);
      console.log(`${file}: ${formatBytes(bytes)}, ${options.dtype}`);
      if (!verification) {
        console.error(
          'not verified: neither onnxruntime-node nor onnxruntime-web is installed ' +
            '(npm install onnxruntime-node)',
        );
        return;
      }
      const { runtime, texts, outputs } = verification;
      for (const [name, { maxDifference, sameArgmax }] of Object.entries(outputs))
        console.log(
          `${name}: differs by at most ${maxDifference.toExponential(1)} on ${texts} texts ` +
            `in ${runtime}; the largest is the same in ${(100 * sameArgmax).toFixed(1)} %`,
        );
    });
}
