import { lstat, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve, sep } from 'node:path';
import { UsageError } from '../errors.ts';
import { joinPath } from '../paths.ts';

/**
 * Checks a file of a folder that may come from anywhere, before it is read.
 * @param name of the file, or its path in the folder
 * @throws UsageError for a file that is a folder, a device or a pipe, that is too large, that is a
 * pointer of Git LFS, or that is a link out of the folder (`checkLink`) or in a linked folder.
 */
export async function checkFile(dir: string, name: string, maxBytes: number): Promise<void> {
  const path = joinPath(dir, name);
  const entry = await lstat(path).catch(() => undefined);
  // Removed since the folder was listed: reading it will say so.
  if (!entry) return;
  const parent = dirname(path);
  if (name.includes('/') && (await lstat(parent)).isSymbolicLink())
    throw new UsageError(`${parent} is a link: put the folder that was meant in its place`);
  if (entry.isSymbolicLink()) await checkLink(dir, name);
  const file = entry.isSymbolicLink() ? await stat(path) : entry;
  if (!file.isFile()) {
    const kind = file.isDirectory() ? 'a folder' : file.isFIFO() ? 'a pipe' : 'a device';
    throw new UsageError(`cannot read ${path}: is ${kind}, not a file`);
  }
  if (file.size > maxBytes)
    throw new UsageError(`${path}: expected at most ${maxBytes} bytes, got ${file.size}`);
  if (await isLfsPointer(path, file.size))
    throw new UsageError(
      `${path} is a pointer of Git LFS, not the file itself: run "git lfs pull" in the folder, ` +
        'or download the file again',
    );
}

/** A file that `git clone` leaves in place of a large one when Git LFS is not installed. */
async function isLfsPointer(path: string, size: number): Promise<boolean> {
  if (size > 1024) return false;
  const text = await readFile(path, 'latin1').catch(() => '');
  return text.startsWith('version https://git-lfs');
}

/**
 * A link may lead to a file in the same folder, to a blob from a snapshot in the hub's cache, or to
 * a file of the same name elsewhere, as people link large weights. Others are refused: a downloaded
 * folder could have any file of this machine read, and written into the next model.
 */
async function checkLink(dir: string, name: string): Promise<void> {
  const path = joinPath(dir, name);
  const folder = await realpath(dir);
  const target = resolve(await realpath(dirname(path)), await readlink(path));
  const real = await realpath(target).catch(() => {
    throw new UsageError(
      `${path} is a link to ${target}, which cannot be followed: put the file in its place`,
    );
  });
  const isWithin = (child: string, parent: string) => child.startsWith(parent + sep);
  if (isWithin(real, folder)) return;
  const isSnapshot = basename(dirname(folder)) === 'snapshots';
  if (isSnapshot && isWithin(real, await realpath(resolve(folder, '../../blobs')))) return;
  // The place must be outside, or a second link in the folder could bear the name and lead on.
  const place = await realpath(dirname(target));
  if (basename(target) === basename(name) && place !== folder && !isWithin(place, folder)) return;
  throw new UsageError(
    `${path} is a link to ${real}, out of the folder: copy that file in its place if it is ` +
      'meant to be read',
  );
}
