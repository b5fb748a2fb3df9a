/**
 * Folders that are written whole and checked when they are read. A crash at any moment leaves the
 * old folder or the new one.
 *
 * 1. The files are written into `NAME.ID.tmp` beside the folder and flushed to the disk; last of
 *    them `manifest.json`, with the size and SHA-256 of each.
 * 2. The folder is renamed to its name. One that stands there is first renamed to `NAME.ID.old`,
 *    and removed afterwards.
 *
 * `recoverFolders` finishes or removes what a crash left.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { damageOf, MANIFEST, type Manifest, serializeManifest } from '../manifest.ts';
import { joinPath } from '../paths.ts';
import type { FileContent, SystemError } from '../types.ts';
import { newWriteId, syncFolder, throwUnwritable, writeFlushed } from './atomicWrite.ts';
import { createHash, hashFile } from './hash.ts';
import { pathExists } from './readFiles.ts';

/**
 * Writes a folder, replacing one of that name. Names of files may be paths in it.
 * @throws UsageError when it cannot be written; WriteError, telling how much is needed, when the
 * disk is full. What stood there is then untouched.
 */
export async function writeFolder(dir: string, files: Record<string, FileContent>): Promise<void> {
  const [temporary, old] = partsOf(dir);
  const folders = new Set(Object.keys(files).map((name) => dirname(joinPath(temporary, name))));
  try {
    for (const folder of folders.add(temporary)) await mkdir(folder, { recursive: true });
    const manifest: Manifest = { files: {} };
    for (const [name, content] of Object.entries(files))
      manifest.files[name] = await writeHashed(joinPath(temporary, name), content);
    await writeFlushed(joinPath(temporary, MANIFEST), serializeManifest(manifest));
    for (const folder of folders) await syncFolder(folder);
    if (await pathExists(dir)) await rename(dir, old);
    await rename(temporary, dir);
    await syncFolder(parentOf(dir));
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    if (!(await pathExists(dir)) && (await pathExists(old))) await rename(old, dir);
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throwUnwritable(dir, error as SystemError, files);
  }
}

const partsOf = (dir: string) => {
  const id = newWriteId();
  return [`${dir}.${id}.tmp`, `${dir}.${id}.old`];
};

/** The folder that holds a folder, as one writes it. */
const parentOf = (dir: string): string => joinPath(dir, '..');

async function writeHashed(path: string, content: FileContent) {
  const hash = await createHash('sha256');
  let bytes = 0;
  const add = (piece: Uint8Array) => {
    hash.update(piece);
    bytes += piece.length;
    return piece;
  };
  const hashed = async function* () {
    if (typeof content === 'string') yield add(Buffer.from(content));
    else if (content instanceof Uint8Array) yield add(content);
    else for await (const piece of content) yield add(piece);
  };
  await writeFlushed(path, hashed());
  return { bytes, sha256: await hash.digest('hex') };
}

/**
 * What is wrong with a folder of `writeFolder`: a file is missing, or has not the size or the
 * content it was written with. Undefined if it is whole.
 */
export async function findDamage(dir: string): Promise<string | undefined> {
  const text = await readFile(joinPath(dir, MANIFEST), 'utf8').catch(() => undefined);
  return damageOf(text, async (name) => {
    const path = joinPath(dir, name);
    return (await pathExists(path)) ? hashFile(path) : undefined;
  });
}

/** Names of the folders in a folder; none if it is missing. */
export async function folderNames(parent: string): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : []));
}

/** Removes a file, if it is there. */
export const removeFile = (path: string): Promise<void> => rm(path, { force: true });

/** Removes a folder that `writeFolder` wrote: first its name, so that none is left half-removed. */
export async function removeFolder(dir: string): Promise<void> {
  const [temporary] = partsOf(dir);
  await rename(dir, temporary);
  await rm(temporary, { recursive: true, force: true });
}

const LEFTOVER = /^(.+)\.(\d+-[0-9a-f]{12})\.(tmp|old)$/;

/**
 * Finishes or removes what crashes left of folders in `parent`. Only whoever holds the lock of
 * `parent` may call it.
 */
export async function recoverFolders(parent: string): Promise<void> {
  const leftovers = (await folderNames(parent)).filter((name) => LEFTOVER.test(name));
  for (const name of leftovers) {
    const [, target, id, kind] = LEFTOVER.exec(name)!;
    const path = joinPath(parent, target);
    // An old folder makes room only for a new one that is complete.
    if (kind === 'old' && !(await pathExists(path)))
      await rename(joinPath(parent, `${target}.${id}.tmp`), path);
  }
  for (const name of leftovers) await rm(joinPath(parent, name), { recursive: true, force: true });
}
