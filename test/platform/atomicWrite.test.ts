import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { recoverWrites, writeFiles } from '../../src/platform/atomicWrite.ts';
import { ArgumentError, UsageError, WriteError } from '../../src/platform/errors.ts';
import { newWriteId } from '../../src/platform/node/atomicWrite.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-write-'));
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

describe('writeFiles', () => {
  test('writes what differs and keeps the rest', async () => {
    const dir = join(await fresh(), 'a', 'b');
    await writeFiles(dir, { a: '1', b: Uint8Array.of(50) });
    async function* pieces() {
      yield new TextEncoder().encode('pie');
      yield new TextEncoder().encode('ces');
    }
    await writeFiles(dir, { a: '1', b: pieces(), c: '' });
    expect(await texts(dir)).toEqual({ a: '1', b: 'pieces', c: '' });
  });

  test('leaves all old files in place when the new content fails', async () => {
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

  test('names a folder that cannot be written into', async () => {
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
    expect(refused).toBeInstanceOf(WriteError);
  });

  const tail = newWriteId().split('-')[1];
  const [dead, alive] = [`${2 ** 31 - 1}-${tail}`, `${process.ppid}-${tail}`];
  test('finishes complete writes of dead processes and removes incomplete ones', async () => {
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

  test('leaves what another machine or container writes, for a day', async () => {
    const dir = await fresh();
    const other = `${tail[0] === '0' ? '1' : '0'}${tail.slice(1)}`;
    const [young, old] = [`a.${2 ** 31 - 1}-${other}.tmp`, `b.${process.ppid}-${other}.tmp`];
    for (const name of [young, old]) await writeFile(join(dir, name), 'half');
    const before = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(join(dir, old), before, before);
    await writeFiles(dir, { c: 'c' });
    expect(await texts(dir)).toEqual({ [young]: 'half', c: 'c' });
  });
});
