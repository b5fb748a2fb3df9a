import { UsageError } from './errors.ts';
import { isNode } from './files.ts';

/**
 * The names in a folder, sorted; null in a browser, where folders cannot be listed.
 * @throws UsageError when it is missing or not a folder.
 */
export async function listFolder(dir: string): Promise<string[] | null> {
  if (!isNode) return null;
  const { readdir } = await import('node:fs/promises');
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'no such folder'
        : code === 'ENOTDIR'
          ? 'is a file, not a folder'
          : message;
    throw new UsageError(`cannot read ${dir}: ${why}`);
  }
}
