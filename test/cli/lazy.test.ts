import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryFile } from '../support/cli.ts';

const dist = repositoryFile('dist/src');

/** What a module loads at once, with all that these load; dynamic imports are not followed. */
function loaded(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  const text = readFileSync(path, 'utf8');
  for (const [, target] of text.matchAll(/^(?:import|export) [^;]*?from ["'](\.[^"']+)["']/gm))
    loaded(join(dirname(path), target), found);
  return found;
}

it('--help loads no engine', () => {
  const paths = [...loaded(join(dist, 'cli/main.js'))].map((path) => relative(dist, path));
  expect(paths.map((path) => path.split(sep).join('/'))).toContain('cli/commands/train.js');
  const engine = ['tensor', 'kernels', 'device', 'nn', 'measure', 'bench'];
  expect(paths.filter((path) => engine.includes(path.split(sep)[0]))).toEqual([]);
  expect(paths.length).toBeLessThan(50);
});
