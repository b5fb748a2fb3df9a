import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Philox } from '../../src/tensor/random.ts';

// `npm test` builds first; the command line is tested as it is shipped.
const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wigbert-pretrain-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const wigbert = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
const start = (...args: string[]) =>
  spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
const readdir = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.on('exit', resolve));

const random = new Philox(3);
const words = Array.from({ length: 60 }, (_, i) => `w${i}`);
const vocab = file(
  'vocab.txt',
  ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n'),
);
/** Sentences whose words follow each other, so that there is something to learn. */
const sentence = () => {
  const first = random.randint(60);
  return Array.from({ length: 3 + random.randint(12) }, (_, i) => `w${(first + i) % 60}`).join(' ');
};
const documents = Array.from({ length: 60 }, () =>
  Array.from({ length: 1 + random.randint(5) }, sentence).join('\n'),
);
const corpus = file('corpus.txt', `${documents.join('\n\n')}\n`);
const sizes = ['--layers', '1', '--hidden-size', '16', '--heads', '2', '--intermediate-size', '16'];
const base = [
  corpus,
  '--vocab',
  vocab,
  ...sizes,
  '--max-length',
  '24',
  '--batch-size',
  '4',
  '--learning-rate',
  '0.01',
];
const STEPS = 60;
const run = (device: string) => [
  'pretrain',
  ...base,
  ...[
    '--objective',
    'mlm+nsp',
    '--steps',
    `${STEPS}`,
    '--eval-every',
    '16',
    '--save-every',
    '7',
    '--valid-split',
    '0.2',
  ],
  ...['--device', device, '--quiet'],
];

/** What a run leaves. */
const files = [
  'model.safetensors',
  'optimizer.safetensors',
  'history.json',
  'training.json',
  'config.json',
  'vocab.txt',
];
const contents = (out: string) =>
  Object.fromEntries(
    files.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex'),
    ]),
  );

// Each start on a software adapter compiles kernels, which takes longest.
describe.each([
  ['cpu', 5],
  ['auto', 2],
])('pretrain on %s', (device, most) => {
  const whole = join(dir, `whole-${device}`);
  beforeAll(() => {
    expect(wigbert(...run(device), '--out', whole)).toMatchObject({ status: 0 });
  });

  it('learns, and says how it went', () => {
    const { steps, evaluations, objective } = JSON.parse(
      readFileSync(join(whole, 'history.json'), 'utf8'),
    );
    expect(objective).toBe('mlm+nsp');
    expect(steps.map(({ step }: { step: number }) => step)).toEqual(
      Array.from({ length: STEPS }, (_, i) => i + 1),
    );
    expect(evaluations.map(({ step }: { step: number }) => step)).toEqual([16, 32, 48, 60]);
    expect(evaluations.at(-1).validPerplexity).toBeLessThan(evaluations[0].validPerplexity);
    expect(readFileSync(join(whole, 'history.svg'), 'utf8')).toMatch(/^<svg/);
  });

  it('ends with the same bits however often it is killed', async () => {
    const out = join(dir, `killed-${device}`);
    const moments = new Philox(device.length);
    let kills = 0;
    for (let tries = 0; tries < 40; tries++) {
      const begun =
        existsSync(join(out, 'training.json')) ||
        readdir(out).some((name) => name.endsWith('.saved'));
      const child = start(
        ...(begun
          ? ['pretrain', '--resume', out, '--json']
          : [...run(device), '--out', out, '--json']),
      );
      // Killed after some steps, at any moment of a step or of a checkpoint; the last tries go on to the end.
      const after = kills < most ? 1 + moments.randint(14) : Number.POSITIVE_INFINITY;
      let seen = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        seen += `${chunk}`.split('"event":"step"').length - 1;
        if (seen >= after && !child.killed)
          setTimeout(() => child.kill('SIGKILL'), moments.randint(30));
      });
      const code = await ended(child);
      if (code === 0) break;
      expect(child.signalCode).toBe('SIGKILL');
      kills++;
    }
    expect(kills).toBe(most);
    expect(contents(out)).toEqual(contents(whole));
  });

  it('stops on Ctrl-C and goes on', async () => {
    const out = join(dir, `stopped-${device}`);
    const child = start(...run(device), '--out', out, '--json');
    child.stdout.on(
      'data',
      (chunk: Buffer) => `${chunk}`.includes('"step":3,') && child.kill('SIGINT'),
    );
    expect(await ended(child)).toBe(130);
    const { step } = JSON.parse(readFileSync(join(out, 'training.json'), 'utf8'));
    expect(step).toBeGreaterThanOrEqual(3);
    expect(step).toBeLessThan(STEPS);
    expect(wigbert('pretrain', '--resume', out, '--quiet', '--batch-size', '4').status).toBe(0);
    expect(contents(out)).toEqual(contents(whole));
    // A run that is done stays as it is.
    expect(wigbert('pretrain', '--resume', out, '--quiet').status).toBe(0);
    expect(contents(out)).toEqual(contents(whole));
  });
});

describe('wrong use is one line', () => {
  const out = join(dir, 'small');
  const args = ['--steps', '2', '--device', 'cpu', '--quiet'];
  const elsewhere = [...args, '--out', join(dir, 'elsewhere')];
  const unfinished = join(dir, 'unfinished');
  beforeAll(async () => {
    expect(wigbert('pretrain', ...base, ...args, '--out', out)).toMatchObject({ status: 0 });
    const child = start(...run('cpu'), '--out', unfinished, '--json');
    child.stdout.on(
      'data',
      (chunk: Buffer) => `${chunk}`.includes('"step":9,') && child.kill('SIGKILL'),
    );
    await ended(child);
  });

  const changed = file('changed.txt', 'w1 w2\nw3 w4\n');
  const labels = file('labels.tsv', 'a\tb\n1\t2\n');
  it.each<[string, string[], RegExp]>([
    ['no files', ['--vocab', vocab], /say what to train on/],
    ['no model', [corpus], /--model DIR, or --vocab FILE/],
    ['a missing file', ['nowhere.txt', '--vocab', vocab], /cannot read nowhere.txt: no such file/],
    [
      'a table without texts',
      [labels, '--vocab', vocab, ...elsewhere],
      /has no text column.*columns are a, b/,
    ],
    [
      'sizes beside a model',
      [corpus, '--model', out, '--hidden-size', '32'],
      /--hidden-size is of fresh models/,
    ],
    [
      'sizes that do not fit',
      [...base, '--heads', '3', ...elsewhere],
      /hiddenSize: expected a multiple of numAttentionHeads, 3/,
    ],
    [
      'both ends',
      [...base, '--steps', '3', '--epochs', '2'],
      /--steps and --epochs exclude each other/,
    ],
    [
      'an unknown objective',
      [...base, '--objective', 'clm'],
      /'clm' is invalid.*mlm, nsp, mlm\+nsp/,
    ],
    [
      'nothing to predict',
      [...base, '--mlm-probability', '0'],
      /'--mlm-probability <share>'.*A number above 0 and below 1 was/,
    ],
    [
      'too long',
      [...base, '--max-length', '1000', ...elsewhere],
      /max length of 1000 is more than the model's 512 positions/,
    ],
    ['too short', [...base, '--max-length', '2', ...elsewhere], /max length of 2 has no room/],
    [
      'no sentences',
      [changed, '--vocab', vocab, '--objective', 'nsp', '--valid-split', '0', ...elsewhere],
      /two or more sentences/,
    ],
    [
      'nothing held out',
      [changed, '--vocab', vocab, '--valid-split', '0.000001', ...elsewhere],
      /leaves no example to validate with/,
    ],
    ['no run to go on with', ['--resume', dir], /has no training.json/],
    [
      'another batch size',
      ['--resume', out, '--batch-size', '5'],
      /--batch-size is 5, but .* was begun with 4/,
    ],
    [
      'another device',
      ['--resume', out, '--device', 'webgpu'],
      /--device is "webgpu", but .* was begun with "cpu"/,
    ],
    ['other files', [vocab, '--resume', out], /the list of files is .*vocab.txt.*corpus.txt/],
    [
      'another place',
      ['--resume', out, '--out', join(dir, 'other')],
      /--out and --resume exclude each other/,
    ],
    [
      'a run that is not done',
      [...base, '--out', unfinished],
      /holds a run that stands at step \d+ of 60: go on with --resume/,
    ],
    [
      'a run that is done',
      [...base, ...args, '--out', out],
      /holds a run that stands at step 2 of 2: go on with --resume .*small, or choose another --out/,
    ],
  ])('%s', (_, given, message) => {
    const { status, stderr } = wigbert('pretrain', ...given);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at .*(\.js|node):/m);
    expect(status).toBe(2);
  });

  it('says when the vocabulary does not know the texts', () => {
    const texts = file('foreign.txt', 'w1 w2 w3 W4\nw5 w6 un known\n'.repeat(20));
    const small = [...sizes, ...args, '--valid-split', '0', '--out', join(dir, 'foreign')];
    const { stderr } = wigbert('pretrain', texts, '--vocab', vocab, '--cased', ...small);
    expect(stderr).toBe(
      `${texts}: 37.5 % of the pieces are [UNK], and nothing is learnt of them: the vocabulary does not fit these texts\n`,
    );
  });

  it('saves no weights that explode', () => {
    const broken = join(dir, 'broken');
    const rate = ['--learning-rate', '1e38', '--warmup-ratio', '0', '--steps', '1'];
    const { status, stderr } = wigbert('pretrain', ...base, ...args, ...rate, '--out', broken);
    expect(stderr).toMatch(
      /^wigbert: the norm of the weights after step 1 is (NaN|Infinity): lower the learning rate/m,
    );
    expect(status).toBe(1);
    expect(JSON.parse(readFileSync(join(broken, 'training.json'), 'utf8')).step).toBe(0);
  });

  it('does not go on with texts that were changed', () => {
    const texts = file('own.txt', 'w1 w2 w3\nw4 w5\n'.repeat(50));
    const own = join(dir, 'own');
    expect(
      wigbert('pretrain', texts, '--vocab', vocab, ...sizes, ...args, '--out', own),
    ).toMatchObject({ status: 0 });
    file('own.txt', 'w1 w2 w3\n');
    expect(wigbert('pretrain', '--resume', own).stderr).toMatch(
      /own.txt has 9 bytes, but had 750 when/,
    );
  });

  it('goes on from a folder, and what comes out can be fine-tuned', () => {
    const more = join(dir, 'more');
    const again = wigbert(
      'pretrain',
      corpus,
      '--model',
      out,
      '--objective',
      'mlm+nsp',
      '--valid-split',
      '0.2',
      '--max-length',
      '24',
      ...args,
      '--out',
      more,
    );
    expect(again.stderr).toMatch(
      /lacks bert.pooler.dense.weight, bert.pooler.dense.bias, cls.seq_relationship.weight, .*drawn anew/,
    );
    expect(again.status).toBe(0);
    const data = file('data.tsv', `text\tlabel\n${'w1 w2\ta\nw30 w31\tb\n'.repeat(8)}`);
    const tuned = wigbert(
      'train',
      data,
      '--model',
      more,
      '--device',
      'cpu',
      '--epochs',
      '1',
      '--out',
      join(dir, 'tuned'),
    );
    expect(tuned.stderr).toMatch(/lacks classifier.weight, classifier.bias: drawn anew/);
    expect(tuned.status).toBe(0);
  });
});
