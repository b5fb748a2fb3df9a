import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFixture, rows, vocab, wigbertHere } from '../support/cli.ts';

const { dir, file, data, fresh } = cliFixture();
const texts = file('texts.txt', `${rows.map((row) => row.split('\t')[0]).join('\n')}\n`);
const historyOf = (out: string) => JSON.parse(readFileSync(join(out, 'history.json'), 'utf8'));

describe('train', () => {
  it('takes the options of the training, and resumes with them alone', async () => {
    const out = join(dir, 'options');
    const given = ['--lr-scheduler-type', 'cosine', '--warmup-steps', '2', '--batch-size', '4'];
    given.push('--gradient-checkpointing', '--on-nan', 'skip', '--detect-anomaly');
    given.push('--gradient-accumulation-steps', '2', '--label-smoothing', '0.1');
    given.push('--class-weights', '1,2.5', '--layer-decay', '0.9', '--eval-every', '3');
    given.push('--metric', 'loss', '--epochs', '2', '--valid-split', '0.2');
    const { status, stderr } = await wigbertHere(['train', data, ...fresh, '--out', out, ...given]);
    expect(stderr).toContain('step 3 (epoch 1): ');
    expect(status).toBe(0);
    const { steps, epochs } = historyOf(out);
    // 32 texts, 8 a step.
    expect(steps.length).toBe(8);
    expect(epochs.map(({ step }: { step: number }) => step)).toEqual([3, 6, 8]);
    const rate = (i: number) => steps[i].learningRate / 5e-5;
    expect([0, 1, 2].map(rate)).toEqual([0, 0.5, 1]);
    expect(rate(5)).toBeCloseTo(0.5 * (1 + Math.cos(Math.PI * 0.5)), 9);
    const again = await wigbertHere(['train', '--resume', out, '--class-weights', 'balanced']);
    expect(again.stderr).toContain('--class-weights: expected [1,2.5], with which');
    // A run that has ended is not in the way of another.
    expect(
      (await wigbertHere(['train', data, ...fresh, '--out', out, '--epochs', '1'])).stderr,
    ).not.toContain('continue it');
  });

  it.each([
    [['--warmup-steps', '2', '--warmup-ratio', '0.1'], 'cannot be used with'],
    [['--lr-scheduler', 'cosin'], 'Allowed choices are linear, cosine, constant, polynomial'],
    [['--class-weights', '1,x'], 'Expected a number above 0'],
    [['--class-weights', '1,2,3'], "--class-weights: expected 'balanced' or a number above 0"],
    [['--metric', 'f1'], '--metric: expected one of those that classification has, accuracy'],
    [['--focal-loss', '2', '--label-smoothing', '0.1'], '--focal-loss and --label-smoothing'],
    [['--focal-loss', '-1'], 'Expected a number of at least 0'],
    [['--on-nan', 'go'], 'Allowed choices are stop, skip'],
    [['--batch-size', 'most'], 'Expected a whole number of at least 1'],
    [['--max-time', '2 days'], 'Expected a time such as 90, 30m or 2h'],
    [['--gradient-accumulation-steps', '0'], 'Expected a whole number of at least 1'],
  ])('refuses %j', async (args, message) => {
    const { status, stderr } = await wigbertHere([
      ...['train', data, ...fresh, '--out', join(dir, 'refused'), ...args],
    ]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});

describe('--max-time', () => {
  it.each([
    ['train', [data, '--valid-split', '0'], '1s'],
    ['train', [data, '--patience', '5000'], '0.02m'],
    ['pretrain', [texts, '--valid-split', '0'], '1'],
  ])('%s %j stops after %s, saves, and says how to go on', async (command, args, time) => {
    const out = join(dir, `${command}-${time}`);
    const model = command === 'train' ? fresh : ['--vocab', vocab, '--device', 'cpu'];
    const endless = ['--epochs', '5000', '--max-time', time, '--out', out];
    const { status, stderr } = await wigbertHere([command, ...args, ...model, ...endless]);
    expect(stderr).toMatch(/stopped after step \d+ \(--max-time\): the model as it stands is in/);
    expect(stderr).toContain(`to continue: npx wigbert ${command} --resume ${out}`);
    expect(status).toBe(0);
  });
});
