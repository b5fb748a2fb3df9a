import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../../src/bert/checkpoint/read.ts';
import { ArgumentError, UsageError } from '../../../src/platform/errors.ts';
import { openRandomAccess, recoverWrites, writeFiles } from '../../../src/platform/files.ts';
import { seeded } from '../../support/mutants.ts';

// `npm test` builds first; what is killed here is what is shipped.
const saver = fileURLToPath(new URL('../../support/saver.mjs', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'wigbert-save-'));
afterAll(() => rm(root, { recursive: true }));

const fresh = () => mkdtemp(join(root, 'folder-'));
const texts = async (dir: string) =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(dir))
        .sort()
        .map(async (name) => [name, await readFile(join(dir, name), 'utf8')]),
    ),
  );

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
        // There was every kind of end on the way here: some saves were lost, some were finished by the reader.
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
    for (let round = 0; round < 40; round++) {
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

describe('writeFiles', () => {
  test('exchanges what differs and keeps the rest', async () => {
    const dir = join(await fresh(), 'a', 'b');
    await writeFiles(dir, { a: '1', b: Uint8Array.of(50) });
    async function* pieces() {
      yield new TextEncoder().encode('pie');
      yield new TextEncoder().encode('ces');
    }
    await writeFiles(dir, { a: '1', b: pieces(), c: '' });
    expect(await texts(dir)).toEqual({ a: '1', b: 'pieces', c: '' });
  });

  test('leaves everything as it was when what is to be written fails', async () => {
    const dir = await fresh();
    await writeFiles(dir, { a: 'old', b: 'old' });
    async function* pieces() {
      yield new Uint8Array(10);
      throw new UsageError('no more');
    }
    await expect(writeFiles(dir, { a: 'new', b: pieces() })).rejects.toThrow(/^no more$/);
    await expect(writeFiles(dir, { a: 'new', 'sub/b': 'new' })).rejects.toThrow(ArgumentError);
    expect(await texts(dir)).toEqual({ a: 'old', b: 'old' });
  });

  test('says so when a folder cannot be written into', async () => {
    const dir = await fresh();
    await writeFile(join(dir, 'file'), '');
    await expect(writeFiles(join(dir, 'file'), { a: '' })).rejects.toThrow(
      /^cannot write into .*file: EEXIST/,
    );
    await mkdir(join(dir, 'taken', 'inside'), { recursive: true });
    await expect(writeFiles(dir, { taken: 'x' })).rejects.toThrow(UsageError);
    const full = async function* () {
      yield Uint8Array.of(1);
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        syscall: 'write',
      });
    };
    const refused = await writeFiles(dir, { a: full() }).catch((error) => error);
    expect(refused.message).toBe(
      `cannot write into ${dir}: ENOSPC: no space left on device, write`,
    );
    expect(refused).not.toBeInstanceOf(UsageError);
  });

  const [dead, alive] = [`${2 ** 31 - 1}-0123456789ab`, `${process.ppid}-0123456789ab`];
  test('finishes what is all there, and removes what is not, unless someone is at it', async () => {
    const dir = await fresh();
    const files = {
      a: 'old',
      b: 'old',
      [`a.${dead}.tmp`]: 'new',
      [`b.${alive}.tmp`]: 'half',
      'c.tmp': 'of another',
      [`.${dead}.saved`]: '',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
    await recoverWrites(dir);
    expect(await texts(dir)).toEqual({
      a: 'new',
      b: 'old',
      [`b.${alive}.tmp`]: 'half',
      'c.tmp': 'of another',
    });
    await writeFile(join(dir, `b.${dead}.tmp`), 'half');
    await writeFiles(dir, { c: 'c' });
    expect(await texts(dir)).toEqual({
      a: 'new',
      b: 'old',
      [`b.${alive}.tmp`]: 'half',
      c: 'c',
      'c.tmp': 'of another',
    });
  });
});

describe('openPieces', () => {
  test('reads ranges in fresh memory', async () => {
    const path = join(await fresh(), 'file');
    await writeFile(path, Uint8Array.of(0, 1, 2, 3, 4));
    const file = await openRandomAccess(path);
    expect(file.size).toBe(5);
    const piece = file.read(1, 4);
    expect([...piece]).toEqual([1, 2, 3]);
    expect(piece.buffer.byteLength).toBe(3);
    expect(file.read(5, 5).length).toBe(0);
    expect(() => file.read(4, 6)).toThrow(/was changed while it was read/);
  });

  test('refuses a file that was exchanged, changed or removed meanwhile, and what is no file', async () => {
    const dir = await fresh();
    const path = join(dir, 'file');
    for (const change of [
      () => writeFiles(dir, { file: 'AFTER' }),
      () => writeFile(path, 'after!'),
      () => rm(path),
    ]) {
      await writeFile(path, 'before');
      const file = await openRandomAccess(path);
      await change();
      expect(() => file.read(0, 6)).toThrow(UsageError);
    }
    await expect(openRandomAccess(path)).rejects.toThrow(/^cannot read .*file: no such file$/);
    await expect(openRandomAccess(dir)).rejects.toThrow(/is a folder, not a file$/);
    spawnSync('mkfifo', [path]);
    await expect(openRandomAccess(path)).rejects.toThrow(UsageError);
  });
});
