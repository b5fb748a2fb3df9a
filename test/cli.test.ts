import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

// `npm test` builds first; the command line is tested as it is shipped.
const cli = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const vocab = fileURLToPath(new URL('../data/vocab.txt', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wigbert-cli-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
function wigbert(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const texts = Array.from({ length: 40 }, (_, i) =>
  i % 2 ? `a wonderful film, number ${i}\tgood` : `a terrible film, number ${i}\tbad`,
);
const data = file('data.tsv', `text\tlabel\n${texts.join('\n')}\n`);
const config = file(
  'config.json',
  JSON.stringify({
    model_type: 'bert',
    vocab_size: 1000,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    initializer_range: 0.2,
    max_position_embeddings: 64,
  }),
);
const fresh = ['--vocab', vocab, '--config', config, '--device', 'cpu'];
const model = join(dir, 'model');

describe('train, evaluate, predict', () => {
  it('trains, saves the best model with its history and picture, and says how to use it', () => {
    const run = wigbert([
      'train',
      data,
      ...fresh,
      '--out',
      model,
      '--epochs',
      '8',
      '--learning-rate',
      '0.01',
      '--batch-size',
      '8',
    ]);
    expect(run.stderr).toContain('32 examples to train on, 8 to validate with, 2 labels (bad, good)');
    expect(run.stdout).toContain(`npx wigbert predict --model ${model}`);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(/step \d+\/32 · loss [\d.]+ · [\d.]+ reviews\/s · [\d.]+ tokens\/s · \S+ left/);
    const history = JSON.parse(readFileSync(join(model, 'history.json'), 'utf8'));
    expect(history.steps.length).toBe(4 * history.epochs.length);
    expect(readFileSync(join(model, 'history.svg'), 'utf8')).toMatch(/^<svg/);
  });

  it('evaluates on both devices alike', () => {
    const run = (device: string) =>
      JSON.parse(wigbert(['evaluate', data, '--model', model, '--device', device, '--json']).stdout);
    const cpu = run('cpu');
    expect(cpu).toMatchObject({ examples: 40, skipped: 0, labels: ['bad', 'good'] });
    expect(cpu.accuracy).toBeGreaterThan(0.9);
    const best = run('auto');
    expect(best.accuracy).toBe(cpu.accuracy);
    expect(best.loss).toBeCloseTo(cpu.loss, 4);
  });

  it('predicts arguments and standard input alike', () => {
    const given = ['a wonderful film', 'a terrible film'];
    const fromArguments = wigbert(['predict', '--model', model, '--device', 'cpu', ...given]);
    const fromInput = wigbert(['predict', '--model', model, '--device', 'cpu'], `${given.join('\n')}\n`);
    expect(fromInput.stdout).toBe(fromArguments.stdout);
    expect(fromArguments.stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(['good', 'bad', '']);
    const [line] = wigbert(['predict', '--model', model, '--device', 'cpu', '--json', given[0]]).stdout.split('\n');
    const { label, score, scores } = JSON.parse(line);
    expect(scores[label]).toBe(score);
    expect(scores.good + scores.bad).toBeCloseTo(1, 5);
  });

  it('goes on from a folder, with new labels', () => {
    const other = file(
      'other.jsonl',
      texts.map((row, i) => JSON.stringify({ text: row.split('\t')[0], label: ['x', 'y', 'z'][i % 3] })).join('\n'),
    );
    const out = join(dir, 'other');
    const run = wigbert(['train', other, '--model', model, '--device', 'cpu', '--out', out, '--epochs', '1', '--json']);
    expect(run.status).toBe(0);
    const events = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['step', 'epoch', 'end']);
    expect(events[0]).toMatchObject({ step: 1, epoch: 1, tokensPerSecond: expect.any(Number) });
    expect(events[0]).not.toHaveProperty('utilisation');
    expect(run.stderr).toMatch(/lacks classifier.weight, classifier.bias: drawn anew/);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).id2label).toEqual({ 0: 'x', 1: 'y', 2: 'z' });
  });

  it('Ctrl-C saves, stops and shows the profile', async () => {
    const out = join(dir, 'stopped');
    const endless = ['--out', out, '--epochs', '5000', '--valid-split', '0', '--profile'];
    const child = spawn(process.execPath, [cli, 'train', data, ...fresh, ...endless]);
    let output = '';
    child.stderr.on('data', (chunk) => {
      const before = output.includes('epoch 3:');
      output += chunk;
      if (!before && output.includes('epoch 3:')) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(130);
    expect(output).toContain('interrupted after step');
    expect(output).toMatch(/launches took [\d.]+ s of the [\d.]+ s/);
    expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
    expect(JSON.parse(readFileSync(join(out, 'history.json'), 'utf8')).steps.length).toBeGreaterThan(3);
    expect(wigbert(['predict', '--model', join(out, 'interrupted'), '--device', 'cpu', 'a film']).status).toBe(0);
  });
});

describe('wrong use is one line, with its exit code', () => {
  const oneLabel = file('one.tsv', 'text\tlabel\na\tx\nb\tx\n');
  const others = file('others.tsv', 'text\tlabel\nfine\tmaybe\n');
  const noRows = file('empty.tsv', 'text\tlabel\n');
  const noColumn = file('columns.tsv', 'a\tb\n1\t2\n');
  const badConfig = file('bad.json', '{"model_type": "bert", "hidden_size": -1}');
  it.each<[string, string[], number, RegExp]>([
    ['an unknown option', ['train', data, '--bogus'], 2, /unknown option '--bogus'/],
    ['an unknown command', ['trian'], 2, /unknown command 'trian'[\s\S]*Did you mean train/],
    ['a value out of range', ['train', data, ...fresh, '--epochs', '0'], 2, /'--epochs <n>'.*whole number of at least 1/],
    ['a missing file', ['train', 'nowhere.tsv', ...fresh], 2, /cannot read nowhere.tsv: no such file/],
    ['a missing model', ['predict', '--model', join(dir, 'nothing'), 'x'], 2, /nothing/],
    ['no model at all', ['train', data], 2, /--model DIR, or --vocab FILE/],
    ['a file without rows', ['train', noRows, ...fresh], 2, /has no rows/],
    ['a wrong column', ['train', data, ...fresh, '--text-column', 'body'], 2, /has no column "body".*columns are text, label/],
    ['no column that fits', ['train', noColumn, ...fresh], 2, /has no text column.*columns are a, b/],
    ['one label only', ['train', oneLabel, ...fresh], 2, /one label only \(x\)/],
    [
      'labels that differ between files',
      ['train', data, ...fresh, '--valid', others],
      2,
      /line 2: label "maybe" is not one of "bad", "good"/,
    ],
    [
      'labels the model does not know',
      ['evaluate', others, '--model', model, '--device', 'cpu'],
      2,
      /label "maybe" is not one of/,
    ],
    ['a broken config', ['train', data, '--vocab', vocab, '--config', badConfig, '--device', 'cpu'], 2, /hidden_size/],
    [
      'texts longer than the model',
      ['train', data, ...fresh, '--max-length', '65'],
      2,
      /max length of 65 is more than the model's 64 positions/,
    ],
    [
      'a loss that explodes',
      ['train', data, ...fresh, '--out', join(dir, 'nan'), '--learning-rate', '1e30', '--quiet'],
      1,
      /lower the learning rate/,
    ],
  ])('%s', (_, args, code, message) => {
    const run = wigbert(args);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at /m);
    expect(run.status).toBe(code);
  });

  it('counts broken rows and names their lines', () => {
    const broken = file('broken.tsv', `text\tlabel\nonly one field\n${texts.join('\n')}\ntoo\tmany\tfields\n`);
    const run = wigbert(['train', broken, ...fresh, '--epochs', '1', '--out', join(dir, 'b')]);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(/2 broken rows were skipped/);
    expect(run.stderr).toMatch(/line 2:/);
    expect(run.stderr).toMatch(/line 43:/);
  });

  it('--debug shows the stack', () => {
    expect(wigbert(['--debug', 'train', 'nowhere.tsv', ...fresh]).stderr).toMatch(/^\s+at /m);
  });
});

it('tokenizes as JSON', () => {
  const { tokens, inputIds, tokenTypeIds } = JSON.parse(
    wigbert(['tokenize', 'a film', 'a story', '--vocab', vocab, '--json']).stdout,
  );
  expect(tokens[0]).toBe('[CLS]');
  expect(inputIds.length).toBe(tokens.length);
  expect(tokenTypeIds.at(-1)).toBe(1);
});

describe('speed is shown', () => {
  it('tells of the device and its peaks', () => {
    const info = JSON.parse(wigbert(['info', '--json']).stdout);
    expect(info.device).toMatch(/^(webgpu|cpu)$/);
    for (const peak of [info.peaks.flops, info.peaks.bytesPerSecond]) {
      expect(Number.isFinite(peak)).toBe(true);
      expect(peak).toBeGreaterThan(0);
    }
  });

  it('benchmarks against the peaks and the reference', () => {
    const { stdout } = wigbert(['bench', 'gatherBackward']);
    expect(stdout).toMatch(/^peaks: [\d.,]+ GFLOP\/s by multiply-adds, [\d.,]+ GB\/s by a copy/);
    expect(stdout).toMatch(/^kernel +ms +GFLOP\/s +GB\/s +% of peak +cpu ms +cpu : here$/m);
    expect(stdout).toMatch(/^gatherBackward .* +\d+ {2}copy /m);
    expect(stdout).not.toContain('training step');
    expect(wigbert(['bench', 'nothing', '--steps', 'tiny,huge']).stderr).toMatch(/tiny, mini, base \(parted by commas\) or none/);
    expect(wigbert(['bench', 'nothing', '--profile']).status).toBe(2);
  });

  it('profiles training on either device, and tells how near to the peak it is', () => {
    const args = ['train', data, '--vocab', vocab, '--config', config, '--out', join(dir, 'profiled'), '--epochs', '1'];
    const { status, stderr } = wigbert([...args, '--profile']);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      stderr.startsWith('device: webgpu') ? /tokens\/s · [\d.]+ % of peak · .* left/ : /tokens\/s · .* left/,
    );
    const rows = stderr.slice(stderr.indexOf('\nkernel ')).trim().split('\n').slice(1, -1);
    const kernels = rows.map((row) => row.split(/\s{2,}/)[0]);
    expect(kernels).toContain('matmul');
    expect(kernels).toContain('adam');
    const shares = rows.map((row) =>
      Number(
        row
          .slice(row.search(/ {2}\d+ +[\d.]+ +[\d.]+ {2}/))
          .trim()
          .split(/ +/)[2],
      ),
    );
    expect(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100)).toBeLessThan(0.05 * rows.length + 1e-6);
    const json = wigbert([...args, '--profile', '--json', '--device', 'cpu'])
      .stdout.trim()
      .split('\n');
    const profile = JSON.parse(json.at(-1)!);
    expect(profile.event).toBe('profile');
    expect(profile.kernels.reduce((sum: number, { share }: { share: number }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(profile.seconds).toBeLessThan(profile.wallSeconds);
  });
});
