import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The path of a file of the package, from dist/src/cli. */
export const shippedFile = (path: string): string =>
  fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** The package's version. */
export const packageVersion = (): string =>
  JSON.parse(readFileSync(shippedFile('package.json'), 'utf8')).version;
