import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>;
};
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
