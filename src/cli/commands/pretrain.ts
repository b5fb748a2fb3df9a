import { Command, Option } from 'commander';
import { UsageError } from '../../platform/errors.ts';
import { hasPretraining, readPretraining } from '../../train/pretraining/checkpoint.ts';
import { objectives } from '../../train/pretraining/objective.ts';
import { pretrainDefaults } from '../../train/pretraining/pretrain.ts';
import {
  addOptions,
  casedOption,
  columnOptions,
  deviceOption,
  hyperparameterOptions,
  jsonOption,
  nonNegativeInteger,
  openCliDevice,
  openShare,
  path,
  positiveInteger,
  quietOption,
  requireModelOrVocab,
  startOptions,
  validShare,
} from '../options.ts';
import { evaluationLine, type PretrainSettings, runPretraining } from '../pretraining.ts';

const VALID_SPLIT = 0.05;
const OUT = 'out/pretrained';
const sizes = ['layers', 'hiddenSize', 'heads', 'intermediateSize'] as const;

export function pretrainCommand(): Command {
  const command = new Command('pretrain')
    .description('pre-train a model on plain texts: masked words, next sentences, or both')
    .argument(
      '[files...]',
      'plain texts, one a line (documents parted by blank lines); TSV, CSV or JSONL with a text column',
    )
    .addOption(
      new Option(
        '--objective <objective>',
        'masked language model, next sentence prediction, or both',
      )
        .choices(objectives)
        .default(pretrainDefaults.objective),
    );
  addOptions(command, startOptions())
    .option('--layers <n>', 'layers of a fresh model', positiveInteger)
    .option('--hidden-size <n>', 'its width', positiveInteger)
    .option('--heads <n>', 'its attention heads', positiveInteger)
    .option('--intermediate-size <n>', 'width within its feed-forward layers', positiveInteger)
    .addOption(casedOption())
    .option(
      '--mlm-probability <share>',
      'share of the tokens to predict',
      openShare,
      pretrainDefaults.mlmProbability,
    )
    .option('--whole-word-mask', 'mask all pieces of a word or none')
    .option('--valid <file>', 'file to validate with, instead of a part of the others')
    .option(
      '--valid-split <share>',
      'share of the texts set aside for validation (some thousand at most)',
      validShare,
      VALID_SPLIT,
    )
    .option(
      '--max-length <tokens>',
      'longest example; longer texts are cut into several',
      positiveInteger,
      pretrainDefaults.maxLength,
    )
    .option('--batch-size <n>', 'examples a step', positiveInteger, pretrainDefaults.batchSize)
    .option('--steps <n>', 'steps in all (default: 3 epochs)', positiveInteger)
    .option('--epochs <n>', 'times through the texts, instead of --steps', positiveInteger);
  addOptions(command, hyperparameterOptions(pretrainDefaults))
    .option(
      '--eval-every <steps>',
      'steps from one evaluation to the next',
      positiveInteger,
      pretrainDefaults.evalEvery,
    )
    .option(
      '--save-every <steps>',
      'steps from one checkpoint to the next',
      positiveInteger,
      pretrainDefaults.saveEvery,
    )
    .option(
      '--seed <n>',
      'of weights, order, masks and dropout',
      nonNegativeInteger,
      pretrainDefaults.seed,
    )
    .option('--out <dir>', 'where checkpoints, history.json and history.svg go', path, OUT)
    .option(
      '--resume <dir>',
      'go on with the run in this folder, with the options it was begun with',
    )
    .addOption(deviceOption())
    .addOption(quietOption())
    .addOption(jsonOption());
  addOptions(command, columnOptions());
  return command.action(async (files: string[], options) => {
    const { device: requestedDevice, json, quiet, out: given, resume, ...rest } = options;
    const out: string = resume ?? given;
    const savedSettings =
      resume === undefined ? undefined : (await readPretraining(resume)).settings;
    if (savedSettings) checkSame(command, files, savedSettings, resume);
    else await checkNew(files, options);
    const settings = (savedSettings ?? { ...rest, files }) as unknown as PretrainSettings;
    const silent = Boolean(json || quiet);
    const device = await openCliDevice(
      (savedSettings?.device as typeof requestedDevice | undefined) ?? requestedDevice,
      silent,
    );
    const emit = (event: Record<string, unknown>) => json && console.log(JSON.stringify(event));
    const { history, interrupted } = await runPretraining({
      settings,
      out,
      resume: savedSettings !== undefined,
      device,
      silent,
      onEvent: json && emit,
    });
    const last = history.evaluations.at(-1);
    emit({
      event: 'end',
      out,
      device: device.kind,
      adapter: device.description,
      interrupted,
      steps: history.steps.length,
      last: last ?? null,
    });
    if (!json && !interrupted) {
      if (last) console.log(evaluationLine(last));
      console.log(`saved in ${out} (history.svg shows how it went); to fine-tune it:`);
      console.log(`  npx wigbert train data.tsv --model ${out}`);
    }
    if (interrupted) process.exitCode = 130;
  });
}

/** Throws unless a run can begin so. */
async function checkNew(files: readonly string[], options: Record<string, unknown>): Promise<void> {
  const { model, steps, epochs, out } = options as Record<string, string | undefined>;
  if (files.length === 0)
    throw new UsageError(
      'say what to train on: files with texts, or --resume DIR to go on with a run',
    );
  requireModelOrVocab(options);
  const size = sizes.find((name) => options[name] !== undefined);
  if (model && size)
    throw new UsageError(`--${kebab(size)} is of fresh models; ${model} has its own sizes`);
  if (steps && epochs)
    throw new UsageError('--steps and --epochs exclude each other: either says when to stop');
  if (await hasPretraining(out!)) {
    const { state, settings } = await readPretraining(out!);
    if (state.step > 0)
      throw new UsageError(
        `${out} holds a run that stands at step ${state.step} of ${settings.totalSteps}: go on with --resume ${out}, or choose another --out`,
      );
  }
}

/** Throws when an option differs from the run's that is to go on. */
function checkSame(
  command: Command,
  files: readonly string[],
  begun: Record<string, unknown>,
  dir: string,
): void {
  const refuse = (name: string, now: unknown, then: unknown): never => {
    const show = (value: unknown) => (value === undefined ? 'not given' : JSON.stringify(value));
    throw new UsageError(
      `${name} is ${show(now)}, but ${dir} was begun with ${show(then)}: leave it out to go on, or begin anew with another --out`,
    );
  };
  if (files.length > 0 && JSON.stringify(files) !== JSON.stringify(begun.files))
    refuse('the list of files', files, begun.files);
  for (const option of command.options) {
    const name = option.attributeName();
    if (['resume', 'json', 'quiet'].includes(name) || command.getOptionValueSource(name) !== 'cli')
      continue;
    const value = command.getOptionValue(name);
    if (name === 'out' && value !== dir)
      throw new UsageError(
        '--out and --resume exclude each other: a run goes on in its own folder',
      );
    const isSame =
      name === 'out' || value === begun[name] || (name === 'device' && value === 'auto');
    if (!isSame) refuse(option.long!, value, begun[name]);
  }
}

const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
