import { Command } from 'commander';
import { expect, it } from 'vitest';
import { withUsualNames } from '../../src/cli/aliases.ts';
import { wigbertHere } from '../support/cli.ts';

const program = new Command('wigbert').option('--debug');
program
  .command('train')
  .argument('[data]')
  .option('--learning-rate <rate>')
  .option('--epochs <n>')
  .option('--out <dir>')
  .option('--max-length <n>')
  .option('--batch-size <n>')
  .option('--model <dir>');
program
  .command('predict')
  .argument('[texts...]')
  .option('--model <dir>')
  .option('--top-k <n>')
  .option('--batch-size <n>');

it.each([
  ['train --lr 1', 'train --learning-rate 1'],
  ['train --learning_rate=1 x', 'train --learning-rate=1 x'],
  ['train --num-epochs 1 --num_train_epochs 2', 'train --epochs 1 --epochs 2'],
  ['--debug train --output_dir x', '--debug train --out x'],
  ['train --per_device_train_batch_size 8', 'train --batch-size 8'],
  // Not the batch size of training: it is refused, as what the command does not have.
  ['train --per_device_eval_batch_size 64', 'train --per_device_eval_batch_size 64'],
  ['predict --eval_batch_size=64', 'predict --batch-size=64'],
  ['train --max_seq_length 8 --model_name_or_path=a', 'train --max-length 8 --model=a'],
  ['train --train_file a.csv', 'train a.csv'],
  ['train --train-file=a.csv', 'train a.csv'],
  ['predict --top_k 2 -- --lr', 'predict --top-k 2 -- --lr'],
  ['predict --lr 1', 'predict --lr 1'],
  ['train --bogus 1', 'train --bogus 1'],
  ['--help', '--help'],
])('%s', (given, expected) => {
  expect(withUsualNames(given.split(' '), program).join(' ')).toBe(expected);
});

it('suggests what was meant of other names, and says our name in errors', async () => {
  expect((await wigbertHere(['train', 'x.tsv', '--learning-rat', '1'])).stderr).toMatch(
    /mean --learning-rate/,
  );
  expect((await wigbertHere(['train', 'x.tsv', '--num-epochs', 'x'])).stderr).toMatch(
    /'--epochs <n>'/,
  );
});
