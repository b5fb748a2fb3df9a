import { Command } from 'commander';
import { BertForTokenClassification } from '../../bert/heads/tokenClassification.ts';
import { UsageError } from '../../platform/errors.ts';
import { areEntityTags } from '../../train/metrics/entities.ts';
import {
  type Prediction,
  type PredictOptions,
  TextClassificationPipeline,
} from '../../train/pipelines/textClassification.ts';
import {
  groupEntities,
  TokenClassificationPipeline,
} from '../../train/pipelines/tokenClassification.ts';
import type { TaskName } from '../../train/tasks/task.ts';
import { labelsOf, loadTaskModel, taskOf } from '../../train/tasks/taskModel.ts';
import { modelFolder } from '../download.ts';
import {
  closedShare,
  deviceOption,
  jsonOption,
  openCliDevice,
  positiveInteger,
} from '../options.ts';
import { readLines, splitPair } from '../texts.ts';

export function predictCommand(): Command {
  return new Command('predict')
    .description(
      'label or score texts given as arguments, or line by line on standard input, or tag their words',
    )
    .argument('[text...]', 'texts to label')
    .requiredOption('--model <dir>', 'folder of the model, or its name on the Hugging Face hub')
    .option('--pairs', 'each text is a pair, parted by a tab')
    .option(
      '--threshold <probability>',
      'where there may be several labels, those above it are given (default: 0.5)',
      closedShare,
    )
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', positiveInteger)
    .option('--batch-size <n>', 'texts at a time', positiveInteger, 32)
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (given: string[], options) => {
      const texts = given.length > 0 ? given : await readLines();
      const inputs = texts.map((text, i) => (options.pairs ? splitPair(text, i) : text));
      await openCliDevice(options.device, options.json);
      const { model, tokenizer } = await loadTaskModel(
        await modelFolder(options.model, options.json),
      );
      const task = taskOf(model).name;
      if (options.threshold !== undefined && task !== 'multi-label')
        throw new UsageError(
          `--threshold is for models that give several labels; ${options.model} is for ${task}`,
        );
      const { json, batchSize, maxLength, threshold = 0.5 } = options;
      if (model instanceof BertForTokenClassification) {
        if (options.pairs)
          throw new UsageError(`--pairs is for models of texts; ${options.model} tags words`);
        await tag(
          new TokenClassificationPipeline(model, tokenizer),
          texts,
          { batchSize, maxLength },
          json,
        );
        return;
      }
      const predictions = await new TextClassificationPipeline(model, tokenizer).predict(inputs, {
        batchSize,
        maxLength,
      });
      const show = json ? asObject : asLine;
      for (const [i, prediction] of predictions.entries())
        console.log(show(task, prediction, texts[i], threshold));
    });
}

/** Labels above the threshold, the likeliest first. */
const labelsAbove = (threshold: number, scores: Record<string, number>): [string, number][] =>
  Object.entries(scores)
    .filter(([, score]) => score > threshold)
    .sort(([, a], [, b]) => b - a);

function asObject(
  task: TaskName,
  { label, score, scores }: Prediction,
  text: string,
  threshold: number,
): string {
  if (task === 'regression') return JSON.stringify({ text, score });
  if (task === 'multi-label')
    return JSON.stringify({
      text,
      labels: labelsAbove(threshold, scores).map(([name]) => name),
      scores,
    });
  return JSON.stringify({ text, label, score, scores });
}

function asLine(
  task: TaskName,
  { label, score, scores }: Prediction,
  text: string,
  threshold: number,
): string {
  if (task === 'regression') return `${score.toFixed(4)}\t${text}`;
  if (task !== 'multi-label') return `${label}\t${score.toFixed(4)}\t${text}`;
  const chosen = labelsAbove(threshold, scores).map(
    ([name, probability]) => `${name} ${probability.toFixed(4)}`,
  );
  return `${chosen.join(', ') || '–'}\t${text}`;
}

/** A tagged word a line, a blank line after each text: what `train` reads, but for the probability. */
async function tag(
  tagger: TokenClassificationPipeline,
  texts: string[],
  options: PredictOptions,
  json: boolean,
): Promise<void> {
  const hasEntities = areEntityTags(labelsOf(tagger.model));
  const rows = await tagger.predict(texts, options);
  rows.forEach((words, i) => {
    if (json) {
      console.log(
        JSON.stringify({
          text: texts[i],
          words,
          ...(hasEntities && { entities: groupEntities(texts[i], words) }),
        }),
      );
      return;
    }
    for (const { word, entity, score } of words)
      console.log(`${word}\t${score.toFixed(4)}\t${entity}`);
    console.log();
  });
}
