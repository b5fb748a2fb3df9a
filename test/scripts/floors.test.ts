import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { checkFloors, circles, importsOf } from '../../scripts/floors.mjs';

const check = (files: Record<string, string>): string[] =>
  checkFloors(new Map(Object.entries(files)));

test('finds every kind of import, but not what comments and strings say', () => {
  const text = `import a from './a.ts';
import type { B } from './b.ts';
export * from './c.ts';
export type { D } from './d.ts';
const e = async () => await import('./e.ts');
let f: import('./f.ts').F;
import './g.ts';
import { type H, h } from './h.ts';
// import x from './x.ts';
/** import y from './y.ts' */
const s = "import z from './z.ts'" + \`import './w.ts'\`;
export const local = 1;
`;
  expect(importsOf(text)).toEqual([
    { line: 1, target: './a.ts' },
    { line: 2, target: './b.ts' },
    { line: 3, target: './c.ts' },
    { line: 4, target: './d.ts' },
    { line: 5, target: './e.ts' },
    { line: 6, target: './f.ts' },
    { line: 7, target: './g.ts' },
    { line: 8, target: './h.ts' },
  ]);
});

describe('floors', () => {
  test('a house in order', () => {
    expect(
      check({
        'platform/files.ts': `await import('node:fs/promises');`,
        'device/device.ts': `import '../platform/files.ts'; import './pool.ts';`,
        'device/pool.ts': `import type { Files } from '../platform/files.ts';`,
        'tensor/ops/add.ts': `import '../tensor.ts'; import '../../kernels/map.ts';`,
        'tensor/tensor.ts': '',
        'kernels/map.ts': `import { wgsl } from '../device/device.ts';`,
        'index.ts': `export * from './tensor/tensor.ts'; export * from './train/fit.ts';`,
        'train/fit.ts': `import 'valibot';`,
        'cli/main.ts': `import 'node:fs'; import '../index.ts'; import '../../package.json';`,
      }),
    ).toEqual([]);
  });

  test('an import up a floor, of types or dynamic too', () => {
    expect(
      check({
        'device/a.ts': `\nimport { relu } from '../kernels/relu.ts';`,
        'kernels/b.ts': `import type { Tensor } from '../tensor/tensor.ts';`,
        'nn/c.ts': `const bert = () => import('../bert/model.ts');`,
      }),
    ).toEqual([
      'src/device/a.ts:2 imports up from src/kernels (../kernels/relu.ts): ' +
        'move the shared code to src/device or below, or pass it as an argument',
      expect.stringMatching(/^src\/kernels\/b\.ts:1 imports up from src\/tensor /),
      expect.stringMatching(/^src\/nn\/c\.ts:1 imports up from src\/bert /),
    ]);
  });

  test('src/index.ts stands above all but cli', () => {
    expect(check({ 'train/a.ts': `import '../index.ts';` })).toEqual([
      expect.stringMatching(/^src\/train\/a\.ts:1 imports up from src\/index /),
    ]);
    expect(check({ 'index.ts': `export * from './cli/main.ts';` })).toEqual([
      expect.stringMatching(/^src\/index\.ts:1 imports up from src\/cli /),
    ]);
  });

  test('an import from outside src, but for package.json', () => {
    expect(
      check({ 'cli/a.ts': `import '../../bench/cases.ts'; import '../../package.json';` }),
    ).toEqual([
      'src/cli/a.ts:1 imports from outside src (../../bench/cases.ts): move that file into src',
    ]);
  });

  test('a file on no floor', () => {
    expect(check({ 'util/a.ts': '', 'b.ts': '' })).toEqual([
      expect.stringMatching(/^src\/util\/a\.ts:1 is on no floor/),
      expect.stringMatching(/^src\/b\.ts:1 is on no floor/),
    ]);
  });

  test('#platform is for the files of platform, which draw no circle through it', () => {
    expect(check({ 'bert/a.ts': `import { readBytes } from '#platform';` })).toEqual([
      expect.stringMatching(/^src\/bert\/a\.ts:1 imports #platform: import the file of src/),
    ]);
    const files = { 'platform/browser.ts': '', 'platform/a.ts': `export { a } from '#platform';` };
    expect(check({ ...files, 'platform/node.ts': '' })).toEqual([]);
    expect(check({ ...files, 'platform/node.ts': `import './a.ts';` })).toEqual([
      expect.stringContaining('circle (platform/a.ts → platform/node.ts → platform/a.ts)'),
    ]);
  });

  test("Node's modules stay in platform and cli, with and without node:", () => {
    const text = `import { readFileSync } from 'node:fs';\nconst path = await import('path');`;
    expect(check({ 'platform/a.ts': text, 'cli/b.ts': text })).toEqual([]);
    expect(check({ 'bert/c.ts': text })).toEqual([
      expect.stringMatching(/^src\/bert\/c\.ts:1 imports node:fs, .*src\/platform$/),
      expect.stringMatching(/^src\/bert\/c\.ts:2 imports path, /),
    ]);
  });
});

describe('circles', () => {
  test('each once, however they are entered', () => {
    const graph = new Map([
      ['entry', ['b', 'a']],
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['a', 'd']],
      ['d', ['d']],
    ]);
    expect(circles(graph)).toEqual([
      ['b', 'c', 'a', 'b'],
      ['d', 'd'],
    ]);
  });

  test('are reported with the line of the first import; imports of types draw them too', () => {
    const a = `\nimport { b } from './b.ts';`;
    expect(check({ 'nn/a.ts': a, 'nn/b.ts': `import { a } from './a.ts';` })).toEqual([
      'src/nn/a.ts:2 imports in a circle (nn/a.ts → nn/b.ts → nn/a.ts): ' +
        'move the shared code to a file of its own',
    ]);
    expect(check({ 'nn/a.ts': a, 'nn/b.ts': `import type { A } from './a.ts';` })).toHaveLength(1);
  });

  test('are not drawn by two paths to one file', () => {
    const files = {
      'nn/a.ts': `import './b.ts'; import './c.ts';`,
      'nn/b.ts': `import './c.ts';`,
      'nn/c.ts': '',
    };
    expect(check(files)).toEqual([]);
  });
});

describe('as a command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wigbert-floors-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const run = (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const script = fileURLToPath(new URL('../../scripts/floors.mjs', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], {
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  test('is silent when nothing is wrong', () => {
    expect(run({ 'device/a.ts': `import './b.ts';`, 'device/b.ts': '' })).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('exits with code 1 and prints a line per problem', () => {
    const { status, stderr } = run({ 'device/a.ts': `import '../cli/b.ts';`, 'cli/b.ts': '' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^src\/device\/a\.ts:1 imports up from src\/cli .*\n$/);
  });

  test('reports a missing folder', () => {
    expect(run({}).stderr).toContain('there is no folder');
  });
});
