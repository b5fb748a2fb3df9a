import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFixture, wigbert } from '../support/cli.ts';

const { dir, file, data, config, fresh } = cliFixture();
const print = (...args: string[]) => wigbert([...args, '--print-config']);

/** Each command with options of every kind. */
const commands = {
  train: [
    data,
    ...fresh,
    '--learning-rate',
    '5e-4',
    '--warmup-steps',
    '3',
    '--freeze',
    'all',
  ].concat([
    '--class-weights',
    '1,2.5',
    '--max-time',
    '30m',
    '--save-every',
    '7',
    '--group-by-length',
  ]),
  pretrain: [data, file('b.txt', 'b'), '--vocab', 'v.txt', '--whole-word-mask', '--steps', '9'],
  evaluate: [data, '--model', 'm', '--label-columns', 'a,b', '--label-separator', '|'],
  predict: ['one text', '- another', '--model', 'm', '--top-k', 'all', '--threshold', '0.25'],
  embed: ['--model', 'm', '--out', 'o.jsonl', '--layers', '-4,-1', '--input', 'x y.tsv'],
  study: ['--data', data, '--sizes', '20,40', '--cased', '--pretrainings', 'mlm,cbow'],
};

describe('a file of options', () => {
  it.each(Object.entries(commands))('of %s is what --print-config prints', (command, args) => {
    const words = command === 'predict' ? [...args.slice(2), '--', ...args.slice(0, 2)] : args;
    const first = wigbert([command, '--print-config', ...words]);
    expect(first.status, first.stderr).toBe(0);
    const path = file(`${command}.json`, first.stdout);
    const again = print(command, '--config', path);
    expect(again.stderr).toBe('');
    expect(again.stdout).toBe(first.stdout);
  });

  it('is the first argument, under --set, under flags', () => {
    const own = { data, model: 'm', 'learning-rate': 0.25, seed: 1, epochs: 5, cased: true };
    const run = file('run.json', JSON.stringify(own));
    const set = ['--set', 'seed=2', '--set', 'epochs=6', '--set', 'cased=false'];
    const printed = JSON.parse(print('train', run, ...set, '--epochs', '7').stdout);
    expect(printed).toMatchObject({ data, model: 'm', 'learning-rate': 0.25, seed: 2, epochs: 7 });
    expect(printed).not.toHaveProperty('cased');
    expect(JSON.parse(print('train', run, 'other.tsv').stdout).data).toBe('other.tsv');
    // Models have a config of that name, and data may be JSON.
    const other = JSON.parse(print('train', data, '--vocab', 'v', '--config', config).stdout);
    expect(other.config).toBe(config);
    const rows = file('rows.json', JSON.stringify({ data: [{ text: 'a', label: 'b' }] }));
    expect(JSON.parse(print('train', rows).stdout).data).toBe(rows);
  });

  it('trains, and is resumed with what it holds', () => {
    const out = join(dir, 'out');
    const own = { data, vocab: fresh[1], config, device: 'cpu', out, 'max-steps': 2, quiet: true };
    const run = file('train-run.json', JSON.stringify(own));
    const { status, stderr } = wigbert(['train', run]);
    expect(status, stderr).toBe(0);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
    expect(JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).steps.length).toBe(2);
    expect(wigbert(['train', run, '--set', 'resume=auto', '--set', 'seed=9']).stderr).toMatch(
      /--seed: expected 42, with which .* was begun, got 9/,
    );
  });

  it.each([
    [
      '{"data": "d.tsv", "learning_rate": 1}',
      /"learning_rate" is no option of train \(did you mean "learning-rate"\?\)/,
    ],
    ['{"data": "d.tsv", "learningRat": 1}', /did you mean "learning-rate"/],
    ['{"data": "d.tsv", "colour": 1}', /"colour" is no option of train: data, task, /],
    ['{"data": "d.tsv", "epochs": 0}', /--epochs <n>.* Expected a whole number of at least 1/],
    ['{"data": "d.tsv", "quiet": "yes"}', /--quiet: expected true or false, got "yes"/],
    ['{"data": "d.tsv", "epochs": {}}', /--epochs: expected a number or a text, got {}/],
  ])('%s is refused', (text, message) => {
    const { status, stderr } = wigbert(['train', file('bad.json', text)]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it.each([
    [['evaluate', data, '--config', 'missing.json'], /--config: cannot read missing.json/],
    [['evaluate', data, '--config', data], /--config: cannot read .*data.tsv/],
    [['train', data, '--set', 'epochs'], /--set: expected name=value, got "epochs"/],
    [['train', data, '--set', 'epoch=1'], /did you mean "epochs"/],
  ])('%s is refused', (args, message) => {
    const { status, stderr } = wigbert(args);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
