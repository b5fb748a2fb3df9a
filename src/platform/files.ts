import { UsageError } from './errors.ts';

/** Whether this is Node (or a runtime that offers its modules), so that files can be read and written. */
export const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/** Joins path parts with `/`, which Node accepts on every platform. */
export function joinPath(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

/** Whether a file (in a browser: a URL) can be read. */
export async function fileExists(path: string): Promise<boolean> {
  if (!isNode) return (await fetch(path, { method: 'HEAD' })).ok;
  const { stat } = await import('node:fs/promises');
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/**
 * Reads a whole file; in a browser, fetches a URL.
 * @throws UsageError when it is missing or cannot be read.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  if (!isNode) {
    const response = await fetch(path);
    if (!response.ok) throw new UsageError(`cannot fetch ${path}: the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }
  const { readFile } = await import('node:fs/promises');
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'no such file' : error.code === 'EISDIR' ? 'is a folder, not a file' : error.message;
    throw new UsageError(`cannot read ${path}: ${why}`);
  });
}

/** Reads a UTF-8 text file; a byte order mark is dropped. Throws as `readBytes`. */
export async function readText(path: string): Promise<string> {
  return new TextDecoder('utf-8').decode(await readBytes(path));
}

/** Reads a JSON file. Throws as `readBytes`, and UsageError when it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not valid JSON`);
  }
}

/**
 * Writes files into a folder so that a crash leaves the old files or the new ones, never half of one:
 * each is written beside its place, flushed to disk, then renamed.
 */
export async function writeFiles(dir: string, files: Record<string, string | Uint8Array>): Promise<void> {
  if (!isNode) throw new UsageError('files can only be written in Node');
  const { mkdir, open, rename } = await import('node:fs/promises');
  await mkdir(dir, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const path = joinPath(dir, name);
    const temporary = `${path}.${process.pid}.tmp`;
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  }
}

/** The user's folder for what can be made again (`$XDG_CACHE_HOME/wigbert`); undefined in a browser. */
export async function cacheFolder(): Promise<string | undefined> {
  if (!isNode) return undefined;
  const { homedir } = await import('node:os');
  return joinPath(process.env.XDG_CACHE_HOME || joinPath(homedir(), '.cache'), 'wigbert');
}
