import { isNode, isReadOnce, openRandomAccess, readStream } from '#platform';
import { UsageError } from './errors.ts';
import { STANDARD_INPUT } from './paths.ts';

export { isReadOnce, STANDARD_INPUT };

/** Bytes that are read from the first to the last. */
export interface ByteSource {
  /** Names them in messages. */
  readonly name: string;
  /** Whether they can be read once only, as standard input. */
  readonly once: boolean;
  /**
   * The bytes in pieces, from the first.
   * @throws UsageError when they cannot be read.
   */
  chunks(): AsyncGenerator<Uint8Array>;
}

const CHUNK_BYTES = 1 << 20;

/** Bytes in memory, decompressed if they are those of a gzip file; `name` names them. */
export function bytesInMemory(bytes: Uint8Array, name: string): ByteSource {
  const read = (begin: number, end: number) => bytes.subarray(begin, end);
  const source = fileSource(name, { size: bytes.length, read });
  return { ...source, chunks: () => unzipped(source) };
}

/**
 * Opens a file (in a browser: a URL) of any size, a pipe, or standard input (`-`, Node only).
 * A gzip file gives the bytes that were compressed.
 * @throws UsageError when it is missing, or a folder or a device.
 */
export async function openByteSource(path: string): Promise<ByteSource> {
  const source = (await isReadOnce(path))
    ? streamSource(path)
    : fileSource(path, await openRandomAccess(path));
  return { ...source, chunks: () => unzipped(source) };
}

function fileSource(
  name: string,
  file: { size: number; read(begin: number, end: number): Uint8Array },
): ByteSource {
  return {
    name,
    once: false,
    async *chunks() {
      for (let at = 0; at < file.size; at += CHUNK_BYTES)
        yield file.read(at, Math.min(at + CHUNK_BYTES, file.size));
    },
  };
}

const streamSource = (path: string): ByteSource => ({
  name: path === STANDARD_INPUT ? 'standard input' : path,
  once: true,
  chunks: () => readStream(path),
});

const hasGzipMark = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The bytes of a source, decompressed if they are those of a gzip file. */
async function* unzipped(source: ByteSource): AsyncGenerator<Uint8Array> {
  const chunks = source.chunks();
  const first = await chunks.next();
  if (first.done) return;
  // A server may have told the browser to decompress the file.
  if (!hasGzipMark(first.value)) {
    if (isNode && source.name.endsWith('.gz'))
      throw new UsageError(`cannot read ${source.name}: it is not a gzip file`);
    yield first.value;
    yield* chunks;
    return;
  }
  let failure: unknown;
  const compressed = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(first.value);
    },
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        failure = error;
        controller.error(error);
      }
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
  const stream = compressed.pipeThrough(
    new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>,
  );
  try {
    yield* piecesOf(stream);
  } catch {
    throw (
      failure ?? new UsageError(`cannot read ${source.name}: the gzip file is damaged or cut off`)
    );
  }
}

/** The pieces of a stream: not all browsers have streams that are iterable. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
