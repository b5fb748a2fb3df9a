import { copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
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

  it.each(['../outside', '/etc', 'a/b', '..', '', 7])(
    'is refused with the path %j',
    async (path) => {
      await read('mean');
      const modules = ['Transformer', 'Pooling'].map((type) => ({ path, type }));
      await writeFile(join(dir, 'modules.json'), JSON.stringify(modules));
      await expect(readSentenceSettings(dir)).rejects.toThrow(
        /modules\.json: path: expected the name of a folder in it, got /,
      );
    },
  );

  it('is refused with a link out of it, or a huge file', async () => {
    await read('mean');
    const outside = await mkdtemp(join(tmpdir(), 'wigbert-outside-'));
    await rename(join(dir, '1_Pooling'), join(outside, 'pooling'));
    await symlink(join(outside, 'pooling'), join(dir, '1_Pooling'));
    await expect(readSentenceSettings(dir)).rejects.toThrow(/1_Pooling is a link: put/);
    await rm(join(dir, '1_Pooling'));
    await mkdir(join(dir, '1_Pooling'));
    await symlink(join(outside, 'pooling', 'x'), join(dir, '1_Pooling', 'config.json'));
    await writeFile(join(outside, 'pooling', 'x'), '{}');
    await expect(readSentenceSettings(dir)).rejects.toThrow(/config\.json is a link to .* out of/);
    await rm(join(dir, '1_Pooling', 'config.json'));
    await read('mean');
    await writeFile(join(dir, 'sentence_bert_config.json'), `{}${' '.repeat(1_000_000)}`);
    await expect(readSentenceSettings(dir)).rejects.toThrow(/expected at most 1000000 bytes/);
    await rm(join(dir, 'sentence_bert_config.json'));
    await rm(outside, { recursive: true });
  });

  it('may be a snapshot of the hub, whose files are links to blobs', async () => {
    const cache = await mkdtemp(join(dir, 'cache-'));
    const snapshot = join(cache, 'snapshots', 'abc');
    await mkdir(join(snapshot, '1_Pooling'), { recursive: true });
    await mkdir(join(cache, 'blobs'));
    await read('cls');
    for (const [file, up] of [
      ['modules.json', '../..'],
      ['1_Pooling/config.json', '../../..'],
    ]) {
      const blob = file.replace('/', '-');
      await copyFile(join(dir, file), join(cache, 'blobs', blob));
      await symlink(`${up}/blobs/${blob}`, join(snapshot, file));
    }
    expect(await readSentenceSettings(snapshot)).toEqual({ pooling: 'cls', normalize: false });
  });

  it('is refused with a prompt before each text, by its name', async () => {
    const prompts = join(dir, 'config_sentence_transformers.json');
    await writeFile(prompts, '{"prompts": {"query": "query: "}, "default_prompt_name": "query"}');
    await expect(read('mean')).rejects.toThrow(
      'default_prompt_name: expected null, got "query": set it to null, and begin your texts with',
    );
    await rm(prompts);
  });
});
