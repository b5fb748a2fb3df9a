import { Command } from 'commander';
import { type BertConfig, bertConfig, bertTiny, parseBertConfig } from '../../bert/config.ts';
import { BertForSequenceClassification } from '../../bert/heads/sequenceClassification.ts';
import type { Device } from '../../device/device.ts';
import { saveTuning } from '../../device/tuning/tuningFile.ts';
import { measurePeaks } from '../../measure/peaks.ts';
import { type TuningResult, tune } from '../../measure/tune.ts';
import { readJson } from '../../platform/files.ts';
import { backward, scope, tensor } from '../../tensor/index.ts';
import { fitDefaults } from '../../train/trainer/fit.ts';
import { jsonOption, openCliDevice, positiveInteger } from '../options.ts';

export function tuneCommand(): Command {
  return new Command('tune')
    .description(
      'time the variants of kernels on this adapter, and keep the fastest for later runs',
    )
    .option(
      '--config <file>',
      'config.json of the model whose training step is tuned (default: 2 layers × 128)',
    )
    .option('--batch-size <n>', 'texts a step', positiveInteger, fitDefaults.batchSize)
    .option('--max-length <tokens>', 'tokens a text', positiveInteger, 40)
    .addOption(jsonOption())
    .action(async ({ config: file, batchSize, maxLength, json }) => {
      const device = await openCliDevice('webgpu', json);
      const config = file ? parseBertConfig(await readJson(file), file) : bertConfig(bertTiny);
      runStep(device, config, batchSize, maxLength);
      const { flops } = await measurePeaks(device);
      await tune(device, device.tuning!.seen.values(), flops, (result) =>
        console.log(json ? JSON.stringify(result) : row(result)),
      );
      const path = await saveTuning(device);
      if (!json) console.log(`kept in ${path}`);
    });
}

/** A training step on made-up texts, so that the device meets what it will be asked for. */
function runStep(device: Device, config: BertConfig, batchSize: number, maxLength: number): void {
  const model = BertForSequenceClassification.fromConfig(config).train();
  const shape = [batchSize, Math.min(maxLength, config.maxPositionEmbeddings)];
  scope(() => {
    const inputIds = tensor(
      Int32Array.from({ length: shape[0] * shape[1] }, (_, i) => i % config.vocabSize),
      { shape, device },
    );
    const labels = tensor(new Int32Array(batchSize), { device });
    backward(model.forward({ inputIds, labels }).loss!);
  });
}

function row({ key, chosen, seconds, guessSeconds, tried, candidates }: TuningResult): string {
  const variant = Object.values(chosen).join(' ');
  const gain = `${(guessSeconds / seconds).toFixed(2)} × the guess`;
  return `${key.padEnd(40)} ${variant.padEnd(40)} ${(seconds * 1e3).toFixed(2).padStart(9)} ms  ${gain} (${tried} of ${candidates} tried)`;
}
