import { Command, Option } from 'commander';
import { trainerDefaults } from '../../text/vocabulary/options.ts';
import { addOptions, columnOptions, jsonOption, path, positiveInteger } from '../options.ts';

export function vocabCommand(): Command {
  const { vocabSize, minFrequency, limitAlphabet, score } = trainerDefaults;
  const command = new Command('vocab')
    .argument(
      '<files...>',
      'TSV, CSV or JSONL with a text column (or two), or plain text with one text per line',
    )
    .option('--size, --vocab-size <n>', 'entries', positiveInteger, vocabSize)
    .option(
      '--out <path>',
      'vocab.txt to write, or a folder for it and the settings of the tokenizer',
      path,
      'out/vocab.txt',
    )
    .option('--cased', 'keep case and accents')
    .option(
      '--min-frequency <n>',
      'how often a pair must occur to be merged',
      positiveInteger,
      minFrequency,
    )
    .option(
      '--limit-alphabet <n>',
      'how many different characters to keep',
      positiveInteger,
      limitAlphabet,
    )
    .addOption(
      new Option(
        '--score <score>',
        'merge the most frequent pair, or the one that raises the likelihood most',
      )
        .choices(['count', 'likelihood'])
        .default(score),
    );
  return addOptions(command, columnOptions())
    .addOption(jsonOption())
    .action(async (files: string[], options) => {
      const { learnVocabulary } = await import('../vocabulary.ts');
      await learnVocabulary(files, options);
    });
}
