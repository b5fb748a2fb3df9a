import { Command } from 'commander';
import { predictDefaults } from '../../train/defaults.ts';
import { baseOption } from '../loraOptions.ts';
import {
  addOptions,
  calibratedOption,
  closedShare,
  columnOptions,
  deviceOption,
  finiteNumber,
  jsonOption,
  modelOption,
  path,
  positiveInteger,
  precisionOption,
  quietOption,
  strideOption,
  thresholdOption,
} from '../options.ts';
import { optionsFileOptions } from '../optionsFile.ts';
import { checkTextOptions } from '../textOptions.ts';

export function predictCommand(): Command {
  const command = new Command('predict')
    .argument('[texts...]', 'texts (default: the lines of standard input)')
    .addOption(modelOption().makeOptionMandatory())
    .addOption(baseOption())
    .option(
      '--input <files...>',
      'instead of texts, a TSV, CSV, JSON, JSONL or Parquet file with a text column (or two), ' +
        'tagged words as CoNLL, or .txt with a text a line; -: standard input. The same table is ' +
        'written, with columns for what is predicted; several files of the same columns become ' +
        'one table; broken rows are reported and left out',
      paths,
    )
    .option(
      '--out <file>',
      'file for the table of --input, in UTF-8 and in the format of its ending (default: ' +
        'standard output, in the format of the input; JSONL for Parquet); .json of questions: ' +
        'answers by id, as SQuAD',
      path,
    )
    .option('--pairs', 'each text is a pair, separated by a tab')
    .option(
      '--top-k <n>',
      'give the n most probable labels, or best answers; all: every label',
      labelCount,
    )
    .addOption(thresholdOption())
    .addOption(calibratedOption())
    .option(
      '--abstain-below <probability>',
      'no label for texts whose most probable one is less probable than this',
      closedShare,
    )
    .option(
      '--max-length <tokens>',
      'longest text; longer ones are cut (default: all the model takes)',
      positiveInteger,
    )
    .addOption(strideOption())
    .option(
      '--max-answer-length <tokens>',
      'for questions: longest answer (default: 30)',
      positiveInteger,
    )
    .option(
      '--null-score-diff-threshold <logits>',
      'for questions that may have no answer: give none if it scores higher than the best answer ' +
        'by more than this (default: always answer)',
      finiteNumber,
    )
    .option('--batch-size <n>', 'texts per batch', positiveInteger, predictDefaults.batchSize);
  return addOptions(command, [...columnOptions(), ...optionsFileOptions()])
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(quietOption())
    .addOption(jsonOption())
    .action(async (texts: string[], options) => {
      checkTextOptions(texts, options, ['out']);
      const { predictOnFile, predictTexts } = await import('../predicting.ts');
      if (options.input === undefined) await predictTexts(texts, options);
      else await predictOnFile(options);
    });
}

/** One more path than before. */
const paths = (text: string, before: string[] = []): string[] => [...before, path(text)];

/** A number of labels, or all. */
const labelCount = (text: string): number | 'all' =>
  text === 'all' ? text : positiveInteger(text);
