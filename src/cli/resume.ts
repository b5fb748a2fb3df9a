import type { Command } from 'commander';
import type { Device } from '../device/device.ts';
import type { DeviceKind, DeviceOptions } from '../device/open.ts';
import { UsageError } from '../platform/errors.ts';
import { openCliDevice } from './openDevice.ts';

/**
 * The folder of the run that `--resume` continues; undefined if a new one begins. For `auto` it is
 * found here: the library would compare all options, also the defaults of the command line.
 */
export async function resumedFolder(
  resume: string | undefined,
  out: string,
): Promise<string | undefined> {
  if (resume !== 'auto') return resume;
  const { findsRun } = await import('../train/recipes/runFolder.ts');
  return (await findsRun({ resume, out })) ? out : undefined;
}

/** Options that do not decide the outcome, or that the opened device is checked for. */
const FREE = ['resume', 'json', 'quiet', 'precision', 'overwrite', 'maxTime'];

/**
 * Checks the command line of a run that is resumed: its options are the ones it began with, and may
 * be left out.
 * @param begun options the run began with
 * @throws UsageError if one differs.
 */
export function checkSameOptions(
  command: Command,
  begun: Record<string, unknown>,
  dir: string,
  files?: { given: unknown; begun: unknown },
): void {
  const refuse = (name: string, now: unknown, then: unknown): never => {
    const show = (value: unknown) => (value === undefined ? 'not given' : JSON.stringify(value));
    throw new UsageError(
      `${name}: expected ${show(then)}, with which ${dir} was begun, got ${show(now)}; ` +
        'leave it out to continue, or begin a new run with another --out',
    );
  };
  if (files && JSON.stringify(files.given) !== JSON.stringify(files.begun))
    refuse('the list of files', files.given, files.begun);
  for (const option of command.options) {
    const name = option.attributeName();
    if (FREE.includes(name) || command.getOptionValueSource(name) !== 'cli') continue;
    const value = command.getOptionValue(name);
    if (name === 'out' && value !== dir)
      throw new UsageError('--out and --resume exclude each other: a run continues in its folder');
    const isSame =
      name === 'out' ||
      JSON.stringify(value) === JSON.stringify(begun[name]) ||
      (['device', 'batchSize'].includes(name) && value === 'auto') ||
      (value === 'epoch' && begun[name] === undefined);
    if (!isSame) refuse(option.long!, value, begun[name]);
  }
}

/** Opens the device that a run began on; a new run's is `asked`. */
export const openAsBegun = (
  begun: { device?: string; precision?: string } | undefined,
  asked: DeviceKind | 'auto',
  silent: boolean,
  precision?: DeviceOptions['precision'],
): Promise<Device> => {
  const { device, precision: its } = begun ?? {};
  return openCliDevice(
    (device as DeviceKind | undefined) ?? asked,
    silent,
    its === 'high' || its === 'strict' ? its : precision,
  );
};

/** Says that `--cased` changes nothing beside `--model`. */
export function noteCased({ model, cased }: { model?: string; cased?: boolean }): void {
  if (model && cased)
    console.error(`--cased goes with --vocab and changes nothing: ${model} has its own tokenizer`);
}
