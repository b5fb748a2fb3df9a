/**
 * Folders that are written whole and checked when they are read. A browser cannot rename folders:
 * an empty file `NAME.part` beside the folder marks one that is being written or removed, and
 * `manifest.json`, with the size and SHA-256 of each file, is written last. `recoverFolders`
 * removes what is marked.
 */
import { damageOf, MANIFEST, type Manifest, serializeManifest } from '../manifest.ts';
import { joinPath } from '../paths.ts';
import type { FileContent } from '../types.ts';
import { hashBytes } from './hash.ts';
import {
  bytesOf,
  findFile,
  NOTHING,
  namesIn,
  plainPath,
  removePrivate,
  throwUnwritable,
  writeInPlace,
  writePrivate,
} from './privateFiles.ts';

const MARK = '.part';
const markOf = (dir: string): string => `${plainPath(dir)}${MARK}`;

/** Writes a folder; one of that name is removed first. */
export async function writeFolder(dir: string, files: Record<string, FileContent>): Promise<void> {
  try {
    await writePrivate(markOf(dir), NOTHING);
    await removePrivate(dir);
    const manifest: Manifest = { files: {} };
    for (const [name, content] of Object.entries(files)) {
      const bytes = await bytesOf(content);
      await writeInPlace(joinPath(dir, name), bytes);
      manifest.files[name] = await hashBytes(bytes);
    }
    await writePrivate(joinPath(dir, MANIFEST), await bytesOf(serializeManifest(manifest)));
    await removePrivate(markOf(dir));
  } catch (error) {
    await removeFolder(dir).catch(() => {});
    throwUnwritable(dir, error);
  }
}

/** What is wrong with a folder of `writeFolder`; undefined if it is whole. */
export async function findDamage(dir: string): Promise<string | undefined> {
  const text = await (await findFile(joinPath(dir, MANIFEST)))?.text();
  return damageOf(text, async (name) => {
    const file = await findFile(joinPath(dir, name));
    return file && hashBytes(new Uint8Array(await file.arrayBuffer()));
  });
}

/** Removes a folder that `writeFolder` wrote. */
export async function removeFolder(dir: string): Promise<void> {
  await writePrivate(markOf(dir), NOTHING);
  await removePrivate(dir);
  await removePrivate(markOf(dir));
}

/** Removes what a closed tab left of folders in `parent`. */
export async function recoverFolders(parent: string): Promise<void> {
  const files = (await namesIn(parent))?.file ?? [];
  for (const name of files.filter((each) => each.endsWith(MARK)))
    await removeFolder(joinPath(parent, name.slice(0, -MARK.length)));
}
