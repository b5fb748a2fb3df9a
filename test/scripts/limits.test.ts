import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkEntries, checkFile } from '../../scripts/limits.mjs';

describe('a file', () => {
  test('at its limits is in order, the last line end not counted', () => {
    expect(checkFile('a.ts', `${'x'.repeat(100)}\n`.repeat(300))).toEqual([]);
  });

  test('with a line that is too long; columns are characters, not UTF-16 units', () => {
    expect(checkFile('a.ts', '😀'.repeat(100))).toEqual([]);
    expect(checkFile('a.ts', `\n${'한'.repeat(101)}\n`)).toEqual([
      'a.ts:2 has 101 columns: break the line at 100',
    ]);
  });

  test('with too many lines', () => {
    expect(checkFile('a.ts', '\n'.repeat(301))).toEqual([
      'a.ts:1 has 301 lines: split it by topic, 300 at most',
    ]);
  });
});

test('a folder with too many entries', () => {
  expect(checkEntries('src/train', 8, 8)).toEqual([]);
  expect(checkEntries('src/train', 9, 8)).toEqual([
    'src/train has 9 entries: group related files in folders, 8 at most',
  ]);
});

test('as a command: code of all folders, but not of installed packages', () => {
  const root = mkdtempSync(join(tmpdir(), 'wigbert-limits-'));
  const script = fileURLToPath(new URL('../../scripts/limits.mjs', import.meta.url));
  const long = 'x'.repeat(101);
  for (const folder of ['src/nn', 'test', 'bench/peers/node_modules/a']) {
    mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, folder, 'a.mjs'), long);
    writeFileSync(join(root, folder, 'a.md'), long);
  }
  const run = () => spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr.match(/^\S+(?=:1 has 101 columns)/gm)).toEqual(['src/nn/a.mjs', 'test/a.mjs']);
  rmSync(join(root, 'src'), { recursive: true });
  rmSync(join(root, 'test'), { recursive: true });
  expect(run()).toMatchObject({ status: 0, stderr: '' });
  rmSync(root, { recursive: true });
});
