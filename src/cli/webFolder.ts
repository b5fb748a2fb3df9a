import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../platform/errors.ts';
import { shippedFile } from './shippedFile.ts';

/** Where the page is built. */
export const webFolder = (): string => shippedFile('dist/web');

/**
 * The path of a file of the built page.
 * @throws UsageError in a clone where it is not built yet.
 */
export function builtPage(name: string): string {
  const path = join(webFolder(), name);
  if (existsSync(path)) return path;
  throw new UsageError(`${path} is missing: in a clone, build the page first (npm run web:build)`);
}
