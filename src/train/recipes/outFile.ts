import { ensureWritableFolder, writeFiles } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, pathExists } from '../../platform/readFiles.ts';

function split(path: string): [dir: string, name: string] {
  const at = path.search(/[^/\\]*$/);
  return [path.slice(0, at) || '.', path.slice(at)];
}

/**
 * Checks that a file can be written, before long work whose result it takes.
 * @throws UsageError for the path of a folder, or in a folder that cannot be written to.
 */
export async function checkOutFile(path: string): Promise<void> {
  const [dir, name] = split(path);
  if (name === '' || ((await pathExists(path)) && !(await fileExists(path))))
    throw new UsageError(`\`out\`: expected the path of a file, got ${path}`);
  await ensureWritableFolder(dir);
}

/** Writes a file, which takes its name once it is whole. Throws as `writeFiles`. */
export function writeOutFile(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const [dir, name] = split(path);
  return writeFiles(dir, { [name]: content });
}
