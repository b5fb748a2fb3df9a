import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildState, ensureBuild } from '../../../scripts/setup/build.mjs';

describe('dist', () => {
  const sources = new Map([
    ['src/a.ts', 100],
    ['src/cli/main.ts', 200],
    ['src/types.d.ts', 900],
  ]);
  const built = new Map([
    ['src/a.js', 300],
    ['src/a.js.map', 300],
    ['src/cli/main.js', 300],
  ]);

  test('is up to date', () => {
    expect(buildState(sources, built, 300)).toEqual({ stale: [], orphans: [] });
  });

  test('is not: a source changed, is new, or is gone; the configuration changed', () => {
    expect(buildState(new Map([...sources, ['src/a.ts', 301]]), built, 0).stale).toEqual([
      'src/a.js',
    ]);
    expect(buildState(new Map([...sources, ['src/b.ts', 1]]), built, 0).stale).toEqual([
      'src/b.js',
    ]);
    expect(buildState(new Map([['src/a.ts', 1]]), built, 0).orphans).toEqual(['src/cli/main.js']);
    expect(buildState(sources, built, 301).stale).toEqual(['src/a.js', 'src/cli/main.js']);
  });
});

describe('in a project', () => {
  let root: string;
  let said: string[];
  const say = (line: string) => said.push(line);
  const put = (path: string, text: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'wigbert-project-'));
    said = [];
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  test('dist is built once, rid of what has no source, and again after a change', async () => {
    put('src/a.ts', '');
    put('dist/src/gone.js', '');
    put('dist/src/gone.d.ts', '');
    put(
      'node_modules/typescript/bin/tsc',
      `require('fs').writeFileSync('dist/src/a.js', process.argv.join(' '));`,
    );
    put('tsconfig.json', '{}');
    const build = async () => {
      said = [];
      return [await ensureBuild(root, say), said.length];
    };
    expect(await build()).toEqual([true, 1]);
    expect(readdirSync(join(root, 'dist', 'src'))).toEqual(['a.js']);
    expect(readFileSync(join(root, 'dist/src/a.js'), 'utf8')).toContain(
      '-p tsconfig.build.json --noEmitOnError --noCheck',
    );
    expect(await build()).toEqual([true, 0]);
    const later = Date.now() / 1000 + 5;
    utimesSync(join(root, 'src', 'a.ts'), later, later);
    expect(await build()).toEqual([true, 1]);
  });

  test('errors of the build are passed on', async () => {
    put('src/a.ts', '');
    put('tsconfig.json', '{}');
    put(
      'node_modules/typescript/bin/tsc',
      `console.log('src/a.ts(1,1): error TS1'); process.exit(2);`,
    );
    expect(await ensureBuild(root, say)).toBe(false);
    expect(said[1]).toBe('the build failed:\nsrc/a.ts(1,1): error TS1');
  });
});
