import type { FileMetaData, ParquetParsers, SchemaTree } from 'hyparquet';
import { isReadOnce } from '../../platform/byteSource.ts';
import { UsageError, WigbertError } from '../../platform/errors.ts';
import { openRandomAccess } from '../../platform/readFiles.ts';
import type { RandomAccessFile } from '../../platform/types.ts';
import { classLabelReader } from './classLabels.ts';
import { MAX_DEPTH, MAX_NESTED_COLUMNS, rowOf } from './jsonColumns.ts';
import { INVALID_UTF8, type Item, type Reader } from './rows.ts';

/** Apache Parquet: columns of rows in groups, which are read one after the other. */

/** First and last bytes of a file: PAR1. */
const MAGIC = '80,65,82,49';
/** The same of one whose metadata is encrypted: PARE. */
const ENCRYPTED = '80,65,82,69';

const isMagic = ({ size, read }: RandomAccessFile, magic: string): boolean =>
  size >= 12 && read(0, 4).join() === magic && read(size - 4, size).join() === magic;

/** Whether bytes in memory are those of a Parquet file. */
export const isParquet = (bytes: Uint8Array): boolean => isMagic(inMemory(bytes), MAGIC);

/** Whether a file is one of Parquet, whatever its name. False for what can be read once only. */
export async function isParquetFile(path: string): Promise<boolean> {
  if (await isReadOnce(path)) return false;
  return isMagic(await openRandomAccess(path), MAGIC);
}

const inMemory = (bytes: Uint8Array): RandomAccessFile => ({
  size: bytes.length,
  read: (begin, end) => bytes.slice(begin, end),
});

/** `parquetReader` for bytes in memory; `name` names them in messages. */
export const parquetReaderInMemory = (bytes: Uint8Array, name: string): Promise<Reader> =>
  readerOf(inMemory(bytes), name);

/**
 * Reads a Parquet file. Its columns are the top ones, then the fields of structs with dots between;
 * names of Hugging Face's ClassLabel stand in place of ids.
 * @throws UsageError when the file is none, damaged, encrypted or standard input.
 */
export async function parquetReader(path: string): Promise<Reader> {
  if (await isReadOnce(path))
    throw new UsageError(
      'Parquet is read from its end: expected a file, got a stream; save it in a file first',
    );
  return readerOf(await openRandomAccess(path), path);
}

/** Rows that become objects at once. */
const SLICE_ROWS = 1000;

async function readerOf(file: RandomAccessFile, name: string): Promise<Reader> {
  if (isMagic(file, ENCRYPTED)) throw new UsageError(`${name} is encrypted: save it without`);
  if (!isMagic(file, MAGIC))
    throw new UsageError(`${name} is not a Parquet file, or is cut off: expected PAR1 at its ends`);
  const reading = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      if (error instanceof WigbertError) throw error;
      throw new UsageError(`cannot read ${name}: ${(error as Error).message}`);
    });
  const { parquetMetadataAsync, parquetScan, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const buffer = asyncBuffer(file);
  const metadata = await reading(parquetMetadataAsync(buffer, { parsers }));
  const { children } = parquetSchema(metadata);
  const names = children.map(({ element }) => element.name);
  const columns = [...names, ...nestedColumns(children)];
  const readValue = valueReader(metadata, children);
  return {
    columns,
    topColumns: names.length,
    async *read() {
      const options = { file: buffer, metadata, parsers, compressors };
      const scan = await reading(parquetScan(options));
      for (const { rowStart, rowEnd } of scan.ranges) {
        const group = await reading(
          Promise.all(names.map((column) => scan.readColumn({ column, rowStart, rowEnd }))),
        );
        for (let begin = 0; begin < rowEnd - rowStart; begin += SLICE_ROWS) {
          const items: Item[] = [];
          const end = Math.min(begin + SLICE_ROWS, rowEnd - rowStart);
          for (let at = begin; at < end; at++) {
            const line = rowStart + at + 1;
            const object: Record<string, unknown> = {};
            for (const [i, column] of names.entries()) object[column] = readValue(i, group[i][at]);
            const isBroken = Object.values(object).includes(INVALID);
            items.push(isBroken ? { line, reason: INVALID_UTF8 } : rowOf(object, columns, line));
          }
          yield items;
        }
      }
    },
  };
}

const asyncBuffer = (file: RandomAccessFile) => ({
  byteLength: file.size,
  slice(start: number, end = file.size): ArrayBuffer {
    const { buffer, byteOffset, byteLength } = file.read(start, end);
    return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  },
});

/** Fields of structs, by name with dots. Lists and maps are values. */
function nestedColumns(children: readonly SchemaTree[]): string[] {
  const found: string[] = [];
  const visit = ({ element, children, path }: SchemaTree) => {
    if (path.length > 1) found.push(path.join('.'));
    const isStruct =
      element.repetition_type !== 'REPEATED' &&
      element.converted_type === undefined &&
      element.logical_type === undefined;
    if (isStruct && path.length < MAX_DEPTH) for (const child of children) visit(child);
  };
  for (const child of children) visit(child);
  return found.slice(0, MAX_NESTED_COLUMNS);
}

/** Stands for a text whose bytes are not UTF-8. */
const INVALID = Symbol('invalid');

/** A reader of the values of each top column, as JSON has them. */
function valueReader(
  { key_value_metadata: about }: FileMetaData,
  children: readonly SchemaTree[],
): (column: number, value: unknown) => unknown {
  const { value: features } = about?.find(({ key }) => key === 'huggingface') ?? {};
  const named = classLabelReader(features);
  const areTexts = children.map(
    ({ element: { converted_type: type, logical_type: logical } }) =>
      type === 'UTF8' || logical?.type === 'STRING',
  );
  return (column, value) => {
    if (areTexts[column] && value instanceof Uint8Array) return INVALID;
    return named(children[column].element.name, jsonValue(value));
  };
}

/** Whole numbers beyond those of JavaScript become texts; bytes become base64. */
function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Uint8Array)
    return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(''));
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array, jsonValue);
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, jsonValue(each)]));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const time = (milliseconds: bigint | number): string | null => {
  const date = new Date(Number(milliseconds));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
};

/** How values are read that JavaScript has no type for. Missing ones come too. */
const parsers: Partial<ParquetParsers> = {
  stringFromBytes(bytes: Uint8Array | undefined) {
    try {
      return bytes && utf8.decode(bytes);
    } catch {
      return bytes;
    }
  },
  timestampFromMilliseconds: (millis?: bigint) => (millis === undefined ? millis : time(millis)),
  timestampFromMicroseconds: (micros?: bigint) =>
    micros === undefined ? micros : time(BigInt(micros) / 1000n),
  timestampFromNanoseconds: (nanos?: bigint) =>
    nanos === undefined ? nanos : time(BigInt(nanos) / 1000000n),
  dateFromDays: (days?: number) =>
    days === undefined ? days : (time(days * 86400000)?.slice(0, 10) ?? null),
};
