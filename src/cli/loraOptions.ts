import { InvalidArgumentError, Option } from 'commander';
import { loraOptionDefaults as defaults } from '../train/defaults.ts';
import { positiveInteger, positiveNumber, validShare } from './options.ts';

/** Names of layers separated by commas, or all of them. */
const targets = (text: string): string[] | 'all-linear' => {
  if (text === 'all-linear') return text;
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected names separated by commas.');
  return names;
};

/** Options of training an adapter. */
export const loraOptions = (): Option[] => [
  new Option(
    '--lora <rank>',
    'train and save a low-rank adapter of this rank and the head, instead of the whole model',
  ).argParser(positiveInteger),
  new Option(
    '--lora-alpha <number>',
    `scale of the adapter, times its rank (default: ${defaults.loraAlpha})`,
  ).argParser(positiveNumber),
  new Option(
    '--lora-dropout <share>',
    `dropout on the input of the adapter (default: ${defaults.loraDropout})`,
  ).argParser(validShare),
  new Option(
    '--lora-target <layers>',
    'linear layers to adapt, by the ends of their names, separated by commas; all-linear: all of ' +
      `them (default: ${defaults.loraTarget})`,
  ).argParser(targets),
];

export const baseOption = (): Option =>
  new Option(
    '--base <dir>',
    'base model of an adapter, if it is not where the adapter says: a folder, or a name on the hub',
  );
