import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { readCheckpoint } from '../../src/bert/checkpoint/read.ts';
import { findModel } from '../../src/formats/hub.ts';
import { BertTokenizer } from '../../src/text/tokenizer/index.ts';
import { digest, hub, model, refusal, root, sha, weights } from '../support/hub.ts';

/** Puts a model into a cache as Python does: blobs, and links to them from the snapshot. */
async function fillCache(at: string, files: Record<string, Buffer>): Promise<string> {
  const snapshot = join(at, 'models--org--tiny', 'snapshots', sha);
  for (const folder of [snapshot, join(snapshot, '../../blobs'), join(snapshot, '../../refs')])
    await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const blob = digest('sha256', bytes);
    await writeFile(join(snapshot, '../../blobs', blob), bytes);
    await symlink(join('..', '..', 'blobs', blob), join(snapshot, name));
  }
  await writeFile(join(snapshot, '../../refs/main'), sha);
  return snapshot;
}

describe('a folder', () => {
  test('is taken as it is, though it could be a name on the hub', async () => {
    const before = process.cwd();
    await mkdir(join(root, 'org', 'tiny'), { recursive: true });
    process.chdir(root);
    expect(await findModel('org/tiny')).toBe('org/tiny');
    process.chdir(before);
    expect(await findModel(root)).toBe(root);
    expect(hub.requests).toEqual([]);
  });

  test.each([
    '',
    '.',
    '..',
    './tiny',
    '../tiny',
    '/tiny',
    'a/b/c',
    'org/',
    '-x',
    'org/../x',
    'a--b',
    'a b',
    'C:\\x',
    'x\n',
  ])('%j is never asked for elsewhere', async (name) => {
    expect(await findModel(name)).toBe(name);
    expect(hub.requests).toEqual([]);
  });
});

describe('the cache', () => {
  test('is where Python keeps it', async () => {
    const snapshot = await fillCache(hub.cache, model);
    expect(await findModel('org/tiny')).toBe(snapshot);
    expect((await readCheckpoint('org/tiny')).tensors.get('w')!.data[0]).toBe(1);
    expect((await BertTokenizer.fromPretrained('org/tiny')).tokenize('film')).toEqual(['film']);
    vi.stubEnv('HF_HUB_CACHE', '');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    vi.stubEnv('HF_HOME', join(root, 'home'));
    expect(await refusal('org/tiny')).toContain(` in the cache ${join(root, 'home', 'hub')};`);
    vi.stubEnv('HUGGINGFACE_HUB_CACHE', hub.cache);
    expect(await findModel('org/tiny')).toBe(snapshot);
    vi.stubEnv('HUGGINGFACE_HUB_CACHE', '');
    vi.stubEnv('HF_HOME', '');
    expect(await refusal('no-such-model-anywhere')).toContain(
      ` in the cache ${homedir()}/.cache/huggingface/hub;`,
    );
    vi.stubEnv('XDG_CACHE_HOME', '/xdg');
    expect(await refusal('org/tiny')).toContain(' in the cache /xdg/huggingface/hub;');
    expect(hub.requests).toEqual([]);
  });

  test.each(['config.json', 'vocab.txt', 'model.safetensors'])(
    'a model without its %s is fetched',
    async (name) => {
      const { [name]: _, ...rest } = model;
      const snapshot = await fillCache(hub.cache, rest);
      expect(await findModel('org/tiny')).toBe(snapshot);
      expect(await readFile(join(snapshot, name))).toEqual(model[name]);
    },
  );

  test('a model in parts counts when all of them are there', async () => {
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = Buffer.from(
      JSON.stringify({ weight_map: { a: parts[0], b: parts[1], c: parts[0] } }),
    );
    const { 'model.safetensors': _, ...rest } = model;
    const snapshot = await fillCache(hub.cache, {
      ...rest,
      'model.safetensors.index.json': index,
      [parts[0]]: weights(1),
    });
    vi.stubEnv('HF_HUB_OFFLINE', 'true');
    expect(await refusal('org/tiny')).toContain('no complete model of that name');
    await writeFile(join(snapshot, parts[1]), weights(2));
    expect(await findModel('org/tiny')).toBe(snapshot);
  });

  test('a reference that is no commit leads nowhere', async () => {
    await fillCache(hub.cache, model);
    await writeFile(join(hub.cache, 'models--org--tiny/refs/main'), '../../..');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await refusal('org/tiny')).toMatch(
      /^there is no folder org\/tiny, and .*; HF_HUB_OFFLINE forbids to download it$/,
    );
  });
});
