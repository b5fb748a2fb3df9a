/** Files of the page in the origin's private file system, by their paths (`opfs:/…`). */

async function folder(parts: readonly string[], create: boolean) {
  let dir = await navigator.storage.getDirectory();
  for (const part of parts) dir = await dir.getDirectoryHandle(part, { create });
  return dir;
}

const partsOf = (path: string): string[] =>
  path
    .replace(/^opfs:/, '')
    .split('/')
    .filter((part) => part !== '');

/** Writes a file, whole or not at all, and creates its folder. */
export async function write(path: string, content: string | Blob | BufferSource): Promise<void> {
  const parts = partsOf(path);
  const name = parts.pop()!;
  const handle = await (await folder(parts, true)).getFileHandle(name, { create: true });
  const stream = await handle.createWritable();
  await stream.write(content);
  await stream.close();
}

/** A file; undefined if it is missing. */
export async function read(path: string): Promise<File | undefined> {
  const parts = partsOf(path);
  const name = parts.pop()!;
  try {
    return await (await (await folder(parts, false)).getFileHandle(name)).getFile();
  } catch {
    return undefined;
  }
}

export async function readJson<T>(path: string): Promise<T | undefined> {
  const file = await read(path);
  return file && (JSON.parse(await file.text()) as T);
}

export const writeJson = (path: string, value: unknown): Promise<void> =>
  write(path, JSON.stringify(value));

/** Names of the files or folders in a folder; none if it is missing. */
export async function list(path: string, kind: FileSystemHandleKind): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const [name, handle] of (await folder(partsOf(path), false)).entries())
      if (handle.kind === kind && !name.endsWith('.crswap')) names.push(name);
  } catch {}
  return names.sort();
}

/** Removes a file or a folder. */
export async function remove(path: string): Promise<void> {
  const parts = partsOf(path);
  const name = parts.pop()!;
  await (await folder(parts, false)).removeEntry(name, { recursive: true }).catch(() => {});
}

/** The smallest number from 1 that no folder in a folder has. */
export async function freeNumber(path: string): Promise<number> {
  const names = await list(path, 'directory');
  return names.reduce((most, name) => Math.max(most, Number(name) || 0), 0) + 1;
}

/** Keeps what is written when the browser needs room, if it agrees. */
export const keep = (): Promise<boolean> =>
  navigator.storage.persist?.().catch(() => false) ?? Promise.resolve(false);
