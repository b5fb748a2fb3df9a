import { ArgumentError } from '../errors.ts';
import { joinPath } from '../paths.ts';
import type { FileContent } from '../types.ts';
import {
  findFile,
  makeDir,
  NOTHING,
  namesIn,
  plainPath,
  removePrivate,
  throwUnwritable,
  withLock,
  writeInPlace,
  writePrivate,
} from './privateFiles.ts';

/**
 * Writing several files so that a tab that is closed at any moment leaves all the old ones or all
 * the new ones: each is written as `NAME.tmp` beside its place, an empty file `.saved` marks that
 * all are complete, and then they are copied to their places. `recoverWrites` goes on after the
 * mark; without it, the next write removes the temporary files. A lock keeps other tabs away.
 */
const [TEMPORARY, MARK] = ['.tmp', '.saved'];

const lockOf = (dir: string): string => `writes ${plainPath(dir)}`;

/** Adds bytes to the end of a file, which is made, with its folder, if it is missing. */
export const appendToFile = (dir: string, name: string, bytes: Uint8Array): Promise<void> =>
  writePrivate(joinPath(dir, name), bytes, { append: true }).catch((error) =>
    throwUnwritable(dir, error),
  );

/** Creates a folder if it is missing. */
export async function ensureWritableFolder(dir: string): Promise<void> {
  await makeDir(dir).catch((error) => throwUnwritable(dir, error));
}

/** Writes files into a folder, all or none. A text that is already there is not written again. */
export async function writeFiles(dir: string, files: Record<string, FileContent>): Promise<void> {
  for (const name of Object.keys(files))
    if (/[/\\]/.test(name))
      throw new ArgumentError(`writeFiles: expected the name of a file, got the path ${name}`);
  await makeDir(dir).catch((error) => throwUnwritable(dir, error));
  await withLock(lockOf(dir), () => writeAll(dir, files)).catch((error) =>
    throwUnwritable(dir, error),
  );
}

async function writeAll(dir: string, files: Record<string, FileContent>): Promise<void> {
  await finishWrite(dir);
  const changed: [string, FileContent][] = [];
  for (const [name, content] of Object.entries(files))
    if (typeof content !== 'string' || content !== (await textOf(joinPath(dir, name))))
      changed.push([name, content]);
  // A single file takes its place at once, unless it is written piece by piece.
  if (changed.length === 1 && isWhole(changed[0][1]))
    return writePrivate(joinPath(dir, changed[0][0]), changed[0][1]);
  try {
    for (const [name, content] of changed)
      await writeInPlace(joinPath(dir, `${name}${TEMPORARY}`), content);
  } catch (error) {
    for (const [name] of changed) await removePrivate(joinPath(dir, `${name}${TEMPORARY}`));
    throw error;
  }
  if (changed.length === 0) return;
  await writePrivate(joinPath(dir, MARK), NOTHING);
  await finishWrite(dir);
}

const isWhole = (content: FileContent): boolean =>
  typeof content === 'string' || content instanceof Uint8Array;

const textOf = async (path: string): Promise<string | undefined> => (await findFile(path))?.text();

/** Finishes a write that was interrupted after its mark; removes what is left of one before it. */
async function finishWrite(dir: string): Promise<void> {
  const files = (await namesIn(dir))?.file ?? [];
  const isComplete = files.includes(MARK);
  for (const temporary of files.filter((name) => name.endsWith(TEMPORARY))) {
    const path = joinPath(dir, temporary);
    if (isComplete) await writePrivate(path.slice(0, -TEMPORARY.length), (await findFile(path))!);
  }
  // The mark goes first: what is left then is old.
  if (isComplete) await removePrivate(joinPath(dir, MARK));
  for (const name of files) if (name.endsWith(TEMPORARY)) await removePrivate(joinPath(dir, name));
}

/** Finishes a write that was interrupted. Call it before reading files that belong together. */
export async function recoverWrites(dir: string): Promise<void> {
  if (!(await namesIn(dir))?.file.includes(MARK)) return;
  await withLock(lockOf(dir), () => finishWrite(dir));
}
