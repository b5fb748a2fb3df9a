import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Philox } from '../src/tensor/random.ts';

// `npm test` builds first; the command line is tested as it is shipped.
const cli = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'wigbert-pretrain-'));
afterAll(() => rmSync(dir, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const wigbert = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
const start = (...args: string[]) => spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
const readdir = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.on('exit', resolve));

const random = new Philox(3);
const words = Array.from({ length: 60 }, (_, i) => `w${i}`);
const vocab = file('vocab.txt', ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n'));
/** Sentences whose words follow each other, so that there is something to learn. */
const sentence = () => {
  const first = random.integer(60);
  return Array.from({ length: 3 + random.integer(12) }, (_, i) => `w${(first + i) % 60}`).join(' ');
};
const documents = Array.from({ length: 60 }, () => Array.from({ length: 1 + random.integer(5) }, sentence).join('\n'));
const corpus = file('corpus.txt', `${documents.join('\n\n')}\n`);
const sizes = ['--layers', '1', '--hidden-size', '16', '--heads', '2', '--intermediate-size', '16'];
const base = [corpus, '--vocab', vocab, ...sizes, '--max-length', '24', '--batch-size', '4', '--learning-rate', '0.01'];
const STEPS = 60;
const run = (device: string) => [
  'pretrain',
  ...base,
  ...['--objective', 'mlm+nsp', '--steps', `${STEPS}`, '--eval-every', '16', '--save-every', '7', '--valid-split', '0.2'],
  ...['--device', device, '--quiet'],
];

/** What a run leaves. */
const files = ['model.safetensors', 'optimizer.safetensors', 'history.json', 'training.json', 'config.json', 'vocab.txt'];
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
    const { steps, evaluations, objective } = JSON.parse(readFileSync(join(whole, 'history.json'), 'utf8'));
    expect(objective).toBe('mlm+nsp');
    expect(steps.map(({ step }: { step: number }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect(evaluations.map(({ step }: { step: number }) => step)).toEqual([16, 32, 48, 60]);
    expect(evaluations.at(-1).validPerplexity).toBeLessThan(evaluations[0].validPerplexity);
    expect(readFileSync(join(whole, 'history.svg'), 'utf8')).toMatch(/^<svg/);
  });

  it('ends with the same bits however often it is killed', async () => {
    const out = join(dir, `killed-${device}`);
    const moments = new Philox(device.length);
    let kills = 0;
    for (let tries = 0; tries < 40; tries++) {
      const begun = existsSync(join(out, 'training.json')) || readdir(out).some((name) => name.endsWith('.saved'));
      const child = start(...(begun ? ['pretrain', '--resume', out, '--json'] : [...run(device), '--out', out, '--json']));
      // Killed after some steps, at any moment of a step or of a checkpoint; the last tries go on to the end.
      const after = kills < most ? 1 + moments.integer(14) : Number.POSITIVE_INFINITY;
      let seen = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        seen += `${chunk}`.split('"event":"step"').length - 1;
        if (seen >= after && !child.killed) setTimeout(() => child.kill('SIGKILL'), moments.integer(30));
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
    child.stdout.on('data', (chunk: Buffer) => `${chunk}`.includes('"step":3,') && child.kill('SIGINT'));
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
