import { Command, InvalidArgumentError } from 'commander';
import { studyDefaults } from '../../study/defaults.ts';
import type { Pretraining } from '../../study/methods.ts';
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
import { optionsFileOptions } from '../optionsFile.ts';
import { interruptExitCode } from '../signals.ts';

export function studyCommand(): Command {
  const command = new Command('study')
    .requiredOption(
      '--data <path>',
      'labelled TSV, CSV or JSONL, or a folder with one file named "train" and one named "test"',
    )
    .option(
      '--test <file>',
      "file to test with (default: the folder's, else rows of --data that are set aside)",
    )
    .option(
      '--pretrainings <list>',
      'what to compare, separated by commas: cbow, skip-gram (word vectors), causal, joined, ' +
        'bilstm (two LSTMs, as ELMo), mlm',
      (text: string) => text.split(',').map((name) => name.trim()) as Pretraining[],
      studyDefaults.pretrainings,
    )
    .option('--test-rows <n>', 'most rows to test with', positiveInteger, studyDefaults.testRows)
    .option(
      '--sizes <list>',
      'numbers of labelled rows, separated by commas, or "all"; the others give texts alone',
      sizeList,
      studyDefaults.sizes,
    )
    .option(
      '--seeds <n>',
      'number of repetitions, each with its own seed',
      positiveInteger,
      studyDefaults.seeds,
    );
  addBudgetOptions(command)
    .option(
      '--out <dir>',
      'folder for results.json, report.html, accuracy.svg and the pre-trained models',
      path,
      'out/study',
    )
    .addOption(deviceOption())
    .addOption(quietOption())
    .addOption(jsonOption());
  return addOptions(command, [
    ...columnOptions(),
    labelColumnOption(),
    ...optionsFileOptions(),
  ]).action(async ({ device, json, quiet, ...options }) => {
    const { runStudyCommand } = await import('../studying.ts');
    const silent = Boolean(json || quiet);
    await openCliDevice(device, silent);
    const finished = await runStudyCommand(options, { json: Boolean(json), silent });
    if (!finished) process.exitCode = interruptExitCode();
  });
}

/** Options that are the same for all ways of training. */
function addBudgetOptions(command: Command): Command {
  return command
    .option(
      '--pretrain-steps <n>',
      'steps of each pre-training',
      positiveInteger,
      studyDefaults.pretrainSteps,
    )
    .option(
      '--pretrain-learning-rate <rate>',
      'highest learning rate of pre-training',
      positiveNumber,
      studyDefaults.pretrainLearningRate,
    )
    .option(
      '--vocab-size <n>',
      'entries of the vocabulary, which is learnt from the texts',
      positiveInteger,
      studyDefaults.vocabSize,
    )
    .option('--cased', 'keep case and accents (needed for Korean)')
    .option('--layers <n>', 'layers of the encoders', positiveInteger, studyDefaults.layers)
    .option(
      '--hidden-size <n>',
      'width of the encoders; one attention head per 64',
      positiveInteger,
      studyDefaults.hiddenSize,
    )
    .option(
      '--max-length <tokens>',
      'longest text; longer ones are cut',
      positiveInteger,
      studyDefaults.maxLength,
    )
    .option('--batch-size <n>', 'texts per step', positiveInteger, studyDefaults.batchSize)
    .option(
      '--epochs <n>',
      'times through the labelled rows',
      positiveInteger,
      studyDefaults.epochs,
    )
    .option('--max-steps <n>', 'most steps of each fine-tuning', positiveInteger)
    .option(
      '--learning-rate <rate>',
      'highest learning rate of fine-tuning; ten times as high for a head on features',
      positiveNumber,
      studyDefaults.learningRate,
    );
}

function sizeList(text: string): (number | 'all')[] {
  const names = text.split(',').map((name) => name.trim());
  if (!names.every((name) => name === 'all' || /^\d+$/.test(name)))
    throw new InvalidArgumentError('Expected whole numbers or "all", separated by commas.');
  return names.map((name) => (name === 'all' ? name : Number(name)));
}
