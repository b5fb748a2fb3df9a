import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { UsageError } from '../../platform/errors.ts';
import { TextClassificationPipeline } from '../../train/classifier.ts';
import { modelFolder } from '../download.ts';
import { count, deviceOption, jsonOption, openFor } from '../options.ts';

export function predictCommand(): Command {
  return new Command('predict')
    .description('label texts given as arguments, or line by line on standard input')
    .argument('[text...]', 'texts to label')
    .requiredOption('--model <dir>', 'folder of the classifier, or its name on the Hugging Face hub')
    .option('--pairs', 'each text is a pair, parted by a tab')
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', count)
    .option('--batch-size <n>', 'texts at a time', count, 32)
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (given: string[], options) => {
      const texts = given.length > 0 ? given : await readLines();
      const inputs = texts.map((text, i) => (options.pairs ? asPair(text, i) : text));
      await openFor(options.device, true);
      const classifier = await TextClassificationPipeline.fromPretrained(await modelFolder(options.model, options.json));
      const { batchSize, maxLength } = options;
      const predictions = await classifier.predict(inputs, { batchSize, maxLength });
      predictions.forEach(({ label, score, scores }, i) => {
        console.log(
          options.json ? JSON.stringify({ text: texts[i], label, score, scores }) : `${label}\t${score.toFixed(4)}\t${texts[i]}`,
        );
      });
    });
}

async function readLines(): Promise<string[]> {
  if (process.stdin.isTTY) throw new UsageError('nothing to label: give texts as arguments, or lines on standard input');
  const lines = (await readAll(process.stdin)).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new UsageError('nothing to label: standard input is empty');
  return lines;
}

function asPair(text: string, i: number): [string, string] {
  const parts = text.split('\t');
  if (parts.length !== 2) throw new UsageError(`text ${i + 1} is no pair: two texts parted by one tab were expected`);
  return [parts[0], parts[1]];
}
