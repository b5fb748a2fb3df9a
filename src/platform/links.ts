import { joinPath } from './runtime.ts';

/**
 * Links `dir/name` to a file, creating the folder if needed; an existing entry stays. Copies the
 * file on Windows, where most users may not create links. Node only.
 * @param target path of the file relative to `dir`
 */
export async function linkFile(dir: string, name: string, target: string): Promise<void> {
  const { copyFile, mkdir, symlink } = await import('node:fs/promises');
  await mkdir(dir, { recursive: true });
  const path = joinPath(dir, name);
  await symlink(target, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return;
    if (error.code === 'EPERM') return copyFile(joinPath(dir, target), path);
    throw error;
  });
}
