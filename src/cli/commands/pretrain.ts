import { Command, Option } from 'commander';
import { readPretraining } from '../../train/pretraining/checkpoint.ts';
import { objectives } from '../../train/pretraining/objective.ts';
import { pretrainRecipeDefaults as pretrainDefaults } from '../../train/recipes/pretrain.ts';
import {
  addOptions,
  casedOption,
  columnOptions,
  deviceOption,
  hyperparameterOptions,
  jsonOption,
  nonNegativeInteger,
  openShare,
  path,
  positiveInteger,
  quietOption,
  startOptions,
  validShare,
} from '../options.ts';
import { evaluationLine, runPretraining } from '../pretraining.ts';
import { checkSameOptions, noteCased, openAsBegun } from '../resume.ts';

const OUT = 'out/pretrained';

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
      pretrainDefaults.validSplit,
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
    const { device: asked, json, quiet, out, resume, ...rest } = options;
    const begun = resume === undefined ? undefined : (await readPretraining(resume)).settings;
    if (begun) {
      const list = files.length > 0 ? { given: files, begun: begun.files } : undefined;
      checkSameOptions(command, begun, resume, list);
    }
    noteCased(options);
    const silent = Boolean(json || quiet);
    const device = await openAsBegun(begun, asked, silent);
    const {
      history,
      interrupted,
      out: folder,
    } = await runPretraining(begun ? { resume } : { ...rest, files, out }, {
      json: Boolean(json),
      silent,
    });
    const last = history.evaluations.at(-1);
    if (json)
      console.log(
        JSON.stringify({
          event: 'end',
          out: folder,
          device: device.kind,
          adapter: device.description,
          interrupted,
          steps: history.steps.length,
          last: last ?? null,
        }),
      );
    else if (!interrupted) {
      if (last) console.log(evaluationLine(last));
      console.log(`saved in ${folder} (history.svg shows how it went); to fine-tune it:`);
      console.log(`  npx wigbert train data.tsv --model ${folder}`);
    }
    if (interrupted) process.exitCode = 130;
  });
}
