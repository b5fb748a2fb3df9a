import { Command } from 'commander';
import { predictDefaults } from '../../train/defaults.ts';
import type { PredictResult } from '../../train/recipes/predict.ts';
import { openCliDevice } from '../openDevice.ts';
import { closedShare, deviceOption, jsonOption, modelOption, positiveInteger } from '../options.ts';
import { readLines, splitPair } from '../texts.ts';

export function predictCommand(): Command {
  return new Command('predict')
    .description('label or score texts, or tag their words')
    .argument('[texts...]', 'texts (default: the lines of standard input)')
    .addOption(modelOption().makeOptionMandatory())
    .option('--pairs', 'each text is a pair, separated by a tab')
    .option(
      '--threshold <probability>',
      'for models that give several labels: give those above this (default: ' +
        `${predictDefaults.threshold})`,
      closedShare,
    )
    .option('--max-length <tokens>', 'longest text (default: all the model takes)', positiveInteger)
    .option('--batch-size <n>', 'texts per batch', positiveInteger, predictDefaults.batchSize)
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (given: string[], options) => {
      const { model, pairs, json, threshold, maxLength, batchSize } = options;
      const { predict } = await import('../../train/recipes/predict.ts');
      const { reportInput } = await import('../inputReports.ts');
      const lines = given.length > 0 ? given : await readLines();
      const texts = lines.map((text, i) => (pairs ? splitPair(text, i) : text));
      await openCliDevice(options.device, json);
      const result = await predict(
        { model, texts, threshold, maxLength, batchSize },
        { onEvent: (event) => reportInput(event, json) },
      );
      if (json)
        for (const [i, prediction] of result.predictions.entries())
          console.log(JSON.stringify({ text: lines[i], ...prediction }));
      else for (const line of linesOf(result, lines)) console.log(line);
    });
}

/** What is printed for people; of words, the lines of a file that `train` reads. */
function linesOf(result: PredictResult, texts: readonly string[]): string[] {
  switch (result.task) {
    case 'classification':
      return result.predictions.map(
        ({ label, score }, i) => `${label}\t${score.toFixed(4)}\t${texts[i]}`,
      );
    case 'regression':
      return result.predictions.map(({ score }, i) => `${score.toFixed(4)}\t${texts[i]}`);
    case 'multi-label':
      return result.predictions.map(({ labels, scores }, i) => {
        const chosen = labels.map((label) => `${label} ${scores[label].toFixed(4)}`);
        return `${chosen.join(', ') || '–'}\t${texts[i]}`;
      });
    case 'token-classification':
      return result.predictions.flatMap(({ words }) => [
        ...words.map(({ word, entity, score }) => `${word}\t${score.toFixed(4)}\t${entity}`),
        '',
      ]);
  }
}
