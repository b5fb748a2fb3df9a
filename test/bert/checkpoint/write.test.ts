import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readCheckpoint, type Weight } from '../../../src/bert/checkpoint/read.ts';
import { writeCheckpoint } from '../../../src/bert/checkpoint/write.ts';
import { bertConfig, bertTiny, labelFields } from '../../../src/bert/config.ts';
import { SafetensorsError } from '../../../src/formats/safetensors/file.ts';
import { toSave } from '../../support/weights.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-checkpoint-'));
afterAll(() => rm(root, { recursive: true }));

const config = bertConfig({
  ...bertTiny,
  ...labelFields(['no', 'yes']),
  extra: { use_cache: true },
});
/** A fresh folder with these files. */
async function folder(files: Record<string, string | Uint8Array>): Promise<string> {
  const dir = await mkdtemp(join(root, 'model-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
  return dir;
}

const values = (tensors: Map<string, Weight>) =>
  Object.fromEntries(Array.from(tensors, ([name, { data }]) => [name, [...data]]));

describe('a folder', () => {
  const tensors = new Map<string, Weight>([
    [
      'bert.pooler.dense.weight',
      { shape: [2, 2], data: new Float32Array([1, -2, 3.5, Number.NaN]) },
    ],
    ['classifier.bias', { shape: [2], data: new Float32Array([0.1, -0]) }],
    ['scale', { shape: [], data: new Float32Array([7]) }],
  ]);

  test('written reads back, with its extra files, and leaves nothing else', async () => {
    const dir = join(root, 'new', 'model');
    await writeCheckpoint(dir, config, ['BertForSequenceClassification'], toSave(tensors), {
      'vocab.txt': '[PAD]\n[UNK]\n',
    });
    expect((await readdir(dir)).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.txt']);
    expect(await readFile(join(dir, 'vocab.txt'), 'utf8')).toBe('[PAD]\n[UNK]\n');
    const back = await readCheckpoint(dir);
    expect(back.config).toEqual(config);
    expect(new Map([...back.tensors].sort())).toEqual(new Map([...tensors].sort()));
    expect(JSON.parse(await readFile(join(dir, 'config.json'), 'utf8')).architectures).toEqual([
      'BertForSequenceClassification',
    ]);
    const bytes = await readFile(join(dir, 'model.safetensors'));
    expect(bytes.subarray(8, 42).toString()).toBe('{"__metadata__":{"format":"pt"},"b');
  });

  test('is written over an old one, whole or in parts', async () => {
    const dir = await folder({
      'config.json': '{}',
      'model.safetensors.index.json': '{"weight_map":{"x":"gone.safetensors"}}',
      'vocab.txt': 'kept',
    });
    await writeCheckpoint(
      dir,
      config,
      ['BertModel'],
      toSave([['x', { shape: [1], data: new Float32Array([4]) }]]),
    );
    expect(values((await readCheckpoint(dir)).tensors)).toEqual({ x: [4] });
    expect(await readFile(join(dir, 'vocab.txt'), 'utf8')).toBe('kept');
  });

  test('is not touched when a weight cannot be written', async () => {
    const dir = await folder({ 'config.json': 'old' });
    const wrong: [string, Weight][] = [['x', { shape: [3], data: new Float32Array(2) }]];
    await expect(writeCheckpoint(dir, config, ['BertModel'], toSave(wrong))).rejects.toThrow(
      SafetensorsError,
    );
    expect(await readdir(dir)).toEqual(['config.json']);
    expect(await readFile(join(dir, 'config.json'), 'utf8')).toBe('old');
  });
});
