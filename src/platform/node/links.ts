import { copyFile, mkdir, symlink } from 'node:fs/promises';
import { joinPath } from '../paths.ts';
import type { SystemError } from '../types.ts';

/**
 * Links `dir/name` to a file, creating the folder if needed; an existing entry stays. Copies the
 * file on Windows, where most users may not create links.
 * @param target path of the file relative to `dir`
 */
export async function linkFile(dir: string, name: string, target: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const path = joinPath(dir, name);
  await symlink(target, path).catch((error: SystemError) => {
    if (error.code === 'EEXIST') return;
    if (error.code === 'EPERM') return copyFile(joinPath(dir, target), path);
    throw error;
  });
}
