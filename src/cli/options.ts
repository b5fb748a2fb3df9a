import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Device } from '../device/device.ts';
import type { DeviceOptions } from '../device/open.ts';
import { UsageError } from '../platform/errors.ts';
import { useDevice } from '../tensor/index.ts';
import type { BertTokenizer } from '../text/tokenizer/index.ts';
import type { EncodedExample } from '../train/data/batch.ts';
import { pairColumns, textColumns } from '../train/data/columns.ts';
import type { DataOptions, Example } from '../train/data/labelledData.ts';
import { tasks } from '../train/tasks/index.ts';
import { startProfile } from './profile.ts';
import { percent } from './table.ts';

/** Parsers and options that commands share. */

const parsedNumber = (check: (value: number) => boolean, expected: string) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !check(value))
    throw new InvalidArgumentError(`${expected} was expected.`);
  return value;
};
export const positiveInteger = parsedNumber(
  (n) => Number.isInteger(n) && n >= 1,
  'A whole number of at least 1',
);
export const nonNegativeInteger = parsedNumber(
  (n) => Number.isSafeInteger(n) && n >= 0,
  'A whole number of at least 0',
);
export const positiveNumber = parsedNumber((n) => Number.isFinite(n) && n > 0, 'A number above 0');
export const nonNegativeNumber = parsedNumber(
  (n) => Number.isFinite(n) && n >= 0,
  'A number of at least 0',
);
export const closedShare = parsedNumber((n) => n >= 0 && n <= 1, 'A number from 0 to 1');
export const validShare = parsedNumber(
  (n) => n >= 0 && n < 1,
  'A number of at least 0 and below 1',
);
export const openShare = parsedNumber((n) => n > 0 && n < 1, 'A number above 0 and below 1');
export const path = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('A path was expected.');
  return text;
};

export const deviceOption = (): Option =>
  new Option('--device <device>', 'where to compute; auto takes webgpu where there is an adapter')
    .choices(['webgpu', 'cpu', 'auto'])
    .default('auto');
export const precisionOption = (): Option =>
  new Option(
    '--precision <precision>',
    'high: matrix products on tensor cores, of float16 operands, where WebGPU offers them',
  )
    .choices(['highest', 'high'])
    .default('highest');
export const jsonOption = (): Option => new Option('--json', 'print JSON for machines');
export const quietOption = (): Option => new Option('--quiet', 'show no progress');
export const columnOptions = (): Option[] => [
  new Option('--text-column <name>', `column of the text (default: ${textColumns.join(', ')})`),
  new Option(
    '--pair-column <name>',
    `column of the second text, for pairs (default: ${pairColumns.join(', ')}, if there)`,
  ),
];

/** What a model starts from. */
interface StartOptions {
  model?: string;
  vocab?: string;
  config?: string;
  cased?: boolean;
}

export const startOptions = (): Option[] => [
  new Option('--model <dir>', 'Hugging Face folder to start from, or its name on the hub'),
  new Option('--vocab <file>', 'vocab.txt of a fresh model'),
  new Option('--config <file>', 'config.json of a fresh model (default: 2 layers × 128)'),
];
export const casedOption = (): Option =>
  new Option('--cased', 'the fresh vocabulary keeps case and accents (Korean ones do)');

/** How its weights move. */
type Hyperparameters = Record<
  'learningRate' | 'warmupRatio' | 'weightDecay' | 'maxGradNorm',
  number
>;
export const hyperparameterOptions = ({
  learningRate,
  warmupRatio,
  weightDecay,
  maxGradNorm,
}: Hyperparameters): Option[] => [
  new Option('--learning-rate <rate>', 'highest learning rate')
    .argParser(positiveNumber)
    .default(learningRate),
  new Option('--warmup-ratio <share>', 'share of the steps in which the rate rises')
    .argParser(closedShare)
    .default(warmupRatio),
  new Option('--weight-decay <rate>', 'decay, on neither biases nor LayerNorm')
    .argParser(nonNegativeNumber)
    .default(weightDecay),
  new Option('--max-grad-norm <norm>', 'gradients are clipped to this')
    .argParser(positiveNumber)
    .default(maxGradNorm),
];
/** Adds options where they are to stand in the help. */
export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}
export const dataOptions = (): Option[] => [
  ...columnOptions(),
  new Option(
    '--label-column <name>',
    'column of the label (default: label, labels, gold_label, score, tags… by task)',
  ),
  new Option('--label-separator <text>', 'what stands between several labels of a text').default(
    ',',
  ),
];

/** What `dataOptions` were given, as `readData` takes them. */
export const dataOptionsOf = ({
  textColumn,
  pairColumn,
  labelColumn,
  labelSeparator,
}: DataOptions): DataOptions => ({
  textColumn,
  pairColumn,
  labelColumn,
  labelSeparator,
});

/** Opens a device and says which, on standard error unless `silent`; with `--profile`, times it from then on. */
export async function openCliDevice(
  kind: 'webgpu' | 'cpu' | 'auto',
  silent: boolean,
  precision?: DeviceOptions['precision'],
): Promise<Device> {
  const device = await useDevice(kind, { precision });
  if (!silent) {
    console.error(`device: ${device.kind} (${device.description})`);
    if (precision === 'high' && !device.traits.subgroupMatrix) {
      console.error('this adapter offers no tensor cores: --precision high changes nothing');
    }
    if (kind === 'auto' && device.kind === 'cpu') {
      console.error(
        'no WebGPU adapter was found, so this runs on the cpu device, slowly; `npm run setup` says what is missing',
      );
    }
  }
  await startProfile(device);
  return device;
}

/** Says on standard error which rows of a file were skipped. */
export function reportProblems(
  path: string,
  problems: readonly { line: number; reason: string }[],
): void {
  if (problems.length === 0) return;
  console.error(
    `${path}: ${problems.length} broken ${problems.length === 1 ? 'row was' : 'rows were'} skipped:`,
  );
  for (const { line, reason } of problems.slice(0, 5)) console.error(`  line ${line}: ${reason}`);
  if (problems.length > 5) console.error(`  … and ${problems.length - 5} more`);
}

/** Share of unknown pieces from which a vocabulary does not fit. */
const MAX_UNKNOWN_SHARE = 0.2;

/** Says on standard error when a vocabulary knows too few of the pieces of texts that are trained on. */
export function reportUnknown(
  path: string,
  texts: readonly (readonly number[])[],
  { unkTokenId, clsTokenId, sepTokenId }: BertTokenizer,
  { vocab, cased }: StartOptions,
): void {
  let [pieces, unknown] = [0, 0];
  for (const ids of texts) {
    for (const id of ids) {
      if (id !== clsTokenId && id !== sepTokenId) pieces++;
      if (id === unkTokenId) unknown++;
    }
  }
  if (unknown <= MAX_UNKNOWN_SHARE * pieces) return;
  const advice =
    vocab && !cased
      ? `say --cased if ${vocab} keeps case and accents (Korean ones do), else give another --vocab`
      : 'the vocabulary does not fit these texts';
  console.error(
    `${path}: ${percent(unknown / pieces)} of the pieces are [UNK], and nothing is learnt of them: ${advice}`,
  );
}

/** Says on standard error how many tagged words the model never sees. */
export function reportTruncatedWords(
  path: string,
  examples: readonly Example[],
  encoded: readonly EncodedExample[],
): void {
  if (!examples[0].words) return;
  const { lossWeight } = tasks['token-classification'];
  const words = sum(examples.map((example) => example.words!.length));
  const lostWords = words - sum(encoded.map(({ label }) => lossWeight(label!)));
  if (lostWords > 0)
    console.error(
      `${path}: ${lostWords} of ${words} words are left out, being cut off (--max-length) or without a token`,
    );
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** An AbortSignal that Ctrl-C raises; a second Ctrl-C ends the process at once. Call `release` when done. */
export function interruptible(onFirst: () => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    onFirst();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/** Throws unless exactly one of --model and --vocab is given, and --config beside --vocab alone; says that so does --cased. */
export function requireModelOrVocab({ model, vocab, config, cased }: StartOptions): void {
  if (!model && !vocab)
    throw new UsageError('say what to start from: --model DIR, or --vocab FILE for a fresh model');
  if (model && vocab)
    throw new UsageError(
      '--model and --vocab exclude each other: a model folder has its own vocabulary',
    );
  if (model && config)
    throw new UsageError(`--config goes with --vocab; ${model} has its own config`);
  if (model && cased)
    console.error(`--cased goes with --vocab, and changes nothing: ${model} has its own tokenizer`);
}
