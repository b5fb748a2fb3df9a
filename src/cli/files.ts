import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../platform/errors.ts';

/**
 * The files that arguments name: each is a file, several separated by commas, or a pattern with `*`
 * and `?` in the name of the file, where the shell has not filled it in.
 * @throws UsageError for a pattern that fits no file.
 */
export async function expandFiles(given: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const argument of given) {
    const parts = existsSync(argument) ? [argument] : argument.split(',');
    for (const part of parts) files.push(...(await expandPattern(part)));
  }
  return files;
}

async function expandPattern(path: string): Promise<string[]> {
  const pattern = basename(path);
  if (existsSync(path) || !/[*?]/.test(pattern)) return [path];
  const escaped = pattern.replace(/[\\^$.+()[\]{}|]/g, '\\$&');
  const fits = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  const names = await readdir(dirname(path)).catch(() => []);
  const found = names.filter((name) => fits.test(name) && !name.startsWith('.')).sort();
  if (found.length === 0) throw new UsageError(`no file fits ${path}`);
  return found.map((name) => (path.includes('/') ? join(dirname(path), name) : name));
}
