import { formatValue } from '../../platform/format.ts';
import {
  byteSize,
  dtypeOrder,
  isDtype,
  isIndexArray,
  type RawTensor,
  rejectTensor,
  type SafetensorsDtype,
  SafetensorsError,
} from './dtypes.ts';
import { dataOffset, maxHeaderBytes, parseHeader } from './header.ts';

export {
  type RawTensor,
  type SafetensorsDtype,
  SafetensorsError,
  toFloat16,
  toFloat32,
  toInt32,
} from './dtypes.ts';

/**
 * The safetensors format: 8 bytes with the length of the header (little-endian), the header in
 * JSON, then the bytes of all tensors without gaps. Numbers are little-endian, as on all supported
 * machines. https://github.com/huggingface/safetensors#format
 */

/** A tensor with its data: typed arrays for their own dtype, raw bytes for any. */
export interface TensorToWrite {
  dtype: SafetensorsDtype;
  shape: readonly number[];
  data: Float32Array | Int32Array | Uint8Array;
}

/** A tensor whose data are fetched when it is written, whole or piece by piece. */
export interface TensorToStream extends Omit<TensorToWrite, 'data'> {
  data: () => Promise<TensorToWrite['data']> | AsyncIterable<TensorToWrite['data']>;
}

/**
 * Parses a safetensors file in memory. Tensors are in the order of their bytes, of which they are
 * views.
 * @throws SafetensorsError for anything that the format does not allow, naming the tensor.
 * @example
 * const { tensors } = parseSafetensors(new Uint8Array(await file.arrayBuffer()));
 */
export function parseSafetensors(bytes: Uint8Array): {
  tensors: Map<string, RawTensor>;
  metadata: Record<string, string>;
} {
  const { tensors, metadata } = parseHeader(
    bytes.subarray(0, dataOffset(bytes, bytes.length)),
    bytes.length,
  );
  const views = Array.from(tensors, ([name, { dtype, shape, begin, end }]): [string, RawTensor] => {
    // Uint8Array, because `slice` of Node's Buffer, a subclass, does not copy.
    return [
      name,
      { dtype, shape, data: new Uint8Array(bytes.buffer, bytes.byteOffset + begin, end - begin) },
    ];
  });
  return { tensors: new Map(views), metadata };
}

/**
 * Serializes tensors exactly as the reference library does: wider dtypes first, then by name.
 * transformers refuses files without the metadata `format: pt`.
 * @throws SafetensorsError when a name occurs twice, or a shape does not fit its data.
 * @example
 * const bytes = serializeSafetensors(Object.entries(tensors));
 */
export function serializeSafetensors(
  tensors: Iterable<readonly [string, TensorToWrite]>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const { head, sorted, size } = planLayout(tensors, metadata);
  const pieces = sorted.map(({ name, tensor }) => checkedBytes(name, tensor, tensor.data));
  const file = new Uint8Array(size);
  file.set(head);
  let position = head.length;
  for (const bytes of pieces) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

/**
 * `serializeSafetensors` piece by piece: one tensor, or piece of it, is in memory at a time.
 * `bytes` is the size of the whole.
 */
export function streamSafetensors(
  tensors: Iterable<readonly [string, TensorToStream]>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): AsyncIterable<Uint8Array> & { bytes: number } {
  const { head, sorted, size } = planLayout(tensors, metadata);
  return {
    bytes: size,
    async *[Symbol.asyncIterator]() {
      yield head;
      for (const { name, tensor } of sorted) {
        const data = tensor.data();
        if (data instanceof Promise) yield checkedBytes(name, tensor, await data);
        else yield* checkedPieces(name, tensor, data);
      }
    },
  };
}

/** The bytes before the tensors, the tensors in file order, and the size of the file. */
function planLayout<T extends Omit<TensorToWrite, 'data'>>(
  tensors: Iterable<readonly [string, T]>,
  metadata: Readonly<Record<string, string>>,
): { head: Uint8Array; sorted: { name: string; tensor: T }[]; size: number } {
  const sorted = Array.from(tensors, ([name, tensor]) => ({
    name,
    tensor,
    key: encodeName(name),
    bytes: checkedSize(name, tensor),
  })).sort(
    (a, b) =>
      dtypeOrder.indexOf(b.tensor.dtype) - dtypeOrder.indexOf(a.tensor.dtype) ||
      compareBytes(a.key, b.key),
  );

  // Joined as text, because an object would order names that look like numbers first.
  const entries =
    Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  const taken = new Set(['__metadata__']);
  let offset = 0;
  for (const { name, tensor, bytes } of sorted) {
    if (taken.has(name)) rejectTensor(name, 'the name occurs twice');
    taken.add(name);
    const info = {
      dtype: tensor.dtype,
      shape: tensor.shape,
      data_offsets: [offset, (offset += bytes)],
    };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
  }
  const header = new TextEncoder().encode(`{${entries.join(',')}}`);
  const headerLength = Math.ceil(header.length / 8) * 8;
  if (headerLength > maxHeaderBytes)
    throw new SafetensorsError(
      `length of the header: expected at most ${maxHeaderBytes} bytes, got ${headerLength}`,
    );

  const head = new Uint8Array(8 + headerLength);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerLength), true);
  head.set(header, 8);
  head.fill(0x20, 8 + header.length);
  return { head, sorted, size: head.length + offset };
}

function encodeName(name: string): Uint8Array {
  if (/\p{Surrogate}/u.test(name)) rejectTensor(name, 'the name is not valid Unicode');
  return new TextEncoder().encode(name);
}

function checkedSize(name: string, { dtype, shape }: Omit<TensorToWrite, 'data'>): number {
  if (!isDtype(dtype)) rejectTensor(name, `unknown dtype ${formatValue(dtype)}`);
  if (!isIndexArray(shape))
    rejectTensor(name, `shape: expected a list of integers ≥ 0, got ${formatValue(shape)}`);
  return byteSize(name, dtype, shape);
}

async function* checkedPieces(
  name: string,
  tensor: Omit<TensorToWrite, 'data'>,
  pieces: AsyncIterable<TensorToWrite['data']>,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const piece of pieces) {
    done += piece.byteLength;
    yield checkedDtype(name, tensor, piece);
  }
  checkLength(name, tensor, done);
}

function checkedBytes(
  name: string,
  tensor: Omit<TensorToWrite, 'data'>,
  data: TensorToWrite['data'],
): Uint8Array {
  const bytes = checkedDtype(name, tensor, data);
  checkLength(name, tensor, bytes.length);
  return bytes;
}

function checkedDtype(
  name: string,
  { dtype }: Omit<TensorToWrite, 'data'>,
  data: TensorToWrite['data'],
): Uint8Array {
  if (
    (data instanceof Float32Array && dtype !== 'F32') ||
    (data instanceof Int32Array && dtype !== 'I32')
  )
    rejectTensor(name, `expected data for ${dtype}, got a ${data.constructor.name}`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function checkLength(
  name: string,
  { dtype, shape }: Omit<TensorToWrite, 'data'>,
  bytes: number,
): void {
  const size = byteSize(name, dtype, shape);
  if (bytes !== size)
    rejectTensor(
      name,
      `expected ${size} bytes for shape ${formatValue(shape)} of ${dtype}, got ${bytes}`,
    );
}

/**
 * Order of UTF-8 bytes. JavaScript orders strings by UTF-16 unit, which differs in higher planes.
 */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
