import { timeDevices } from '../bench/devices.ts';
import { BertForSequenceClassification } from '../bert/heads/sequenceClassification.ts';
import type { Device } from '../device/device.ts';
import type { DeviceKind } from '../device/open.ts';
import type { BertTokenizer } from '../text/tokenizer/index.ts';
import { encodeExamples } from '../train/data/batch.ts';
import { readData } from '../train/data/labelledData.ts';
import { fineTuneDefaults } from '../train/defaults.ts';
import { accuracy } from '../train/metrics/index.ts';
import type { TaskModel } from '../train/tasks/taskModel.ts';
import { evaluateExamples } from '../train/trainer/evaluate.ts';
import { deviceTable } from './deviceTable.ts';
import { openCliDevice, threadOptions } from './openDevice.ts';
import { wigbertCommand } from './shell.ts';
import { shippedFile } from './shippedFile.ts';
import { interruptExitCode } from './signals.ts';
import { percent } from './table.ts';
import { runFineTuning } from './training.ts';

const MODEL = shippedFile('models/bert-tiny-ko');
const MAX_LENGTH = 48;
const OUT = 'out/demo';

/** Fine-tunes the model of the package on its reviews and prints how much that helped. */
export async function runDemo(kind: DeviceKind | 'auto', epochs: number): Promise<void> {
  let device!: Device;
  let started!: number;
  const { model, tokenizer, labels, interrupted } = await runFineTuning(
    {
      data: shippedFile('data/reviews-ko.tsv'),
      model: MODEL,
      maxLength: MAX_LENGTH,
      validSplit: 0.1,
      learningRate: 5e-4,
      groupByLength: true,
      patience: epochs,
      epochs,
      out: OUT,
      overwrite: true,
    },
    { json: false, silent: false },
    async () => {
      device = await openCliDevice(kind, false);
      started = performance.now();
    },
  );
  if (interrupted) {
    process.exitCode = interruptExitCode();
    return;
  }
  const test = (tested: TaskModel) =>
    measure(shippedFile('data/reviews-ko-test.tsv'), tested, tokenizer, labels);
  const { accuracy: trained, chance, examples } = await test(model);
  // Measured last, on a second copy, so that training starts sooner.
  const before = await BertForSequenceClassification.fromPretrained(MODEL, {
    labels,
    seed: fineTuneDefaults.seed,
  });
  const { accuracy: untrained } = await test(before.eval());
  const points = (from: number) => `${((trained - from) * 100).toFixed(1)} points above`;
  console.log(
    `\ntrained in ${Math.round((performance.now() - started) / 1000)} s ` +
      `on ${device.kind} (${device.description})`,
  );
  console.log(
    `test accuracy ${percent(trained)} on ${examples} unseen reviews: ` +
      `${points(chance)} chance (${percent(chance)}), ` +
      `${points(untrained)} its untrained self (${percent(untrained)})`,
  );
  console.log(
    `saved in ${OUT}, a Hugging Face folder; ${OUT}/history.svg shows loss and accuracy. Try it:`,
  );
  const texts = ['배우들 연기가 정말 좋았어요', '시간이 아까운 영화'];
  console.log(`  ${wigbertCommand('predict', '--model', OUT, ...texts)}`);
  await showDevices();
}

/** Times the devices of the machine. The demo is complete without it. */
export async function showDevices(): Promise<void> {
  try {
    console.log(`\n${deviceTable(await timeDevices(threadOptions()))}`);
  } catch (error) {
    console.error(`note: the devices could not be timed: ${(error as Error).message}`);
  }
}

/** Accuracy on a file, and that of always saying its most frequent label. */
async function measure(path: string, model: TaskModel, tokenizer: BertTokenizer, labels: string[]) {
  const { examples } = await readData(path, { labels });
  const encoded = encodeExamples(
    examples,
    tokenizer,
    MAX_LENGTH,
    model.config.maxPositionEmbeddings,
  );
  const { predictions } = await evaluateExamples(model, encoded, 64);
  const truth = encoded.map(({ label }) => label as number);
  const counts = labels.map((_, id) => truth.filter((label) => label === id).length);
  return {
    accuracy: accuracy(predictions as number[], truth),
    chance: Math.max(...counts) / truth.length,
    examples: truth.length,
  };
}
