import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { embedCommand } from '../../src/cli/commands/embed.ts';
import { evaluateCommand } from '../../src/cli/commands/evaluate.ts';
import { predictCommand } from '../../src/cli/commands/predict.ts';
import { pretrainCommand } from '../../src/cli/commands/pretrain.ts';
import { studyCommand } from '../../src/cli/commands/study.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';
import { printConfig, withOptionsFile } from '../../src/cli/optionsFile.ts';
import { cliFixture, wigbertHere } from '../support/cli.ts';

const { dir, file, data, config, fresh } = cliFixture();

/** What `--print-config` prints for a command line. */
async function print(...words: string[]): Promise<string> {
  const program = new Command('wigbert').exitOverride().configureOutput({ writeErr: () => {} });
  for (const make of [trainCommand, pretrainCommand, evaluateCommand, predictCommand])
    program.addCommand(make().copyInheritedSettings(program));
  for (const make of [embedCommand, studyCommand]) program.addCommand(make());
  program.hook('preAction', (_, command) => printConfig(command));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const run = program.parseAsync(withOptionsFile(words, program), { from: 'user' });
    await run.catch((error) => {
      if (error.exitCode !== 0) throw error;
    });
    return log.mock.calls.map(([line]) => `${line}\n`).join('');
  } finally {
    log.mockRestore();
  }
}
const printed = async (...words: string[]) => JSON.parse(await print(...words));

/** Each command with options of every kind. */
const commands = {
  train: [
    ...[data, 'b.tsv', ...fresh, '--folds', '3', '--stride', '0', '--batch-size', 'auto'],
    ...['--on-nan', 'skip', '--lora', '4', '--lora-target', 'query,key'],
    ...['--learning-rate', '5e-4', '--warmup-steps', '3', '--freeze', 'all'],
    ...['--class-weights', '1,2.5', '--max-time', '30m', '--save-every', '7', '--tensorboard'],
  ],
  pretrain: [
    ...[data, 'b.txt', '--vocab', 'v.txt', '--whole-word-mask', '--steps', '9'],
    '--tensorboard=events',
  ],
  evaluate: [
    data,
    '--model',
    'm',
    '--worst',
    '3',
    '--calibrated',
    '--label-columns',
    'a,b',
    '--label-separator',
    '|',
  ],
  predict: ['--model', 'm', '--top-k', 'all', '--threshold', '0.25', '--', 'text', '- other'],
  embed: ['--model', 'm', '--out', 'o.jsonl', '--layers', '-4,-1', '--input', 'x y.tsv'],
  study: ['--data', data, '--sizes', '20,40', '--cased', '--pretrainings', 'mlm,cbow'],
};

describe('a file of options', () => {
  it.each(Object.entries(commands))('of %s is what --print-config prints', async (name, args) => {
    const first = await print(name, ...args);
    const path = file(`${name}.json`, first);
    expect(await print(name, '--config', path)).toBe(first);
    expect(Object.keys(JSON.parse(first)).length).toBeGreaterThan(4);
  });

  it('is the first argument, under --set, under flags', async () => {
    const own = { data, model: 'm', 'learning-rate': 0.25, seed: 1, epochs: 5, cased: true };
    const run = file('run.json', JSON.stringify(own));
    const set = ['--set', 'seed=2', '--set', 'epochs=6', '--set', 'cased=false'];
    const options = await printed('train', run, ...set, '--epochs', '7');
    expect(options).toMatchObject({ data, model: 'm', 'learning-rate': 0.25, seed: 2, epochs: 7 });
    expect(options).not.toHaveProperty('cased');
    expect((await printed('train', run, 'other.tsv')).data).toBe('other.tsv');
    expect((await printed('train', run, '--set', 'seed=null')).seed).toBe(42);
    expect((await printed('train', run, '--tensorboard', 'd', '--set', 'seed=3')).data).toBe(data);
    // Models have a config of that name, and data may be JSON.
    expect((await printed('train', data, '--vocab', 'v', '--config', config)).config).toBe(config);
    const rows = file('rows.json', JSON.stringify({ data: [{ text: 'a', label: 'b' }] }));
    expect((await printed('train', rows)).data).toBe(rows);
  });

  it('gives way to flags that its options exclude', async () => {
    const ratio = file('ratio.json', await print('train', data, '--warmup-ratio', '0.25'));
    const steps = file('steps.json', await print('train', data, '--warmup-steps', '3'));
    const warmup = async (...args: string[]) => {
      const options = await printed('train', ...args);
      return [options['warmup-ratio'], options['warmup-steps']];
    };
    expect(await warmup(ratio, '--warmup-steps', '4')).toEqual([undefined, 4]);
    expect(await warmup(steps, '--warmup-ratio=0.5')).toEqual([0.5, undefined]);
    expect(await warmup(ratio, '--set', 'warmup-steps=4')).toEqual([undefined, 4]);
    expect(await warmup('--config', ratio, '--config', steps)).toEqual([undefined, 3]);
    expect(await warmup(ratio, '--set', 'warmup-steps=null')).toEqual([0.25, undefined]);
  });

  it('has an epoch in the place of steps', async () => {
    const args = ['--eval-every', 'epoch', '--save-every', 'epoch'];
    const every = { 'eval-every': 'epoch', 'save-every': 'epoch' };
    expect(await printed('train', data, ...args)).toMatchObject(every);
    const [out, epoch] = [join(dir, 'epoch'), ['--epochs', '1', '--device', 'cpu', '--quiet']];
    const begin = ['train', data, ...fresh, ...epoch, ...args, '--out', out];
    expect(await wigbertHere(begin)).toMatchObject({ status: 0, stderr: '' });
    const again = ['train', data, '--resume', out, ...args, '--quiet'];
    expect(await wigbertHere(again)).toMatchObject({ status: 0, stderr: '' });
  });

  it('trains, and is resumed with what it holds', async () => {
    const out = join(dir, 'out');
    const own = { data, vocab: fresh[1], config, device: 'cpu', out, 'max-steps': 2, quiet: true };
    const run = file('train-run.json', JSON.stringify(own));
    const { status, stderr } = await wigbertHere(['train', run]);
    expect(status, stderr).toBe(0);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
    expect(JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).steps.length).toBe(2);
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain(`npx wigbert train ${run}\n`);
    const again = await wigbertHere(['train', run, '--set', 'resume=auto', '--set', 'seed=9']);
    expect(again.stderr).toMatch(/--seed: expected 42, with which .* was begun, got 9/);
    const less = ['train', data, '--resume', 'auto', '--out', out, '--quiet'];
    expect(await wigbertHere(less)).toMatchObject({ status: 0, stderr: '' });
    const unknown = file('bad.json', '{"data": "d.tsv", "learning_rate": 1}');
    expect(await wigbertHere(['train', unknown])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /"learning_rate" is no option of train \(did you mean "learning-rate"\?\)/,
      ),
    });
  });

  it.each([
    ['{"data": "d.tsv", "learningRat": 1}', /did you mean "learning-rate"/],
    ['{"data": "d.tsv", "colour": 1}', /"colour" is no option of train: data, task, /],
    ['{"data": "d.tsv", "epochs": 0}', /--epochs <n>.* Expected a whole number of at least 1/],
    ['{"data": "d.tsv", "quiet": "yes"}', /--quiet: expected true or false, got "yes"/],
    ['{"data": "d.tsv", "epochs": {}}', /--epochs: expected a number or a text, got {}/],
  ])('%s is refused', async (text, message) => {
    await expect(print('train', file('bad.json', text))).rejects.toThrow(message);
  });

  it.each([
    [['evaluate', data, '--config', 'missing.json'], /--config: cannot read missing.json/],
    [['evaluate', data, '--config', data], /--config: cannot read .*data.tsv/],
    [['train', data, '--set', 'epochs'], /--set: expected name=value, got "epochs"/],
    [['train', data, '--set', 'epoch=1'], /did you mean "epochs"/],
  ])('%s is refused', async (args, message) => {
    await expect(print(...args)).rejects.toThrow(message);
  });
});
