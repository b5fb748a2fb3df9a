import type { ByteSource } from '../../platform/byteSource.ts';
import { UsageError } from '../../platform/errors.ts';
import { byteBlocks, type Cut, decodeBlock, type TextBlock } from './blocks.ts';
import { detectEncoding } from './detect.ts';
import { byteOrderMark, type Encoding, encodingOf } from './encoding.ts';

export interface TextOptions {
  /**
   * Encoding of the file, such as `utf-8`, `cp949`, `utf-16` or `windows-1252`. Default: that of
   * the byte order mark, else found by trial among UTF-8, CP949 (with EUC-KR) and UTF-16.
   */
  encoding?: string;
}

/** A text whose encoding is known. */
export interface Text {
  /** Names it in messages. */
  readonly name: string;
  /** Name of the encoding. */
  readonly encoding: string;
  /** The text from its start. */
  blocks(cut: Cut): AsyncGenerator<TextBlock>;
  /** The first 4 MiB of the text, or all of a shorter one; not after `blocks`. */
  head(cut: Cut): Promise<TextBlock[]>;
}

/** What is looked at before a text is read. */
const HEAD_BYTES = 1 << 22;

/**
 * Opens a text and finds out its encoding.
 * @throws UsageError when it cannot be read, or the encoding is unknown or cannot be found.
 */
export async function openText(source: ByteSource, options: TextOptions): Promise<Text> {
  const { name } = source;
  const again: PeekableSource = source.once ? await readAgain(source) : source;
  const { encoding, length } = await findEncoding(again, options);
  const decoded = async function* (chunks: AsyncIterable<Uint8Array>, cut: Cut) {
    for await (const bytes of byteBlocks(dropped(chunks, length), encoding.width, cut, name))
      yield decodeBlock(bytes, encoding, cut);
  };
  return {
    name,
    encoding: encoding.name,
    blocks: (cut) => decoded(again.chunks(), cut),
    async head(cut) {
      const blocks: TextBlock[] = [];
      const { chunks, isWhole } = await firstChunks(again.peek?.() ?? again.chunks());
      for await (const block of decoded(iterate(chunks), cut)) blocks.push(block);
      // The last line is cut off.
      if (!isWhole && blocks.length > 1) blocks.pop();
      return blocks;
    },
  };
}

/** Bytes whose beginning can be read before they are. */
interface PeekableSource extends ByteSource {
  peek?(): AsyncIterable<Uint8Array>;
}

/** Keeps the beginning of bytes that can be read once only. */
async function readAgain({ name, once, chunks }: ByteSource): Promise<PeekableSource> {
  const all = chunks();
  const { chunks: head, isWhole } = await firstChunks(all, false);
  let wasRead = false;
  return {
    name,
    once,
    peek: () => iterate(head),
    async *chunks() {
      if (wasRead && !isWhole)
        throw new UsageError(`${name} can be read only once: save it in a file to use it here`);
      wasRead = true;
      yield* head;
      if (!isWhole) yield* all;
    },
  };
}

async function firstChunks(
  chunks: AsyncIterable<Uint8Array>,
  close = true,
): Promise<{ chunks: Uint8Array[]; isWhole: boolean }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let size = 0; size < HEAD_BYTES; ) {
    const { done, value } = await iterator.next();
    if (done) return { chunks: first, isWhole: true };
    first.push(value);
    size += value.length;
  }
  if (close) await iterator.return?.();
  return { chunks: first, isWhole: false };
}

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Bytes without the first `count`. */
async function* dropped(
  chunks: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    const skip = Math.min(left, chunk.length);
    left -= skip;
    yield chunk.subarray(skip);
  }
}

const PARQUET = 'a Parquet file';

/** How files begin that are no text but are often taken for tables. */
const binaryKinds: readonly (readonly [magic: readonly number[], kind: string])[] = [
  [[0x50, 0x4b, 3, 4], 'a ZIP archive, such as .xlsx'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Office file, such as .xls'],
  [[0x50, 0x41, 0x52, 0x31], PARQUET],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF'],
];

async function findEncoding(
  source: PeekableSource,
  options: TextOptions,
): Promise<{ encoding: Encoding; length: number }> {
  const bytes = () => source.peek?.() ?? source.chunks();
  const start: number[] = [];
  for await (const chunk of bytes()) {
    start.push(...chunk.subarray(0, 4 - start.length));
    if (start.length === 4) break;
  }
  if (start.join() === '255,254,0,0' || start.join() === '0,0,254,255')
    throw new UsageError(`${source.name} is UTF-32: save it as UTF-8`);
  const kind = binaryKinds.find(([magic]) => magic.every((byte, at) => start[at] === byte))?.[1];
  if (kind === PARQUET)
    throw new UsageError(
      `${source.name} is ${kind}, which is read from its end: expected a whole file, neither a ` +
        "stream nor compressed, and no other `format` than 'parquet'",
    );
  if (kind)
    throw new UsageError(
      `${source.name} is ${kind}, not text: save its table as CSV, JSONL or Parquet`,
    );
  const mark = byteOrderMark(Uint8Array.from(start));
  if (options.encoding === undefined)
    return mark ?? { encoding: await detectEncoding(bytes(), source.name), length: 0 };
  const given = encodingOf(options.encoding);
  // `utf-16` leaves the order of bytes to the mark.
  if (
    mark &&
    (mark.encoding === given || (mark.encoding.width !== 'ascii' && given.width !== 'ascii'))
  )
    return mark;
  return { encoding: given, length: 0 };
}
