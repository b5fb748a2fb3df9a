import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { readCheckpoint } from '../../src/bert/checkpoint/read.ts';
import type { DownloadProgress } from '../../src/formats/downloadProgress.ts';
import { findModel } from '../../src/formats/hub.ts';
import { openModelFolder } from '../../src/formats/modelFolder.ts';
import { readSentenceSettings, sentenceFiles } from '../../src/formats/sentenceFolder.ts';
import { DownloadError } from '../../src/platform/errors.ts';
import { digest, endpoint, hub, model, refusal, sha, weights } from '../support/hub.ts';

describe('the hub', () => {
  test('is asked for what a model needs, once', async () => {
    const seen: DownloadProgress[] = [];
    const dir = await findModel('org/tiny', { onProgress: (progress) => seen.push(progress) });
    expect(dir).toBe(join(hub.cache, 'models--org--tiny', 'snapshots', sha));
    const names = ['config.json', 'model.safetensors', 'tokenizer_config.json', 'vocab.txt'];
    expect((await readdir(dir)).sort()).toEqual(names);
    for (const name of names) expect(await readFile(join(dir, name))).toEqual(model[name]);
    expect(await readlink(join(dir, 'model.safetensors'))).toBe(
      join('..', '..', 'blobs', digest('sha256', model['model.safetensors'])),
    );
    expect(await readFile(join(hub.cache, 'models--org--tiny/refs/main'), 'utf8')).toBe(sha);
    expect((await readdir(join(hub.cache, 'models--org--tiny/blobs'))).length).toBe(4);

    const total = names.reduce((sum, name) => sum + model[name].length, 0);
    expect(seen.every((progress) => progress.total === total)).toBe(true);
    expect(seen.map(({ loaded }) => loaded)).toEqual(
      seen.map(({ loaded }) => loaded).sort((a, b) => a - b),
    );
    expect(seen.at(-1)!.loaded).toBe(total);
    expect(new Set(seen.map(({ file }) => file))).toEqual(new Set(names));

    expect((await readCheckpoint('org/tiny')).tensors.get('w')!.data[49_999]).toBe(1);
    const asked = hub.requests.length;
    expect(await findModel('org/tiny')).toBe(dir);
    expect(hub.requests.length).toBe(asked);
  });

  test('gives models in parts, and those that moved', async () => {
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const { 'model.safetensors': _, ...rest } = model;
    const index = Buffer.from(JSON.stringify({ weight_map: { w: parts[0], v: parts[1] } }));
    hub.repositories['org/tiny'] = {
      ...rest,
      'model.safetensors.index.json': index,
      [parts[0]]: weights(1),
      [parts[1]]: weights(2),
    };
    const dir = await findModel('old-name');
    expect(dir).toBe(join(hub.cache, 'models--old-name', 'snapshots', sha));
    expect(await readdir(dir)).toEqual(
      expect.arrayContaining(['model.safetensors.index.json', ...parts]),
    );
  });

  test('gives an adapter without its checkpoints, and its base model by name', async () => {
    hub.repositories['org/adapter'] = {
      'adapter_config.json': Buffer.from('{"base_model_name_or_path": "org/tiny"}'),
      'adapter_model.safetensors': weights(3),
      'checkpoint-5/adapter_model.safetensors': weights(4),
      'training_args.bin': Buffer.from('never asked for'),
    };
    const adapter = await openModelFolder('org/adapter');
    expect((await readdir(adapter.dir)).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
    const { base } = adapter.adapter!;
    expect([base.name, base.dir]).toEqual(['org/tiny', await findModel('org/tiny')]);
    expect(await base.has('model.safetensors')).toBe(true);
    const asked = hub.requests.length;
    expect((await openModelFolder('org/adapter')).dir).toBe(adapter.dir);
    expect(hub.requests.length).toBe(asked);
  });

  test('gives what sentence-transformers adds, in its folders', async () => {
    const settings = { pooling: 'cls', normalize: true, maxLength: 7 } as const;
    const files = Object.entries(sentenceFiles(settings, 4)).flatMap(([folder, texts]) =>
      Object.entries(texts).map(([name, text]) => [join(folder, name), Buffer.from(text)] as const),
    );
    const others = { 'onnx/config.json': Buffer.from('{}'), 'onnx/model.onnx': weights(3) };
    hub.repositories['org/tiny'] = { ...model, ...Object.fromEntries(files), ...others };
    const dir = await findModel('org/tiny');
    expect(await readSentenceSettings(dir)).toEqual(settings);
    expect(await readdir(dir)).not.toContain('onnx');
    expect(await readlink(join(dir, '1_Pooling/config.json'))).toMatch(/^(\.\.\/){3}blobs\/\w+$/);
  });

  test.each<[string, typeof hub.spoil, RegExp]>([
    [
      'changed',
      (bytes) => Buffer.from(bytes).fill(7, 500, 501),
      /model\.safetensors is damaged: its checksum/,
    ],
    [
      'cut short',
      (bytes) => bytes.subarray(0, -1),
      /model\.safetensors: expected the 2\d{5} bytes .*, got fewer/,
    ],
    [
      'longer',
      (bytes) => Buffer.concat([bytes, bytes]),
      /model\.safetensors: expected the 2\d{5} bytes .*, got more/,
    ],
    ['cut off', () => undefined, / cannot be downloaded from http:.*; check the network$/],
  ])('weights that come %s are not kept', async (_, damage, message) => {
    hub.spoil = (bytes, file) => (file === 'model.safetensors' ? damage(bytes, file) : bytes);
    expect(await refusal('org/tiny', DownloadError)).toMatch(message);
    const blobs = await readdir(join(hub.cache, 'models--org--tiny/blobs'));
    expect(
      blobs.filter(
        (name) => name.includes('tmp') || name === digest('sha256', model['model.safetensors']),
      ),
    ).toEqual([]);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await refusal('org/tiny')).toContain('no complete model');
    // What came whole is not asked for again.
    vi.stubEnv('HF_HUB_OFFLINE', '');
    hub.spoil = (bytes) => bytes;
    hub.requests = [];
    await findModel('org/tiny');
    expect(hub.requests.some((url) => url.endsWith('config.json'))).toBe(false);
  });

  test('small files are checked too', async () => {
    hub.spoil = (bytes, file) =>
      file === 'vocab.txt' ? Buffer.from(bytes).fill('x', 0, 1) : bytes;
    expect(await refusal('org/tiny', DownloadError)).toContain('vocab.txt is damaged');
  });

  test('a name it does not have', async () => {
    expect(await refusal('org/nothing')).toBe(
      `there is no folder org/nothing, and no complete model of that name in the cache ` +
        `${hub.cache}, and no public one on the hub ${endpoint}`,
    );
  });

  test('a model that is a pickle alone is refused, and how to convert it said', async () => {
    const { 'model.safetensors': _, ...rest } = model;
    hub.repositories['org/tiny'] = rest;
    expect(await refusal('org/tiny')).toMatch(
      new RegExp(
        '^org/tiny on http.* has no model\\.safetensors, only pytorch_model\\.bin, a pickle, .*: ' +
          `python3 -c "import transformers as t; n, to = 'org/tiny', 'tiny'; .*"$`,
      ),
    );
    expect(hub.requests.some((url) => url.includes('/resolve/'))).toBe(false);
  });

  test('without a network, one sentence says so', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
    await new Promise((resolve) => closed.close(resolve));
    vi.stubEnv('HF_ENDPOINT', url);
    expect(await refusal('org/tiny', DownloadError)).toBe(
      `there is no folder org/tiny, and the model of that name cannot be downloaded from ` +
        `${url}: ECONNREFUSED; check the network`,
    );
  });

  test('without its package, one sentence says how to get it', async () => {
    vi.doMock('@huggingface/hub', () => {
      throw new Error('not installed');
    });
    expect(await refusal('org/tiny')).toBe(
      `there is no folder org/tiny, and no complete model of that name in the cache ` +
        `${hub.cache}; ` +
        'to download it from the hub, run: npm install @huggingface/hub',
    );
    expect(hub.requests).toEqual([]);
  });
});
