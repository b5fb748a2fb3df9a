import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { Philox } from '../../src/tensor/random.ts';
import { inCheckpoint } from './checkpoints.ts';

// `npm test` builds first; the command line is tested as it is shipped.
const cli = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
export const dir = mkdtempSync(join(tmpdir(), 'wigbert-pretrain-'));
afterAll(() => rmSync(dir, { recursive: true }));

export const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
export const wigbert = (...args: string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
export const start = (...args: string[]) =>
  spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
export const readdir = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
export const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.on('exit', resolve));

const random = new Philox(3);
const words = Array.from({ length: 60 }, (_, i) => `w${i}`);
export const vocab = file(
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
export const corpus = file('corpus.txt', `${documents.join('\n\n')}\n`);
export const sizes = [
  '--layers',
  '1',
  '--hidden-size',
  '16',
  '--heads',
  '2',
  '--intermediate-size',
  '16',
];
export const base = [
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
export const STEPS = 32;
export const run = (device: string) => [
  'pretrain',
  ...base,
  ...[
    '--objective',
    'mlm+nsp',
    '--steps',
    `${STEPS}`,
    '--eval-every',
    '8',
    '--save-every',
    '3',
    '--valid-split',
    '0.2',
  ],
  ...['--device', device, '--quiet'],
];

/** What a run leaves. */
const files = ['model.safetensors', 'history.json', 'config.json', 'vocab.txt'];
const saved = ['model.safetensors', 'optimizer.safetensors', 'history.json', 'training.json'];
export const contents = (out: string) =>
  [...files.map((name) => join(out, name)), ...saved.map((name) => inCheckpoint(out, name))].map(
    (path) => createHash('sha256').update(readFileSync(path)).digest('hex'),
  );
