import { type BertConfig, bertConfig, bertTiny, parseBertConfig } from '../bert/config.ts';
import { BertForSequenceClassification } from '../bert/heads/sequenceClassification.ts';
import type { Device } from '../device/device.ts';
import { saveTuning } from '../device/tuning/tuningFile.ts';
import { measurePeaks } from '../measure/peaks.ts';
import { type TuningResult, tune } from '../measure/tune.ts';
import { readJson } from '../platform/readFiles.ts';
import { backward, scope, tensor } from '../tensor/index.ts';
import { openCliDevice } from './openDevice.ts';

interface TuneOptions {
  config?: string;
  batchSize: number;
  maxLength: number;
  json?: boolean;
}

/** Times the kernel variants of a training step, prints each result and saves the choice. */
export async function runTuning(options: TuneOptions): Promise<void> {
  const { config: file, batchSize, maxLength, json = false } = options;
  const device = await openCliDevice('webgpu', json);
  const config = file ? parseBertConfig(await readJson(file), file) : bertConfig(bertTiny);
  runStep(device, config, batchSize, maxLength);
  const { flops } = await measurePeaks(device);
  await tune(device, device.tuning!.seen.values(), flops, (result) =>
    console.log(json ? JSON.stringify(result) : row(result)),
  );
  const path = await saveTuning(device);
  if (!json) console.log(`saved in ${path}`);
}

/** Runs a training step on invented texts, so that the device sees the shapes it has to tune. */
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
  const time = `${(seconds * 1e3).toFixed(2).padStart(9)} ms`;
  const share = `(${tried} of ${candidates} tried)`;
  return `${key.padEnd(40)} ${variant.padEnd(40)} ${time}  ${gain} ${share}`;
}
