import { ensureWritableFolder, writeFiles } from '../../platform/atomicWrite.ts';
import { UsageError } from '../../platform/errors.ts';
import { fileExists, pathExists } from '../../platform/readFiles.ts';
import { isSamePath, realPath } from '../../platform/samePath.ts';

function split(path: string): [dir: string, name: string] {
  const at = path.search(/[^/\\]*$/);
  return [path.slice(0, at) || '.', path.slice(at)];
}

/**
 * Checks that a file can be written, before long work whose result it takes.
 * @throws UsageError for the path of a folder, in a folder that cannot be written to, or for one of
 * `inputs`.
 */
export async function checkOutFile(path: string, inputs: readonly string[] = []): Promise<void> {
  await checkIsNoInput(path, inputs);
  const [, name] = split(path);
  if (name === '' || ((await pathExists(path)) && !(await fileExists(path))))
    throw new UsageError(`\`out\`: expected the path of a file, got ${path}`);
  const [dir] = split(await realPath(path));
  await ensureWritableFolder(dir);
}

/** @throws UsageError if a file to write is one of those that are read. */
export async function checkIsNoInput(path: string, inputs: readonly string[]): Promise<void> {
  for (const input of inputs)
    if (await isSamePath(input, path))
      throw new UsageError(`\`out\`: expected another file than those that are read, got ${path}`);
}

/**
 * Writes a file, which takes its name once it is whole; a link stays one to that file. What ends
 * in `.gz` is compressed. Throws as `writeFiles`.
 */
export async function writeOutFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const [dir, name] = split(await realPath(path));
  await writeFiles(dir, { [name]: /\.gz$/i.test(path) ? gzipped(content) : content });
}

function gzipped(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const pieces = content[Symbol.asyncIterator]();
  const source = new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await pieces.return?.();
    },
  });
  return source.pipeThrough(new CompressionStream('gzip')) as unknown as AsyncIterable<Uint8Array>;
}
