import { Command, Option } from 'commander';
import type { Device } from '../../device/device.ts';
import {
  objectiveNames,
  pretrainRecipeDefaults as pretrainDefaults,
} from '../../train/defaults.ts';
import {
  addOptions,
  batchSizeOption,
  casedOption,
  checkpointOptions,
  columnOptions,
  deviceOption,
  hyperparameterOptions,
  jsonOption,
  nonNegativeInteger,
  openShare,
  overwriteOption,
  path,
  positiveInteger,
  precisionOption,
  quietOption,
  startOptions,
  tensorboardOption,
  validShare,
} from '../options.ts';
import { optionsFileOptions } from '../optionsFile.ts';
import { profileRun } from '../profile.ts';
import { checkSameOptions, noteCased, openAsBegun, resumedFolder } from '../resume.ts';
import { wigbertCommand } from '../shell.ts';
import { interruptExitCode } from '../signals.ts';

const OUT = 'out/pretrained';

export function pretrainCommand(): Command {
  const command = new Command('pretrain')
    .argument(
      '[files...]',
      'plain texts, one per line (an empty line between documents); or TSV, CSV or JSONL with a ' +
        'text column',
    )
    .addOption(
      new Option(
        '--objective <objective>',
        'masked language model, next sentence prediction, or both',
      )
        .choices(objectiveNames)
        .default(pretrainDefaults.objective),
    );
  addOptions(command, startOptions())
    .option('--layers <n>', 'layers of a fresh model', positiveInteger)
    .option('--hidden-size <n>', 'width of a fresh model', positiveInteger)
    .option('--heads <n>', 'attention heads of a fresh model', positiveInteger)
    .option('--intermediate-size <n>', 'width inside its feed-forward layers', positiveInteger)
    .addOption(casedOption())
    .option(
      '--mlm-probability <share>',
      'share of the tokens to predict',
      openShare,
      pretrainDefaults.mlmProbability,
    )
    .option('--whole-word-mask', 'mask all pieces of a word or none of them')
    .option('--valid <file>', 'file to validate with, instead of a part of the texts')
    .option(
      '--valid-split <share>',
      'share of the texts set aside for validation (a few thousand at most)',
      validShare,
      pretrainDefaults.validSplit,
    )
    .option(
      '--max-length <tokens>',
      'longest example; longer texts are cut into several',
      positiveInteger,
      pretrainDefaults.maxLength,
    )
    .addOption(batchSizeOption('examples', pretrainDefaults.batchSize))
    .option('--steps <n>', 'steps in all (default: 3 epochs)', positiveInteger)
    .option('--epochs <n>', 'times through the texts, instead of --steps', positiveInteger);
  addRunOptions(command);
  addOptions(command, [...columnOptions(), ...optionsFileOptions(true)]);
  return command.action((files: string[], options) => run(command, files, options));
}

/** Options of the training itself. */
function addRunOptions(command: Command): void {
  addOptions(command, hyperparameterOptions(pretrainDefaults))
    .option(
      '--eval-every <steps>',
      'steps between evaluations',
      positiveInteger,
      pretrainDefaults.evalEvery,
    )
    .option(
      '--save-every <steps>',
      'steps between checkpoints',
      positiveInteger,
      pretrainDefaults.saveEvery,
    );
  addOptions(command, checkpointOptions(pretrainDefaults.keep))
    .option(
      '--seed <n>',
      'seed of weights, order, masks and dropout',
      nonNegativeInteger,
      pretrainDefaults.seed,
    )
    .option(
      '--out <dir>',
      'folder for the model, report.html, history.json and history.svg',
      path,
      OUT,
    )
    .addOption(overwriteOption())
    .addOption(tensorboardOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(quietOption())
    .addOption(jsonOption());
}

async function run(command: Command, files: string[], options: ReturnType<Command['opts']>) {
  const { device: asked, precision, json, quiet, out, resume, maxTime, ...rest } = options;
  const { resultLine, runPretraining } = await import('../pretraining.ts');
  noteCased(options);
  const silent = Boolean(json || quiet);
  let device!: Device;
  const folder = await resumedFolder(resume, out);
  const run = folder === undefined ? { ...rest, files, out } : { resume: folder };
  const { history, interrupted, ...result } = await runPretraining(
    run,
    { json: Boolean(json), silent, maxTime },
    async (begun) => {
      const list = files.length > 0 && begun ? { given: files, begun: begun.files } : undefined;
      if (begun) checkSameOptions(command, { ...begun }, folder!, list);
      device = await openAsBegun(begun, asked, silent, precision);
    },
  );
  const dir = result.out;
  const last = history.evaluations.at(-1);
  if (json)
    console.log(
      JSON.stringify({
        event: 'end',
        out: dir,
        device: device.kind,
        adapter: device.description,
        interrupted,
        steps: history.steps.length,
        last: last ?? null,
      }),
    );
  else if (!interrupted) {
    if (last) console.log(resultLine(last));
    console.log(`saved in ${dir} (report.html shows how it went); to fine-tune it:`);
    console.log(`  ${wigbertCommand('train', 'data.tsv', '--model', dir)}`);
  } else console.error(`to continue: ${wigbertCommand('pretrain', '--resume', dir)}`);
  if (interrupted) process.exitCode = interruptExitCode();
  else profileRun(dir);
}
