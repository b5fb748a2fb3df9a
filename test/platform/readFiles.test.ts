import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeFiles } from '../../src/platform/atomicWrite.ts';
import { UsageError } from '../../src/platform/errors.ts';
import { openRandomAccess } from '../../src/platform/readFiles.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-read-'));
afterAll(() => rm(root, { recursive: true }));

const fresh = () => mkdtemp(join(root, 'folder-'));

describe('openRandomAccess', () => {
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

  test('refuses a file that was replaced, changed or removed, and everything but files', async () => {
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
