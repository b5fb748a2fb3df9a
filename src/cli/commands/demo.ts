import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { BertForSequenceClassification } from '../../bert/sequenceClassification.ts';
import type { BertTokenizer } from '../../bert/tokenizer/index.ts';
import { encodeExamples } from '../../train/batch.ts';
import { readData } from '../../train/data.ts';
import { evaluate } from '../../train/evaluate.ts';
import { fitDefaults } from '../../train/fit.ts';
import { accuracy } from '../../train/metrics.ts';
import type { TaskModel } from '../../train/taskModel.ts';
import { count, deviceOption, openFor } from '../options.ts';
import { percent } from '../table.ts';
import { runTraining } from '../training.ts';

/** From dist/src/cli/commands to the package's data. */
const data = (name: string) => fileURLToPath(new URL(`../../../../data/${name}`, import.meta.url));

const MAX_LENGTH = 40;
const OUT = 'out/demo';

export function demoCommand(): Command {
  return new Command('demo')
    .description('train a small classifier on the reviews that come with the package')
    .option('--epochs <n>', 'times through the data', count, 5)
    .addOption(deviceOption())
    .action(async (options) => {
      const device = await openFor(options.device, false);
      const started = performance.now();
      const { model, tokenizer, labels, interrupted } = await runTraining({
        ...fitDefaults,
        train: data('reviews.tsv'),
        vocab: data('vocab.txt'),
        maxLength: MAX_LENGTH,
        validSplit: 0.1,
        learningRate: 5e-4,
        patience: options.epochs,
        epochs: options.epochs,
        out: OUT,
        data: {},
        silent: false,
      });
      if (interrupted) {
        process.exitCode = 130;
        return;
      }
      const test = (tested: TaskModel) => measure(data('reviews-test.tsv'), tested, tokenizer, labels);
      const { accuracy: trained, chance, examples } = await test(model);
      // Drawn again, not measured before: so the first step comes sooner.
      const { accuracy: untrained } = await test(BertForSequenceClassification.fromConfig(model.config, fitDefaults.seed).eval());
      const points = (from: number) => `${((trained - from) * 100).toFixed(1)} points above`;
      console.log(`\ntrained in ${Math.round((performance.now() - started) / 1000)} s on ${device.kind} (${device.description})`);
      console.log(
        `test accuracy ${percent(trained)} on ${examples} unseen reviews: ${points(chance)} chance (${percent(chance)}), ${points(untrained)} its untrained self (${percent(untrained)})`,
      );
      console.log(`saved in ${OUT}, a Hugging Face folder; ${OUT}/history.svg shows loss and accuracy. Try it:`);
      console.log(`  npx wigbert predict --model ${OUT} 'I loved every minute of it' 'What a waste of time'`);
    });
}

/** Accuracy on a file, and that of always saying its most frequent label. */
async function measure(path: string, model: TaskModel, tokenizer: BertTokenizer, labels: string[]) {
  const { examples } = await readData(path, { labels });
  const encoded = encodeExamples(examples, tokenizer, MAX_LENGTH, model.config.maxPositionEmbeddings);
  const { predictions } = await evaluate(model, encoded, 64);
  const truth = encoded.map(({ label }) => label as number);
  const counts = labels.map((_, id) => truth.filter((label) => label === id).length);
  return {
    accuracy: accuracy(predictions as number[], truth),
    chance: Math.max(...counts) / truth.length,
    examples: truth.length,
  };
}
