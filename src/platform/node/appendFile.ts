import { appendFile, mkdir } from 'node:fs/promises';
import { UsageError } from '../errors.ts';
import { joinPath } from '../paths.ts';

/**
 * Adds bytes to the end of a file, which is made, with its folder, if it is missing.
 * @throws UsageError when it cannot be written to.
 */
export async function appendToFile(dir: string, name: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
    await appendFile(joinPath(dir, name), bytes);
  } catch (error) {
    throw new UsageError(`cannot write into ${dir}: ${(error as Error).message}`);
  }
}
