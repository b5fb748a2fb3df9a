import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { BertTokenizer, type BertTokenizerOptions } from '../../../src/text/tokenizer/index.ts';
import { SPECIAL, tokenizerJson } from '../../support/rustTokenizer.ts';

// Words that are names of every JavaScript object are words like others.
export const VOCAB = [
  ...SPECIAL,
  'a',
  'A',
  'é',
  'e',
  '##a',
  'constructor',
  '__proto__',
  'prototype',
  '字',
  '##b',
  '##\u0301',
];

let root: string;
export let dir: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tokenizer-json-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  dir = await mkdtemp(join(root, 'model-'));
});
export const write = (name: string, content: unknown) =>
  writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
export const writeJson = (
  change: (json: ReturnType<typeof tokenizerJson>) => void,
  options?: BertTokenizerOptions,
) => {
  const json = tokenizerJson(VOCAB, options);
  change(json);
  return write('tokenizer.json', json);
};
export const load = (options?: BertTokenizerOptions) => BertTokenizer.fromPretrained(dir, options);
