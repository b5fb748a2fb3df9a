import { Command, Option } from 'commander';
import { fineTuneDefaults, maxLengthOf, taskNames } from '../../train/defaults.ts';
import { expandFiles } from '../files.ts';
import {
  addOptions,
  casedOption,
  dataOptions,
  dataOptionsOf,
  jsonOption,
  path,
  positiveInteger,
} from '../options.ts';
import { noteCased } from '../resume.ts';

const RULE = `
Exit code 1 if something would spoil a training:
  - more than 1 % of the rows of a file are broken or without a label, have an empty text or
    decomposed Hangul, or texts with two labels; or no row can be used
  - more than 1 % of the texts of the smaller of two files are in the other one too
  - more than 20 % of the pieces are [UNK]
  - all rows have one label; or a file has labels that the first one lacks
Exit code 0 if there are only notes, and 2 for a file that cannot be read.`;

export function checkCommand(): Command {
  const command = new Command('check')
    .argument(
      '<files...>',
      'TSV, CSV, JSON, JSONL, Parquet or CoNLL: the file to train on first, then those to ' +
        'validate and test with',
    )
    .option('--valid <file>', 'file to validate with, as one more of the files', path)
    .option('--model <dir>', 'model to train: its tokenizer counts tokens (else characters)')
    .option('--vocab <file>', 'instead, the vocab.txt of a fresh model')
    .addOption(casedOption())
    .option(
      '--max-length <tokens>',
      `longest text; those that are longer count as cut (default: ${fineTuneDefaults.maxLength}; ` +
        `for choices ${maxLengthOf('multiple-choice')})`,
      positiveInteger,
    )
    .addOption(
      new Option('--task <task>', 'what the labels are (default: by the columns)').choices(
        taskNames,
      ),
    )
    .addOption(jsonOption())
    .addHelpText('after', RULE);
  addOptions(command, dataOptions());
  return command.action(run);
}

async function run(given: string[], options: ReturnType<Command['opts']>): Promise<void> {
  const { checkData } = await import('../../train/recipes/checkData.ts');
  const { showDataCheck } = await import('../dataCheck.ts');
  const { showDownload } = await import('../download.ts');
  const { model, vocab, cased, maxLength, task, valid, json } = options;
  noteCased(options);
  const files = await expandFiles(valid === undefined ? given : [...given, valid]);
  const result = await checkData(
    { files, model, vocab, cased, maxLength, task, ...dataOptionsOf(options) },
    { onEvent: (event) => json || showDownload(event) },
  );
  if (json) console.log(JSON.stringify(result));
  else showDataCheck(result);
  if (result.problems.length > 0) process.exitCode = 1;
}
