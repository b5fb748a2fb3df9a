import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../src/platform/errors.ts';
import { lockFolder } from '../../src/platform/folderLock.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-lock-'));
afterAll(() => rm(root, { recursive: true }));
const fresh = () => mkdtemp(join(root, 'folder-'));
const LOCK = '.wigbert.lock';
const source = new URL('../../dist/src/platform/node/folderLock.js', import.meta.url).href;

const refusal = expect.objectContaining({
  name: UsageError.name,
  message: expect.stringMatching(
    new RegExp(`being written to by another run \\(process ${process.pid} on `),
  ),
});

test('one writer at a time, named to the others', async () => {
  const dir = join(await fresh(), 'new', 'folder');
  const unlock = await lockFolder(dir);
  await expect(lockFolder(dir)).rejects.toThrow(refusal);
  await unlock();
  await (await lockFolder(dir))();
  expect(await readdir(dir)).toEqual([]);
});

test('of many that come at once, one gets it', async () => {
  const dir = await fresh();
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(dir)));
  const got = results.filter(({ status }) => status === 'fulfilled');
  expect(got).toHaveLength(1);
  await (got[0] as PromiseFulfilledResult<() => Promise<void>>).value();
});

test('the lock of a process that has ended is taken over', async () => {
  const dir = await fresh();
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.on('exit', resolve));
  const dead = [
    { pid: child.pid, host: hostname(), began: '1' },
    // The id of a process that runs, but began at another time.
    { pid: process.pid, host: hostname(), began: '1' },
    { pid: process.ppid, host: hostname(), began: '1' },
  ];
  for (const holder of [...dead.map((of) => JSON.stringify(of)), '', '{']) {
    await writeFile(join(dir, LOCK), holder);
    const unlock = await lockFolder(dir);
    expect(JSON.parse(await readFile(join(dir, LOCK), 'utf8')).pid).toBe(process.pid);
    await unlock();
  }
});

test('a process that is about to end is waited for, one that goes on is named', async () => {
  const dir = await fresh();
  const locking = `import { lockFolder } from ${JSON.stringify(source)};
    await lockFolder(${JSON.stringify(dir)});
    console.log('locked');
    setTimeout(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', locking]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await expect(lockFolder(dir)).rejects.toThrow(`(process ${child.pid} on `);
  setTimeout(() => child.kill('SIGKILL'), 100);
  await (await lockFolder(dir))();
});

test('of many that take over a lock, one gets it', async () => {
  const dir = await fresh();
  await writeFile(join(dir, LOCK), JSON.stringify({ pid: 1, host: hostname(), began: '-' }));
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(dir)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a lock of another machine counts while it shows signs of life', async () => {
  const dir = await fresh();
  await writeFile(join(dir, LOCK), JSON.stringify({ pid: 7, host: 'elsewhere', began: '1' }));
  await expect(lockFolder(dir)).rejects.toThrow(/process 7 on elsewhere/);
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(join(dir, LOCK), longAgo, longAgo);
  await (await lockFolder(dir))();
});
