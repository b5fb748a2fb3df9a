import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { reachedDeclarations, VENDORED } from '../scripts/prepack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const manifest = readJson('package.json');
const exports: Record<string, string | { types: string; default: string }> = manifest.exports;
const entries = Object.entries(exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [{ name, ...target }],
);

/** Files of src that importing an entry loads at once. */
function loadedBy(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, isType, target] of text.matchAll(
      /^(?:import|export|\})(?: (type))?(?: [^;'(]*?from)? '(\.[^']+)';$/gm,
    ))
      if (!isType) visit(resolve(dirname(path), target));
  };
  visit(join(root, entry.replace('./dist/', '').replace(/\.js$/, '.ts')));
  return [...seen].map((path) => relative(join(root, 'src'), path));
}

const floorsOf = (name: string) => {
  const entry = entries.find((entry) => entry.name === name)!;
  return new Set(loadedBy(entry.default).map((path) => path.split('/')[0]));
};

describe('the entries of the package', () => {
  it.each(entries)('$name is a file of src', (entry) => {
    const source = entry.default.replace('./dist/', '').replace(/\.js$/, '.ts');
    expect(existsSync(join(root, source))).toBe(true);
    expect(entry.types).toBe(entry.default.replace(/\.js$/, '.d.ts'));
  });

  it.each([
    ['.', ['bert', 'text', 'train', 'study']],
    ['./nn', ['bert', 'text', 'train', 'formats']],
    ['./optim', ['bert', 'text', 'train', 'formats']],
    ['./kernels', ['nn', 'bert', 'text', 'train', 'formats']],
    ['./bert', ['train', 'study']],
    ['./tokenizers', ['tensor', 'device', 'kernels', 'bert', 'train']],
    ['./train', ['study', 'cli']],
  ])('%s does not load %j', (name, others) => {
    const floors = floorsOf(name);
    expect(floors.size).toBeGreaterThan(1);
    for (const other of others) expect(floors).not.toContain(other);
  });
});

/** The files of a folder, with those of its folders. */
const filesIn = (dir: string): string[] =>
  readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, dir, name))
    .filter((path) => statSync(path).isFile());

/** Packages that npm installs with this one when optional ones are left out. */
function installedPackages(): string[] {
  const { packages } = readJson('package-lock.json');
  return Object.keys(packages).filter((path) => {
    const { dev, optional, devOptional, peer } = packages[path];
    return path !== '' && !dev && !optional && !devOptional && !peer;
  });
}

/** The package that a line imports; `wigbert` is imported by the program that `init` writes. */
const PACKAGE = /^(?:import|export|\}).* from '(?!node:|wigbert)([^.#'][^']*)';$/gm;

describe('the package', () => {
  it('depends on each package that it imports, or holds a copy', () => {
    const { dependencies, optionalDependencies, peerDependencies } = manifest;
    const known = { ...dependencies, ...optionalDependencies, ...peerDependencies, ...VENDORED };
    const imported = filesIn('src')
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(PACKAGE)])
      .map(([, name]) => name);
    expect(imported).toContain('valibot');
    expect(imported.filter((name) => !Object.hasOwn(known, name))).toEqual([]);
  });

  // Packing removes comments, which come to some 0.4 MB more.
  it('takes less than 10 MB without webgpu and the larger model', () => {
    const types = new Set<string>();
    for (const entry of entries) reachedDeclarations(join(root, entry.types), types);
    const names = manifest.files as string[];
    const left = names
      .filter((name) => /^!.*\w$/.test(name))
      .map((name) => join(root, name.slice(1)));
    left.push(join(root, 'models/bert-mini-ko'));
    const packed = names
      .filter((name) => existsSync(join(root, name)))
      .flatMap((name) => (statSync(join(root, name)).isFile() ? join(root, name) : filesIn(name)))
      .filter((path) => !left.some((folder) => path.startsWith(folder)))
      .filter((path) => !path.endsWith('.map') && (!path.endsWith('.d.ts') || types.has(path)));
    const others = installedPackages();
    expect(others).toContain('node_modules/commander');
    const files = [...packed, ...others.flatMap(filesIn)];
    const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
    expect(bytes).toBeGreaterThan(5e6);
    expect(bytes).toBeLessThan(1e7);
  });
});
