import { Command, Option } from 'commander';
import { tasks } from '../../train/tasks/index.ts';
import { formatMetric, metricKey, metricNames } from '../../train/tasks/metric.ts';
import { fitDefaults } from '../../train/trainer/fit.ts';
import {
  addOptions,
  casedOption,
  dataOptions,
  dataOptionsOf,
  deviceOption,
  hyperparameterOptions,
  jsonOption,
  nonNegativeInteger,
  openCliDevice,
  path,
  positiveInteger,
  precisionOption,
  quietOption,
  requireModelOrVocab,
  startOptions,
  validShare,
} from '../options.ts';
import { runTraining } from '../training.ts';

/** The study's longest text, in tokens, and its share for validation. */
const MAX_LENGTH = 39;
const VALID_SPLIT = 0.2;

/** A number of layers, or all. */
const layers = (text: string): number | 'all' => (text === 'all' ? text : nonNegativeInteger(text));

export function trainCommand(): Command {
  const command = new Command('train')
    .description('fine-tune a model on labelled texts, pairs of texts or words')
    .argument(
      '<file>',
      'TSV, CSV or JSONL with a text column (or two) and a label column; CoNLL for tags',
    )
    .addOption(
      new Option('--task <task>', 'what the labels are (default: classification)').choices(
        Object.keys(tasks),
      ),
    );
  addOptions(command, startOptions())
    .addOption(casedOption())
    .option(
      '--freeze <layers>',
      'train neither the embeddings nor this many of the lowest layers; all: the head alone',
      layers,
    )
    .option('--valid <file>', 'file to validate with, instead of a part of the first')
    .option('--valid-split <share>', 'share set aside for validation', validShare, VALID_SPLIT)
    .option(
      '--max-length <tokens>',
      'longest text; longer ones are cut',
      positiveInteger,
      MAX_LENGTH,
    )
    .option('--batch-size <n>', 'texts a step', positiveInteger, fitDefaults.batchSize)
    .option('--epochs <n>', 'times through the data', positiveInteger, fitDefaults.epochs);
  addOptions(command, hyperparameterOptions(fitDefaults))
    .option(
      '--patience <epochs>',
      'epochs without a better validation metric before stopping',
      positiveInteger,
      fitDefaults.patience,
    )
    .option('--group-by-length', 'batches of texts of like lengths: less padding')
    .option(
      '--seed <n>',
      'of weights, order, split and dropout',
      nonNegativeInteger,
      fitDefaults.seed,
    )
    .option(
      '--out <dir>',
      'where the best model, history.json and history.svg go',
      path,
      'out/model',
    )
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(quietOption())
    .addOption(jsonOption());
  addOptions(command, dataOptions());
  return command.action(async (train: string, options) => {
    requireModelOrVocab(options);
    const { device: kind, precision, json, quiet, ...rest } = options;
    const silent = Boolean(json || quiet);
    const device = await openCliDevice(kind, silent, precision);
    const emit = (event: Record<string, unknown>) => json && console.log(JSON.stringify(event));
    const { history, interrupted, ofPairs } = await runTraining({
      ...rest,
      train,
      data: dataOptionsOf(options),
      silent,
      onEvent: json && emit,
    });
    const best = history.bestEpoch;
    emit({
      event: 'end',
      out: options.out,
      device: device.kind,
      adapter: device.description,
      interrupted,
      steps: history.steps.length,
      best: best ?? null,
    });
    if (!json && !interrupted) {
      const metric = history.monitor;
      const value = best?.[metricKey('valid', metric)];
      if (value !== undefined)
        console.log(
          `best: epoch ${best!.epoch}, validation ${metricNames[metric]} ${formatMetric(metric, value)}`,
        );
      console.log(`saved in ${options.out} (history.svg shows how it went); to use it:`);
      const use = `npx wigbert predict --model ${options.out}`;
      console.log(
        ofPairs
          ? `  ${use} --pairs < pairs.txt  # two texts a line, a tab between them`
          : `  ${use} 'some text'`,
      );
    }
    if (interrupted) process.exitCode = 130;
  });
}
