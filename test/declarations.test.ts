import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { repositoryFile } from './support/cli.ts';

/** Packages whose types the declarations of an entry reach, with the file that names them. */
function packagesOf(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path)) return [];
  seen.add(path);
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*["']([^"'#]+)["']/g)].flatMap(([, target]) =>
    target.startsWith('.')
      ? packagesOf(join(dirname(path), target.replace(/\.[jt]s$/, '.d.ts')), seen)
      : `${target} in ${path.slice(path.indexOf('dist/'))}`,
  );
}

const entries = Object.entries(packageJson.exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [[name, target.types] as const],
);

// Types of a schema library need a newer TypeScript than ours do.
it.each(entries)('the declarations of %s need no other package', (_, types) => {
  expect(packagesOf(repositoryFile(types))).toEqual([]);
});
