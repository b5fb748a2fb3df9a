import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packedModule, prepack, undoPrepack, VENDORED } from '../../scripts/prepack.mjs';

const root = mkdtempSync(join(tmpdir(), 'wigbert-prepack-'));
afterAll(() => rmSync(root, { recursive: true }));
const put = (path: string, text: string) => {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('a module that is packed', () => {
  it.each([
    ['/** Adds. */\nexport const add = 1;\n', 'export const add = 1;\n'],
    ['// why\nexport const a = 1; // and here\n', 'export const a = 1;\n'],
    ['export const wgsl = `\n// kept: text\n`;\n', 'export const wgsl = `\n// kept: text\n`;\n'],
    ['export const url = "https://a/b";\n', 'export const url = "https://a/b";\n'],
    ['import(/* @vite-ignore */ name);\n', 'import(/* @vite-ignore */ name);\n'],
  ])('%j becomes %j', (text, expected) => {
    expect(packedModule(text, 'src/a.js')).toBe(expected);
  });

  it.each([
    ['src/a.js', '../vendor/valibot.js'],
    ['src/train/recipes/b.js', '../../../vendor/valibot.js'],
  ])('imports the copy from %s', (path, copy) => {
    const found: string[] = [];
    const text = "import * as v from 'valibot';\nimport 'commander';\nexport { v };\n";
    expect(packedModule(text, path, (name: string) => found.push(name))).toBe(
      text.replace('valibot', copy),
    );
    expect(found).toEqual(['valibot']);
  });
});

it('a package is prepared, twice with the same result, and undone', () => {
  put(
    'package.json',
    '{ "exports": { ".": { "types": "./dist/src/index.d.ts" }, "./d/*": "./d/*" } }',
  );
  put('dist/src/index.js', "// one\nimport * as v from 'valibot';\nexport default v;\n");
  put('dist/src/index.d.ts', "/** One. */\nexport * from './lib/reached.ts';\n");
  put('dist/src/lib/reached.d.ts', "export type A = import('./type.js').B;\n");
  put('dist/src/lib/type.d.ts', 'export type B = 1;\n');
  put('dist/src/lib/inner.d.ts', 'export {};\n');
  const { module, licence } = VENDORED.valibot;
  put(join('node_modules/valibot', module), 'export const string = 1;\n');
  put(join('node_modules/valibot', licence), 'MIT\n');
  const built = statSync(join(root, 'dist/src/index.js')).mtimeMs;
  for (let times = 0; times < 2; times++) {
    prepack(root);
    expect(read('dist/src/index.js')).toBe(
      "import * as v from '../vendor/valibot.js';\nexport default v;\n",
    );
    expect(read('dist/src/index.d.ts')).toContain('/** One. */');
    expect(read('dist/vendor/valibot.js')).toContain('string');
    expect(read('dist/vendor/valibot.LICENSE')).toBe('MIT\n');
    const kept = ['reached', 'type', 'inner'].filter((name) =>
      existsSync(join(root, `dist/src/lib/${name}.d.ts`)),
    );
    expect(kept).toEqual(['reached', 'type']);
  }
  for (let times = 0; times < 2; times++) {
    undoPrepack(root);
    expect(readdirSync(join(root, 'dist'))).toEqual(['src']);
    expect(read('dist/src/index.js')).toMatch(/^\/\/ one/);
    expect(existsSync(join(root, 'dist/src/lib/inner.d.ts'))).toBe(true);
    // No build follows: the output is as old as it was.
    expect(statSync(join(root, 'dist/src/index.js')).mtimeMs).toBeCloseTo(built, 0);
  }
});

it('each package that is copied imports no other', () => {
  for (const [name, { module }] of Object.entries<{ module: string }>(VENDORED)) {
    const path = new URL(`../../node_modules/${name}/${module}`, import.meta.url);
    expect(readFileSync(path, 'utf8')).not.toMatch(/^import .*from ['"][^.]/m);
  }
});
