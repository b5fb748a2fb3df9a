import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../../src/bert/checkpoint/read.ts';
import { writeFiles } from '../../../src/platform/atomicWrite.ts';
import { seeded } from '../../support/mutants.ts';

// `npm test` builds first; what is killed here is what is shipped.
const saver = fileURLToPath(new URL('../../support/saver.mjs', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'wigbert-save-'));
afterAll(() => rm(root, { recursive: true }));

const fresh = () => mkdtemp(join(root, 'folder-'));

/** Loads a folder of the saver and returns its version; every file must be of the same one. */
async function versionOf(dir: string): Promise<number> {
  const { config, tensors } = await readCheckpoint(dir);
  const version = config.extra.version as number;
  expect(config.id2label[0]).toBe(`label ${version}`);
  expect(await readFile(join(dir, 'vocab.txt'), 'utf8')).toBe(`${version}\n`);
  expect(await readFile(join(dir, 'extra.json'), 'utf8')).toBe(`${version}`);
  expect([...tensors.keys()].sort()).toEqual(['weight.0', 'weight.1', 'weight.2', 'weight.3']);
  for (const [name, { data }] of tensors) {
    const expected = version + Number(name.at(-1));
    if (data.length !== 50_000 || data.some((value) => value !== expected))
      expect.fail(`${name} of ${version} is of another`);
  }
  return version;
}

describe('a process killed while it saves leaves a folder that loads', () => {
  test('as the old or the new, whichever call of the file system was the last', async () => {
    const dir = await fresh();
    expect(spawnSync(process.execPath, [saver, dir, '0', '1000']).status).toBe(0);
    let old = 0;
    for (let calls = 0, alive = false; !alive; calls++) {
      expect(calls).toBeLessThan(100);
      const { signal, status, stderr } = spawnSync(
        process.execPath,
        [saver, dir, `${old + 1}`, `${calls}`],
        {
          encoding: 'utf8',
        },
      );
      alive = status === 0;
      if (!alive) expect(signal, stderr).toBe('SIGKILL');
      const version = await versionOf(dir);
      expect([old, old + 1]).toContain(version);
      if (alive) {
        expect(version).toBe(old + 1);
        // There was every kind of end on the way here: some saves were lost, some were finished by
        // the reader.
        expect(old).toBeGreaterThan(2);
        expect(calls).toBeGreaterThan(old + 2);
      }
      old = version;
    }
    expect(await readdir(dir)).toEqual([
      'config.json',
      'extra.json',
      'model.safetensors',
      'vocab.txt',
    ]);
  });

  test('as the old or the new, at any moment', async () => {
    const dir = await fresh();
    const random = seeded(5);
    let version = 0;
    for (let round = 0; round < 16; round++) {
      const child = spawn(process.execPath, [saver, dir, `${version + 1}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let saved = version;
      child.stdout.on('data', (text) => {
        saved = Number(String(text).trim().split('\n').at(-1));
      });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await closed;
      version = await versionOf(dir);
      expect([saved, saved + 1]).toContain(version);
    }
    // What the killed ones left unfinished is gone with the next that is saved.
    await writeFiles(dir, { 'vocab.txt': 'new' });
    expect(await readdir(dir)).toEqual([
      'config.json',
      'extra.json',
      'model.safetensors',
      'vocab.txt',
    ]);
  });
});
