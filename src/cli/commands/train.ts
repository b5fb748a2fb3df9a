import { Command, Option } from 'commander';
import type { Device } from '../../device/device.ts';
import { UsageError } from '../../platform/errors.ts';
import { fineTuneDefaults, maxLengthOf, taskNames } from '../../train/defaults.ts';
import { similarityLosses } from '../../train/tasks/lossNames.ts';
import { formatMetric, metricKey, metricNames, metrics } from '../../train/tasks/metric.ts';
import type { History } from '../../train/trainer/history.ts';
import { isCrossValidation, runFolds } from '../crossValidating.ts';
import { expandFiles } from '../files.ts';
import { loraOptions } from '../loraOptions.ts';
import {
  addOptions,
  batchSizeOption,
  casedOption,
  checkpointOptions,
  dataOptions,
  deviceOption,
  factor,
  hyperparameterOptions,
  jsonOption,
  nonNegativeInteger,
  nonNegativeNumber,
  overwriteOption,
  path,
  positiveInteger,
  positiveNumber,
  precisionOption,
  quietOption,
  startOptions,
  strideOption,
  tensorboardOption,
  validShare,
} from '../options.ts';
import { optionsFileOptions } from '../optionsFile.ts';
import { profileRun } from '../profile.ts';
import { checkSameOptions, noteCased, openAsBegun, resumedFolder } from '../resume.ts';
import { wigbertCommand } from '../shell.ts';
import { interruptExitCode } from '../signals.ts';

/** A number of steps, or an epoch. */
const stepsOrEpoch = (text: string): number | 'epoch' =>
  text === 'epoch' ? text : positiveInteger(text);

/** As the library takes it: none for an epoch. */
const stepsOf = (value?: number | 'epoch'): number | undefined =>
  value === 'epoch' ? undefined : value;

/** A number of layers, or all. */
const layers = (text: string): number | 'all' => (text === 'all' ? text : nonNegativeInteger(text));

/** `balanced`, or numbers separated by commas. */
const classWeights = (text: string): 'balanced' | number[] =>
  text === 'balanced' ? text : text.split(',').map(positiveNumber);

export function trainCommand(): Command {
  const command = new Command('train')
    .argument(
      '[data...]',
      'TSV, CSV, JSONL or Parquet with a text column (or two) and a label column; CoNLL for ' +
        "tags; SQuAD's JSON, or rows with question, context and answers; rows with choices; of " +
        'several files, each has its own columns',
    )
    .addOption(
      new Option('--task <task>', 'what the labels are (default: classification)').choices(
        taskNames,
      ),
    );
  addOptions(command, startOptions())
    .addOption(casedOption())
    .option(
      '--replace-head',
      'draw a new classifier if the one of the model is for other labels (default: refuse)',
    )
    .option(
      '--freeze <layers>',
      'freeze the embeddings and this many of the lowest layers; all: train only the head',
      layers,
    );
  addOptions(command, loraOptions())
    .option('--valid <file>', 'file to validate with, instead of a part of the data')
    .option(
      '--valid-split <share>',
      'share set aside for validation',
      validShare,
      fineTuneDefaults.validSplit,
    )
    .option(
      '--max-length <tokens>',
      `longest text; longer ones are cut (default: ${fineTuneDefaults.maxLength}; for questions ` +
        `${maxLengthOf('question-answering')}, for choices ${maxLengthOf('multiple-choice')})`,
      positiveInteger,
    )
    .addOption(strideOption())
    .option(
      '--folds <k>',
      'cross-validation: train k times, each with another part to validate with; the mean of the ' +
        'metrics and its deviation are in folds.json',
      positiveInteger,
    )
    .option('--balance', 'repeat the examples of rarer classes, up to the most frequent class')
    .addOption(batchSizeOption('texts', fineTuneDefaults.batchSize))
    .option('--epochs <n>', 'times through the data', positiveInteger, fineTuneDefaults.epochs)
    .option(
      '--max-steps <n>',
      'stop after this many steps, however many epochs these are',
      positiveInteger,
    );
  addRunOptions(command);
  addOptions(command, [...dataOptions(), ...optionsFileOptions(true)]);
  return command.action(async (given: string[], options) => {
    const files = await expandFiles(given);
    const steps = { evalEvery: stepsOf(options.evalEvery), saveEvery: stepsOf(options.saveEvery) };
    await run(command, files.length > 1 ? files : files[0], { ...options, ...steps });
  });
}

const lossOption = (): Option =>
  new Option(
    '--loss <loss>',
    'how pairs teach similarity; cosent: by the order of their scores, cosine: by the scores, ' +
      'multiple-negatives: by their being pairs (default: cosent)',
  ).choices(similarityLosses);

/** Options of the training itself. */
function addRunOptions(command: Command): void {
  addOptions(command, hyperparameterOptions(fineTuneDefaults))
    .option('--eval-every <steps>', 'steps between evaluations (default: epoch)', stepsOrEpoch)
    .addOption(
      new Option(
        '--metric <name>',
        "validation metric to watch, one of the task's (default: its first)",
      ).choices(metrics),
    )
    .option(
      '--patience <n>',
      'evaluations without a better validation metric before stopping',
      positiveInteger,
      fineTuneDefaults.patience,
    )
    .option(
      '--label-smoothing <share>',
      'share of each label that all classes divide evenly',
      validShare,
    )
    .option(
      '--class-weights <weights>',
      'weight of each class in the loss, separated by commas; balanced: rare ones count more',
      classWeights,
    )
    .option(
      '--focal-loss <gamma>',
      'focal loss: texts that are easy count less, the more so the larger gamma',
      nonNegativeNumber,
    )
    .addOption(lossOption())
    .option(
      '--layer-decay <factor>',
      'factor of the learning rate from a layer to the one below it',
      factor,
    )
    .option('--group-by-length', 'batches of texts of similar length: less padding')
    .option(
      '--seed <n>',
      'seed of weights, order, split and dropout',
      nonNegativeInteger,
      fineTuneDefaults.seed,
    )
    .option(
      '--out <dir>',
      'folder for the best model, report.html, history.json and history.svg',
      path,
      'out/model',
    )
    .addOption(overwriteOption())
    .option('--save-every <steps>', 'steps between checkpoints (default: epoch)', stepsOrEpoch);
  addOptions(command, checkpointOptions(fineTuneDefaults.keep))
    .addOption(tensorboardOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(quietOption())
    .addOption(jsonOption());
}

async function run(
  command: Command,
  data: string | string[] | undefined,
  options: ReturnType<Command['opts']>,
) {
  const { device: asked, precision, json, quiet, resume, maxTime, ...rest } = options;
  const { runFineTuning } = await import('../training.ts');
  if ((resume === undefined || resume === 'auto') && data === undefined)
    throw new UsageError(
      'expected a file to train on, or --resume DIR to continue a run, got neither',
    );
  noteCased(options);
  const silent = Boolean(json || quiet);
  if (options.folds !== undefined || (resume && (await isCrossValidation(resume)))) {
    await runFolds(command, data, options);
    return;
  }
  const folder = await resumedFolder(resume, options.out);
  let device!: Device;
  const { history, interrupted, isForPairs, isForFiles, out } = await runFineTuning(
    folder === undefined ? { ...rest, out: options.out, data: data! } : { resume: folder },
    { json: Boolean(json), silent, maxTime },
    async (begun) => {
      const files = data && begun ? { given: data, begun: begun.data } : undefined;
      if (begun) checkSameOptions(command, { ...begun }, folder!, files);
      device = await openAsBegun(begun, asked, silent, precision);
    },
  );
  const best = history.bestEpoch;
  if (json)
    console.log(
      JSON.stringify({
        event: 'end',
        out,
        device: device.kind,
        adapter: device.description,
        interrupted,
        steps: history.steps.length,
        // Without validation data the last epoch is kept, which need not be the best.
        best: best?.validLoss === undefined ? null : best,
      }),
    );
  else if (interrupted) console.error(`to continue: ${wigbertCommand('train', '--resume', out)}`);
  else showResult(history, out, { isForPairs, isForFiles });
  if (interrupted) process.exitCode = interruptExitCode();
  else profileRun(out);
}

function showResult(
  history: History,
  out: string,
  { isForPairs, isForFiles }: { isForPairs: boolean; isForFiles: boolean },
): void {
  const best = history.bestEpoch;
  const metric = history.monitor;
  const value = best?.[metricKey('valid', metric)];
  if (value !== undefined)
    console.log(
      `best: epoch ${best!.epoch}, ` +
        `validation ${metricNames[metric]} ${formatMetric(metric, value)}`,
    );
  console.log(`saved in ${out} (report.html shows how it went); to use it:`);
  const use = ['predict', '--model', out];
  if (isForFiles) console.log(`  ${wigbertCommand(...use, '--input', 'questions.jsonl')}`);
  else if (isForPairs) {
    const hint = '# two texts a line, separated by a tab';
    console.log(`  ${wigbertCommand(...use, '--pairs')} < pairs.txt  ${hint}`);
  } else console.log(`  ${wigbertCommand(...use, 'some text')}`);
}
