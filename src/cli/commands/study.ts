import { Command, InvalidArgumentError } from 'commander';
import { writeFiles } from '../../platform/atomicWrite.ts';
import { readStudyData } from '../../study/data.ts';
import { methods, pretrainingTitles } from '../../study/methods.ts';
import { studyReport } from '../../study/report.ts';
import type { StudyResults } from '../../study/results.ts';
import { runStudy, type StudySettings, studySteps } from '../../study/study.ts';
import { formatDifference, formatSpread, summarise } from '../../study/summary.ts';
import {
  columnOptions,
  deviceOption,
  interruptible,
  jsonOption,
  openCliDevice,
  path,
  positiveInteger,
  positiveNumber,
  quietOption,
  reportProblems,
} from '../options.ts';
import { createProgress } from '../progress.ts';
import { percent, table } from '../table.ts';

const REPORT = 'report.html';

export function studyCommand(): Command {
  const command = new Command('study')
    .description(
      'compare random weights with word vectors and causal, two-way and masked pre-training, as features and fine-tuned, on equal budgets; run again, it goes on where it was stopped',
    )
    .requiredOption(
      '--data <path>',
      'labelled TSV, CSV or JSONL, or a folder of one file with "train" and one with "test" in its name (as NSMC)',
    )
    .option(
      '--test <file>',
      "file to test with (default: the folder's, else rows of --data that are set aside)",
    )
    .option('--test-rows <n>', 'rows to test with at most', positiveInteger, 1000)
    .option(
      '--sizes <list>',
      'numbers of labelled rows, separated by commas; the rest gives texts alone',
      sizeList,
      [200, 1000],
    )
    .option(
      '--seeds <n>',
      'how often all is done, with other rows, weights and order',
      positiveInteger,
      2,
    )
    .option('--pretrain-steps <n>', 'steps of each pre-training', positiveInteger, 300)
    .option('--pretrain-learning-rate <rate>', 'its highest learning rate', positiveNumber, 1e-3)
    .option(
      '--vocab-size <n>',
      'entries of the vocabulary, learnt from the texts',
      positiveInteger,
      4000,
    )
    .option('--cased', 'keep case and accents (Korean wants it)')
    .option('--layers <n>', 'layers of the encoders', positiveInteger, 2)
    .option(
      '--hidden-size <n>',
      'their width; a head of attention for each 64',
      positiveInteger,
      128,
    )
    .option('--max-length <tokens>', 'longest text; longer ones are cut', positiveInteger, 48)
    .option('--batch-size <n>', 'texts a step', positiveInteger, 32)
    .option('--epochs <n>', 'times through the labelled rows', positiveInteger, 6)
    .option(
      '--learning-rate <rate>',
      'highest learning rate of fine-tuning; ten times as much for a head on features',
      positiveNumber,
      5e-4,
    )
    .option(
      '--out <dir>',
      'where results.json, report.html and the pre-trained models go',
      path,
      'out/study',
    )
    .addOption(deviceOption())
    .addOption(quietOption())
    .addOption(jsonOption());
  const [textColumnOption, pairColumnOption] = columnOptions();
  command
    .addOption(textColumnOption)
    .addOption(pairColumnOption)
    .option('--label-column <name>', 'column of the label');
  return command.action(async ({ device: kind, json, quiet, out, ...rest }) => {
    const silent = Boolean(json || quiet);
    const data = await readStudyData(rest, reportProblems);
    const settings: StudySettings = { ...rest, device: (await openCliDevice(kind, silent)).kind };
    const results = await runWithProgress(data, settings, out, silent);
    await writeFiles(out, { [REPORT]: await studyReport(results) });
    const finished =
      results.cells.length === methods.length * settings.seeds * settings.sizes.length;
    if (json)
      console.log(
        JSON.stringify({ out, finished, ...summarise(results), pretraining: results.pretraining }),
      );
    else show(results, out, finished);
    if (!finished) process.exitCode = 130;
  });
}

function sizeList(text: string): number[] {
  const sizes = text.split(',').map((size) => (size.trim() === '' ? Number.NaN : Number(size)));
  if (
    !sizes.every((size) => Number.isInteger(size) && size >= 1) ||
    new Set(sizes).size < sizes.length
  )
    throw new InvalidArgumentError(
      'Different whole numbers of at least 1, separated by commas, were expected.',
    );
  return sizes.sort((a, b) => a - b);
}

/** Runs a study and shows how it goes. */
async function runWithProgress(
  data: Parameters<typeof runStudy>[0],
  settings: StudySettings,
  out: string,
  silent: boolean,
): Promise<StudyResults> {
  const progress = createProgress({ totalSteps: studySteps(settings), unit: 'texts', silent });
  const { signal, release } = interruptible(() =>
    progress.log('stopping after this step; press Ctrl-C again to leave at once'),
  );
  let step = 0;
  try {
    return await runStudy(data, settings, out, {
      signal,
      onSkipped: (steps) => {
        step += steps;
      },
      onStep: (status) => progress.update({ ...status, step: ++step }),
      onPretrained: ({ name, seed, loss }) =>
        progress.log(
          `seed ${seed}, ${pretrainingTitles[name]}: pre-trained, loss ${loss.toFixed(3)}`,
        ),
      onCell: ({ method, seed, size, accuracy }) =>
        progress.log(
          `seed ${seed}, ${methods.find(({ id }) => id === method)!.title}, ${size} rows: accuracy ${percent(accuracy)}`,
        ),
    });
  } finally {
    progress.stop();
    release();
  }
}

/** Prints what was found. */
function show(results: StudyResults, out: string, finished: boolean): void {
  const { sizes, methods, claims } = summarise(results);
  const columns = sizes.map((size) => ({ title: `${size} rows`, right: true }) as const);
  console.log(
    table(
      ['test accuracy, %', ...columns],
      methods.map(({ title, accuracy }) => [title, ...accuracy.map(formatSpread)]),
    ),
  );
  console.log('');
  console.log(
    table(
      ['difference (and in how many seeds it is above 0)', ...columns],
      claims.map(({ claim, difference }) => [claim, ...difference.map(formatDifference)]),
    ),
  );
  console.log(`\n${out}/${REPORT} shows it; ${out}/results.json has it for machines`);
  if (!finished) console.log('it was stopped: the same command goes on with it');
}
