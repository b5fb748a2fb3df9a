import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSentenceSettings } from '../../src/formats/sentenceFolder.ts';

const dir = await mkdtemp(join(tmpdir(), 'wigbert-sentence-'));
afterAll(() => rm(dir, { recursive: true }));

describe('a folder of sentence-transformers 5.4', () => {
  const read = async (mode: string) => {
    const steps = [
      ['', 'Transformer'],
      ['1_Pooling', 'Pooling'],
    ];
    const modules = steps.map(([path, kind]) => ({ path, type: `sentence_transformers.${kind}` }));
    await writeFile(join(dir, 'modules.json'), JSON.stringify(modules));
    await mkdir(join(dir, '1_Pooling'), { recursive: true });
    const pooling = { embedding_dimension: 8, pooling_mode: mode, include_prompt: true };
    await writeFile(join(dir, '1_Pooling', 'config.json'), JSON.stringify(pooling));
    return readSentenceSettings(dir);
  };

  it.each(['cls', 'mean'])('names its pooling: %s', async (pooling) => {
    expect(await read(pooling)).toEqual({ pooling, normalize: false, maxLength: undefined });
  });

  it('is refused with another pooling, by its name', async () => {
    await expect(read('max')).rejects.toThrow(/pooling_mode: expected cls or mean, got "max"/);
  });
});
