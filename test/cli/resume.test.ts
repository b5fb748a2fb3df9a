import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { shellQuote } from '../../src/cli/shell.ts';
import { checkpointsOf, inCheckpoint } from '../support/checkpoints.ts';
import { cli, cliFixture, rows, wigbertHere } from '../support/cli.ts';

const { dir, file, data, fresh } = cliFixture();

/** Trains until it says `words`, then presses Ctrl-C. */
async function interruptAt(words: string, path: string, ...args: string[]): Promise<string> {
  const endless = ['--epochs', '5000', '--valid-split', '0'];
  const child = spawn(process.execPath, [cli, 'train', path, ...fresh, ...endless, ...args]);
  let output = '';
  const listen = (chunk: Buffer) => {
    const before = output.includes(words);
    output += chunk;
    if (!before && output.includes(words)) child.kill('SIGINT');
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(130);
  return output;
}

/** Whether there is a `script` that runs a command in a terminal. */
const hasTerminal = /util-linux/.test(
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '',
);

/** Trains in a terminal that is gone once it says `words`. */
async function closedAt(words: string, out: string, ...args: string[]): Promise<void> {
  const line = [process.execPath, cli, 'train', ...args, '--out', out].map(shellQuote).join(' ');
  const terminal = spawn('script', ['-qfc', `exec ${line}`, '/dev/null'], {
    env: { ...process.env, SHELL: '/bin/sh' },
  });
  let output = '';
  terminal.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
    if (output.includes(words)) terminal.kill('SIGKILL');
  });
  await new Promise((resolve) => terminal.on('exit', resolve));
  expect(output).toContain(words);
  const isDone = () => expect(existsSync(join(out, '.wigbert.lock'))).toBe(false);
  await vi.waitFor(isDone, { timeout: 60_000 });
}

const predicts = async (model: string) =>
  (await wigbertHere(['predict', '--model', model, '--device', 'cpu', 'a film'])).status === 0;
const long = file('long.tsv', `text\tlabel\n${`${rows.join('\n')}\n`.repeat(10)}`);

describe('train, interrupted', () => {
  const stopped = join(dir, 'stopped');
  let output = '';
  beforeAll(async () => {
    output = await interruptAt('epoch 3:', data, '--out', stopped, '--profile');
  });

  it('saves its state and its model, and shows the profile', async () => {
    expect(output).toContain('interrupted after step');
    expect(output).toContain(`to continue: npx wigbert train --resume ${stopped}`);
    expect(output).toMatch(/launches took [\d.]+ s of the [\d.]+ s/);
    const { steps } = JSON.parse(readFileSync(join(stopped, 'history.json'), 'utf8'));
    expect(steps.length).toBeGreaterThan(3);
    for (const model of [stopped, inCheckpoint(stopped, '')])
      expect(await predicts(model), model).toBe(true);
    expect(existsSync(join(stopped, 'interrupted'))).toBe(false);
  });

  it('is not overwritten by another run, which names the flag that continues it', async () => {
    const { status, stderr } = await wigbertHere(['train', data, ...fresh, '--out', stopped]);
    expect(stderr).toMatch(/holds a run that stands at step \d+: continue it with --resume \S+,/);
    expect(stderr).toContain('or choose another --out');
    expect(status).toBe(2);
  });

  it('resumes with its own options only', async () => {
    const { status, stderr } = await wigbertHere([
      'train',
      '--resume',
      stopped,
      '--batch-size',
      '5',
    ]);
    expect(stderr).toMatch(/--batch-size: expected 32, with which .* was begun, got 5/);
    expect(status).toBe(2);
  });

  it('saves a model in OUT if there is none yet', async () => {
    const out = join(dir, 'first-epoch');
    await interruptAt('"step":2,', long, '--out', out, '--batch-size', '1', '--json');
    for (const model of [out, inCheckpoint(out, '')])
      expect(await predicts(model), model).toBe(true);
  });

  it.skipIf(!hasTerminal)('saves its state when its terminal is closed', async () => {
    const out = join(dir, 'closed');
    const args = [...fresh, '--valid-split', '0', '--batch-size', '1', '--json'];
    await closedAt('"step":2,', out, long, ...args);
    expect(checkpointsOf(out)[0]).toMatch(/checkpoint-[1-9]\d*$/);
  });

  it('leaves the model of an earlier run alone', async () => {
    const out = join(dir, 'kept');
    const names = ['model.safetensors', 'history.json', 'history.svg'];
    const first = await wigbertHere(['train', data, ...fresh, '--out', out, '--epochs', '1']);
    expect(first.status).toBe(0);
    const contents = () => names.map((name) => readFileSync(join(out, name), 'latin1'));
    const before = contents();
    const args = ['--out', out, '--overwrite', '--batch-size', '1', '--json'];
    await interruptAt('"step":2,', long, ...args);
    expect(contents()).toEqual(before);
    expect(names.every((name) => existsSync(inCheckpoint(out, name)))).toBe(true);
  });

  it('--resume ends as if it had not been interrupted', async () => {
    const [whole, parts] = ['whole', 'parts'].map((name) => join(dir, name));
    // Enough steps that the signal comes long before the last.
    const args = ['--epochs', '8', '--batch-size', '1', '--json'];
    const run = await wigbertHere(['train', data, ...fresh, ...args, '--out', whole]);
    expect(run.status).toBe(0);
    const valid = ['--valid-split', '0.2'];
    await interruptAt('"step":40,', data, '--out', parts, ...args, ...valid);
    const resumed = await wigbertHere(['train', '--resume', parts, '--json']);
    expect(resumed.status).toBe(0);
    expect(JSON.parse(resumed.stdout.split('\n')[0]).step).toBeGreaterThan(40);
    for (const name of ['model.safetensors', 'history.json'])
      expect(Buffer.compare(...both(name)), name).toBe(0);
    function both(name: string): [Buffer, Buffer] {
      return [readFileSync(join(whole, name)), readFileSync(join(parts, name))];
    }
  });
});
