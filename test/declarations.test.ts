import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { repositoryFile } from './support/cli.ts';

/** The declarations that an entry reaches, by path. */
function reached(path: string, found = new Map<string, string>()): Map<string, string> {
  if (found.has(path)) return found;
  const text = readFileSync(path, 'utf8');
  found.set(path, text);
  for (const [, target] of text.matchAll(/(?:from|import\()\s*["'](\.[^"']+)["']/g))
    reached(join(dirname(path), target.replace(/\.[jt]s$/, '.d.ts')), found);
  return found;
}

const entries = Object.entries(packageJson.exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [[name, target.types] as const],
);

describe.each(entries)('the declarations of %s', (_, types) => {
  const texts = [...reached(repositoryFile(types))];
  const withText = (pattern: RegExp) =>
    texts.flatMap(([path, text]) => (pattern.test(text) ? path : []));

  // Types of a schema library need a newer TypeScript than ours do.
  it('need no other package', () => {
    expect(withText(/(?:from|import\()\s*["'][^"'.#]/)).toEqual([]);
  });

  // TypeScript 5.0 to 5.6 know typed arrays without a parameter.
  it('have typed arrays as all versions know them', () => {
    expect(withText(/Array<ArrayBuffer/)).toEqual([]);
  });
});
