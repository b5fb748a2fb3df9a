import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  findDamage,
  recoverFolders,
  removeFolder,
  writeFolder,
} from '../../src/platform/checkedFolder.ts';
import { UsageError, WriteError } from '../../src/platform/errors.ts';
import { Philox } from '../../src/tensor/random.ts';

const root = await mkdtemp(join(tmpdir(), 'wigbert-folder-'));
afterAll(() => rm(root, { recursive: true }));
const fresh = () => mkdtemp(join(root, 'parent-'));

const weights = Uint8Array.from({ length: 300 }, (_, i) => i);
async function* pieces() {
  yield weights.subarray(0, 100);
  yield weights.subarray(100);
}

describe('writeFolder', () => {
  test('writes files whole, and replaces what stood there', async () => {
    const parent = await fresh();
    const dir = join(parent, 'a');
    await writeFolder(dir, { 'w.bin': pieces(), 'c.json': '{}' });
    expect(await findDamage(dir)).toBeUndefined();
    await writeFolder(dir, { 'c.json': '{"b": "값"}' });
    expect(await findDamage(dir)).toBeUndefined();
    expect((await readdir(dir)).sort()).toEqual(['c.json', 'manifest.json']);
    expect(await readdir(parent)).toEqual(['a']);
  });

  test('leaves the old folder in place when the new one fails', async () => {
    const parent = await fresh();
    const dir = join(parent, 'a');
    await writeFolder(dir, { a: 'old' });
    const full = Object.assign(
      (async function* () {
        yield weights;
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
          code: 'ENOSPC',
          syscall: 'write',
        });
      })(),
      { bytes: 2_500_000 },
    );
    const error = await writeFolder(dir, { b: '12', a: full }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(WriteError);
    expect(error.message).toMatch(/cannot write into .*ENOSPC.*; 2\.5 MB are needed there$/);
    expect(await readFile(join(dir, 'a'), 'utf8')).toBe('old');
    expect(await readdir(parent)).toEqual(['a']);
    await writeFile(join(parent, 'file'), '');
    await expect(writeFolder(join(parent, 'file', 'b'), { a: '' })).rejects.toThrow(UsageError);
  });
});

describe('findDamage', () => {
  test('sees each changed byte, of the manifest too', async () => {
    const dir = join(await fresh(), 'a');
    await writeFolder(dir, { 'w.bin': pieces(), 'c.json': '{"a": 1}\n' });
    const random = new Philox(5);
    for (const name of await readdir(dir)) {
      const whole = await readFile(join(dir, name));
      for (let i = 0; i < 60; i++) {
        const changed = Uint8Array.from(whole);
        changed[random.randint(whole.length)] ^= 1 << random.randint(8);
        await writeFile(join(dir, name), changed);
        // A hash that changed in the manifest looks like another file's damage.
        const named = name === 'manifest.json' ? '' : name;
        expect(await findDamage(dir), `${name} ${i}`).toContain(named);
      }
      await writeFile(join(dir, name), whole.subarray(1));
      expect(await findDamage(dir)).toContain(name);
      await writeFile(join(dir, name), whole);
    }
    await rm(join(dir, 'w.bin'));
    expect(await findDamage(dir)).toBe('w.bin is missing');
  });
});

describe('recoverFolders', () => {
  const id = '123-0123456789ab';

  test.each([
    ['before the new one is complete', ['a', `a.${id}.tmp`], 'old'],
    ['between the two renames', [`a.${id}.old`, `a.${id}.tmp`], 'new'],
    ['before the old one is removed', [`a.${id}.old`, 'a'], 'new'],
  ])('a crash %s', async (_, names, expected) => {
    const parent = await fresh();
    for (const [i, name] of names.entries()) {
      const isNew = i === 1 && (name === 'a' || names[0] !== 'a');
      await writeFolder(join(parent, 'x'), { v: isNew ? 'new' : 'old' });
      await rename(join(parent, 'x'), join(parent, name));
    }
    await recoverFolders(parent);
    expect(await readdir(parent)).toEqual(['a']);
    expect(await readFile(join(parent, 'a', 'v'), 'utf8')).toBe(expected);
    expect(await findDamage(join(parent, 'a'))).toBeUndefined();
  });

  test('leaves other folders alone', async () => {
    const parent = await fresh();
    await mkdir(join(parent, 'mine.tmp'));
    await writeFolder(join(parent, 'a'), { v: '' });
    await writeFolder(join(parent, 'b'), { v: '' });
    await removeFolder(join(parent, 'b'));
    await recoverFolders(parent);
    expect((await readdir(parent)).sort()).toEqual(['a', 'mine.tmp']);
  });
});
