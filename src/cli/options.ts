import { type Command, InvalidArgumentError, Option } from 'commander';
import { dataFormats } from '../formats/tables/format.ts';
import { pairColumns, textColumns } from '../train/data/columns.ts';
import type { DataOptions } from '../train/data/labelledData.ts';
import { predictDefaults } from '../train/defaults.ts';
import { reductionNames } from '../train/distributed/exchange.ts';
import {
  type Hyperparameters,
  lrSchedulerNames,
  onNanNames,
} from '../train/trainer/hyperparameters.ts';
import {
  closedShare,
  nonNegativeInteger,
  nonNegativeNumber,
  positiveInteger,
  positiveNumber,
} from './numbers.ts';

export * from './numbers.ts';

/** Options that several commands share, and parsers of their values. */

/** A number of examples, or `auto`. */
export const batchSizeOption = (examples: string, size: number): Option =>
  new Option(
    '--batch-size <n>',
    `${examples} per step; auto: the most, a power of two, that there is memory for`,
  )
    .argParser((text) => (text === 'auto' ? text : positiveInteger(text)))
    .default(size);
export const path = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('Expected a path.');
  return text;
};

/** Those of the options of a command that a recipe has. */
export const pickOptions = <O extends object>(options: O, names: readonly string[]): O =>
  Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name))) as O;

export const deviceOption = (): Option =>
  new Option(
    '--device <device>',
    'where to compute; auto: webgpu on a GPU, else the faster one of wasm and a software adapter',
  )
    .choices(['webgpu', 'wasm', 'cpu', 'auto'])
    .default('auto');
export const precisionOption = (): Option =>
  new Option(
    '--precision <precision>',
    'high: matrix products in float16 on tensor cores, if WebGPU offers them; ' +
      'strict: the same bits on any processor, on the wasm device',
  )
    .choices(['highest', 'high', 'strict'])
    .default('highest');
/** A time in seconds, from `90`, `90s`, `30m` or `2h`. */
const duration = (text: string): number => {
  const [, value, unit = 's'] = /^(\d+(?:\.\d+)?)([smh])?$/.exec(text) ?? [];
  const seconds = Number(value) * { s: 1, m: 60, h: 3600 }[unit]!;
  if (!(seconds > 0)) throw new InvalidArgumentError('Expected a time such as 90, 30m or 2h.');
  return seconds;
};
/** Options of runs that are saved while they go on. */
export const checkpointOptions = (keep: number): Option[] => [
  new Option(
    '--max-time <time>',
    'stop and save after this time, in seconds or as 30m or 2h; --resume goes on',
  ).argParser(duration),
  new Option('--keep <n>', 'checkpoints to keep: the latest ones')
    .argParser(positiveInteger)
    .default(keep),
  new Option(
    '--hash-every <steps>',
    'steps between the hashes of the weights in receipt.json (default: those of --save-every)',
  ).argParser(positiveInteger),
  new Option(
    '--resume <dir>',
    'continue the run in this folder, with its options; auto: the one in --out, or begin it',
  ),
];

export const tensorboardOption = (): Option =>
  new Option(
    '--tensorboard [dir]',
    'write event files for TensorBoard (default: into runs in --out)',
  );

export const kernelModuleOption = (): Option =>
  new Option(
    '--module <file>',
    'a JavaScript module of yours: only the kernels that it defines with defineKernel',
  ).argParser(path);
export const jsonOption = (): Option => new Option('--json', 'print JSON for machines');
export const quietOption = (): Option => new Option('--quiet', 'show no progress');
export const columnOptions = (): Option[] => [
  new Option('--text-column <name>', `column of the text (default: ${textColumns.join(', ')})`),
  new Option(
    '--pair-column <name>',
    `column of the second text of pairs (default: ${pairColumns.join(', ')}, if present)`,
  ),
  ...fileOptions(),
];

/** How files of data are read. */
export const fileOptions = (): Option[] => [
  new Option(
    '--format <format>',
    'format of the data (default: by the ending of the name)',
  ).choices(dataFormats),
  new Option(
    '--encoding <name>',
    'encoding of the data, such as cp949 or windows-1252 (default: found by trial among UTF-8, ' +
      'CP949 and UTF-16)',
  ),
];

/** How texts longer than the model takes are read. */
export const strideOption = (): Option =>
  new Option(
    '--stride <tokens>',
    'read longer texts in windows that repeat this many tokens of the one before, and predict by ' +
      'their mean (default: cut them; for questions, whose contexts are always read so, 128, or ' +
      'half of --max-length)',
  ).argParser(nonNegativeInteger);

export const modelOption = (): Option =>
  new Option('--model <dir>', 'folder of the model, or its name on the Hugging Face hub');

/** Options of trained models. */
export const thresholdOption = (): Option =>
  new Option(
    '--threshold <probability>',
    'for models that give several labels: give those above this (default: what training found ' +
      `best for each label, else ${predictDefaults.threshold})`,
  ).argParser(closedShare);
export const calibratedOption = (): Option =>
  new Option(
    '--calibrated',
    'probabilities that training calibrated on its validation data (default: as the model gives ' +
      'them)',
  );

export const overwriteOption = (): Option =>
  new Option('--overwrite', 'replace the model or run that --out holds (default: refuse)');

/** What a model starts from. */
export const startOptions = (): Option[] => [
  new Option('--model <dir>', 'Hugging Face folder to start from, or its name on the hub'),
  new Option('--vocab <file>', 'vocab.txt of a fresh model'),
  new Option(
    '--config <file>',
    'config.json of a fresh model (default: 2 layers × 128); or a file with options, as JSON',
  ),
];
export const casedOption = (): Option =>
  new Option('--cased', 'the fresh vocabulary keeps case and accents (Korean ones do)');

export const hyperparameterOptions = ({
  learningRate,
  warmupRatio,
  weightDecay,
  maxGradNorm,
}: Omit<Hyperparameters, 'seed'>): Option[] => [
  new Option('--learning-rate <rate>', 'highest learning rate')
    .argParser(positiveNumber)
    .default(learningRate),
  new Option('--lr-scheduler <name>', 'how the learning rate continues after its rise')
    .choices(lrSchedulerNames)
    .default('linear'),
  new Option('--warmup-ratio <share>', 'share of the steps in which the learning rate rises')
    .argParser(closedShare)
    .default(warmupRatio),
  new Option('--warmup-steps <n>', 'number of these steps, instead of --warmup-ratio')
    .argParser(nonNegativeInteger)
    .conflicts('warmupRatio'),
  new Option(
    '--gradient-accumulation-steps <n>',
    'batches that a step adds up, one after the other: less memory (default: 1; the number of ' +
      'processes under launch, which share them)',
  ).argParser(positiveInteger),
  new Option(
    '--reduction <name>',
    'how processes under launch add up gradients; tree: the same bits for any number of them; ' +
      "fast: as MPI's own sum",
  )
    .choices(reductionNames)
    .default('tree'),
  new Option('--weight-decay <rate>', 'weight decay, except on biases and LayerNorm')
    .argParser(nonNegativeNumber)
    .default(weightDecay),
  new Option('--max-grad-norm <norm>', 'norm to which gradients are clipped')
    .argParser(positiveNumber)
    .default(maxGradNorm),
  new Option(
    '--gradient-checkpointing',
    'keep only the inputs of each layer and compute the rest again: less memory, same results',
  ),
  new Option('--on-nan <action>', 'what to do with a step whose loss or gradients are not finite')
    .choices(onNanNames)
    .default('stop'),
  new Option(
    '--detect-anomaly',
    'look for NaN and infinity after each operation and name it: slow, to find a mistake',
  ),
];

/** Adds options to a command, in the order of the help. */
export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
export const labelColumnOption = (): Option =>
  new Option(
    '--label-column <name>',
    'column of the label (default: label, labels, gold_label, score, tags… by task)',
  );
const nameList = (text: string): string[] => {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected names separated by commas.');
  return names;
};
export const dataOptions = (): Option[] => [
  ...columnOptions(),
  labelColumnOption(),
  new Option(
    '--label-columns <names>',
    'columns with a 0 or 1 for each of several labels, separated by commas',
  ).argParser(nameList),
  new Option('--label-separator <text>', 'separator of several labels of a text').default(','),
];

/** The values of `dataOptions` among the values of a command. */
export const dataOptionsOf = ({
  textColumn,
  pairColumn,
  labelColumn,
  labelColumns,
  labelSeparator,
  format,
  encoding,
}: DataOptions): DataOptions => ({
  textColumn,
  pairColumn,
  labelColumn,
  labelColumns,
  labelSeparator,
  format,
  encoding,
});
