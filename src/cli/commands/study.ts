import { Command, InvalidArgumentError } from 'commander';
import { studyDefaults } from '../../study/defaults.ts';
import { openCliDevice } from '../openDevice.ts';
import {
  addOptions,
  columnOptions,
  deviceOption,
  jsonOption,
  labelColumnOption,
  path,
  positiveInteger,
  positiveNumber,
  quietOption,
} from '../options.ts';

export function studyCommand(): Command {
  const defaults = studyDefaults;
  const command = new Command('study')
    .description(
      'compare random weights, word vectors and causal, two-way and masked pre-training, as ' +
        'features and fine-tuned, on equal budgets; the same command continues a stopped study',
    )
    .requiredOption(
      '--data <path>',
      'labelled TSV, CSV or JSONL, or a folder with one file named "train" and one named "test"',
    )
    .option(
      '--test <file>',
      "file to test with (default: the folder's, else rows of --data that are set aside)",
    )
    .option('--test-rows <n>', 'most rows to test with', positiveInteger, defaults.testRows)
    .option(
      '--sizes <list>',
      'numbers of labelled rows, separated by commas; the other rows are texts without labels',
      sizeList,
      defaults.sizes,
    )
    .option(
      '--seeds <n>',
      'number of repetitions, each with its own seed',
      positiveInteger,
      defaults.seeds,
    )
    .option(
      '--pretrain-steps <n>',
      'steps of each pre-training',
      positiveInteger,
      defaults.pretrainSteps,
    )
    .option(
      '--pretrain-learning-rate <rate>',
      'highest learning rate of pre-training',
      positiveNumber,
      defaults.pretrainLearningRate,
    )
    .option(
      '--vocab-size <n>',
      'entries of the vocabulary, which is learnt from the texts',
      positiveInteger,
      defaults.vocabSize,
    )
    .option('--cased', 'keep case and accents (needed for Korean)')
    .option('--layers <n>', 'layers of the encoders', positiveInteger, defaults.layers)
    .option(
      '--hidden-size <n>',
      'width of the encoders; one attention head per 64',
      positiveInteger,
      defaults.hiddenSize,
    )
    .option(
      '--max-length <tokens>',
      'longest text; longer ones are cut',
      positiveInteger,
      defaults.maxLength,
    )
    .option('--batch-size <n>', 'texts per step', positiveInteger, defaults.batchSize)
    .option('--epochs <n>', 'times through the labelled rows', positiveInteger, defaults.epochs)
    .option(
      '--learning-rate <rate>',
      'highest learning rate of fine-tuning; ten times as high for a head on features',
      positiveNumber,
      defaults.learningRate,
    )
    .option(
      '--out <dir>',
      'folder for results.json, report.html and the pre-trained models',
      path,
      'out/study',
    )
    .addOption(deviceOption())
    .addOption(quietOption())
    .addOption(jsonOption());
  return addOptions(command, [...columnOptions(), labelColumnOption()]).action(
    async ({ device, json, quiet, ...options }) => {
      const { runStudyCommand } = await import('../studying.ts');
      const silent = Boolean(json || quiet);
      await openCliDevice(device, silent);
      const finished = await runStudyCommand(options, { json: Boolean(json), silent });
      if (!finished) process.exitCode = 130;
    },
  );
}

function sizeList(text: string): number[] {
  const sizes = text.split(',').map((size) => (size.trim() === '' ? Number.NaN : Number(size)));
  const areCounts = sizes.every((size) => Number.isInteger(size) && size >= 1);
  if (!areCounts || new Set(sizes).size < sizes.length)
    throw new InvalidArgumentError(
      'Expected different whole numbers of at least 1, separated by commas.',
    );
  return sizes;
}
