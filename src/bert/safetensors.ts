import { isObject, quote } from './quote.ts';
import {
  byteSize,
  type Dtype,
  dtypeOrder,
  isDtype,
  isWholeNumbers,
  type RawTensor,
  refuse,
  SafetensorsError,
} from './rawTensor.ts';

export { type Dtype, type RawTensor, SafetensorsError, toFloat32, toInt32 } from './rawTensor.ts';

/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes of header length (little-endian),
 * a JSON header, then the tensors' bytes without a gap. Numbers are little-endian, as on every machine this runs on.
 */

const maxHeaderBytes = 100_000_000;
/** Not the format's but ours, far above any model: ten million keys take JavaScript minutes. */
const maxKeys = 1_000_000;

/** What `serializeSafetensors` takes: typed arrays for their own dtype, raw bytes for any. */
export interface TensorToWrite {
  dtype: Dtype;
  shape: readonly number[];
  data: Float32Array | Int32Array | Uint8Array;
}

/**
 * Reads a safetensors file; tensors come in the order of their bytes. Nothing is allocated by what the header claims.
 * @throws SafetensorsError for anything the format does not allow, naming the tensor.
 */
export function parseSafetensors(bytes: Uint8Array): {
  tensors: Map<string, RawTensor>;
  metadata: Record<string, string>;
} {
  const headerLength = readHeaderLength(bytes);
  const header = parseHeader(bytes.subarray(8, 8 + headerLength));
  // Plain Uint8Array views: Node's Buffer, a subclass, has a `slice` that does not copy.
  const dataStart = bytes.byteOffset + 8 + headerLength;
  const dataLength = bytes.byteLength - 8 - headerLength;

  let metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(value);
    else entries.push(checkEntry(name, value));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);

  const tensors = new Map<string, RawTensor>();
  let offset = 0;
  for (const { name, dtype, shape, begin, end } of entries) {
    if (begin !== offset) refuse(name, `begins at byte ${begin}; expected ${offset}, as tensors may not overlap or leave a hole`);
    if (end > dataLength) refuse(name, `ends at byte ${end}, but the file has ${dataLength} bytes of data: it is cut short`);
    tensors.set(name, { dtype, shape, data: new Uint8Array(bytes.buffer, dataStart + begin, end - begin) });
    offset = end;
  }
  if (offset !== dataLength)
    throw new SafetensorsError(`the file has ${dataLength} bytes of data, but its header describes ${offset} of them`);
  return { tensors, metadata };
}

/**
 * Writes a safetensors file, byte for byte as the reference library lays it out: wider dtypes first, then by name.
 * transformers refuses files without the metadata `format: pt`.
 * @throws SafetensorsError when a name is taken, or a shape and its data disagree.
 */
export function serializeSafetensors(
  tensors: Iterable<readonly [string, TensorToWrite]>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const sorted = Array.from(tensors, ([name, tensor]) => ({
    name,
    key: encodeName(name),
    shape: tensor.shape,
    dtype: tensor.dtype,
    bytes: checkedBytes(name, tensor),
  })).sort((a, b) => dtypeOrder.indexOf(b.dtype) - dtypeOrder.indexOf(a.dtype) || compareBytes(a.key, b.key));

  // Entries are joined as text: an object would put names that look like numbers first.
  const entries = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  const taken = new Set(['__metadata__']);
  let offset = 0;
  for (const { name, dtype, shape, bytes } of sorted) {
    if (taken.has(name)) refuse(name, 'cannot be written: the name is taken');
    taken.add(name);
    const info = { dtype, shape, data_offsets: [offset, (offset += bytes.length)] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
  }
  const header = new TextEncoder().encode(`{${entries.join(',')}}`);
  const headerLength = Math.ceil(header.length / 8) * 8;
  if (headerLength > maxHeaderBytes)
    throw new SafetensorsError(`a header of ${headerLength} bytes is over the format's ${maxHeaderBytes}`);

  const file = new Uint8Array(8 + headerLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(header, 8);
  file.fill(0x20, 8 + header.length, 8 + headerLength);
  let position = 8 + headerLength;
  for (const { bytes } of sorted) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

interface Entry {
  name: string;
  dtype: Dtype;
  shape: number[];
  begin: number;
  end: number;
}

function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.length < 8) throw new SafetensorsError(`a safetensors file has 8 bytes or more, not ${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > maxHeaderBytes)
    throw new SafetensorsError(`claims a header of ${length} bytes; the format allows ${maxHeaderBytes}`);
  if (Number(length) > bytes.length - 8)
    throw new SafetensorsError(`claims a header of ${length} bytes, but only ${bytes.length - 8} follow`);
  return Number(length);
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw new SafetensorsError('the header does not begin with {');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    checkStrict(text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SafetensorsError) throw error;
    throw new SafetensorsError('the header is not valid JSON in UTF-8');
  }
}

/**
 * Refuses what `JSON.parse` lets through and the format does not: equal keys (the last one would win), numbers that are
 * not plain digits (1.0, 1e3, -0), unpaired surrogates, and any other nesting, which could exhaust memory when parsed.
 */
function checkStrict(text: string): void {
  const keys: Set<string>[] = [];
  let depth = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let string = text.slice(start + 1, i);
      // Only an escape can make a surrogate without its other half: the header came as UTF-8.
      if (string.includes('\\')) {
        string = JSON.parse(text.slice(start, i + 1));
        if (/\p{Surrogate}/u.test(string))
          throw new SafetensorsError(`the header has the string ${quote(string)}, which is not valid Unicode`);
      }
      let next = i + 1;
      while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++;
      if (text[next] !== ':') continue;
      if (keys.at(-1)?.has(string)) throw new SafetensorsError(`the header has the key ${quote(string)} twice`);
      keys.at(-1)?.add(string);
      if (++count > maxKeys) throw new SafetensorsError(`the header has more than ${maxKeys} keys`);
    } else if (char === '{' || char === '[') {
      depth++;
      if (char === '{' ? depth > 2 : depth !== 3)
        throw new SafetensorsError('the header is not an object of objects of lists, as the format has it');
      if (char === '{') keys.push(new Set());
    } else if (char === '}' || char === ']') {
      depth--;
      if (char === '}') keys.pop();
    } else if (char === '-' || char === '.' || ((char === 'e' || char === 'E') && /\d/.test(text[i - 1]))) {
      throw new SafetensorsError('the header has a number that is not a whole number in plain digits');
    }
  }
}

function checkMetadata(value: unknown): Record<string, string> {
  if (!isObject(value)) throw new SafetensorsError('__metadata__ is not an object of strings');
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string') throw new SafetensorsError(`__metadata__ ${quote(key)} is not a string`);
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown): Entry {
  if (!isObject(value)) refuse(name, 'is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) refuse(name, `has the unknown dtype ${quote(dtype)}`);
  if (!isWholeNumbers(shape)) refuse(name, `has the shape ${quote(shape)}; expected a list of whole numbers`);
  if (!isWholeNumbers(offsets) || offsets.length !== 2 || offsets[1] < offsets[0])
    refuse(name, `has the data_offsets ${quote(offsets)}; expected [begin, end]`);
  const [begin, end] = offsets;
  const size = byteSize(name, dtype, shape);
  if (end - begin !== size) refuse(name, `has ${end - begin} bytes; shape ${quote(shape)} of ${dtype} takes ${size}`);
  return { name, dtype, shape, begin, end };
}

function encodeName(name: string): Uint8Array {
  if (/\p{Surrogate}/u.test(name)) refuse(name, 'cannot be written: the name is not valid Unicode');
  return new TextEncoder().encode(name);
}

function checkedBytes(name: string, { dtype, shape, data }: TensorToWrite): Uint8Array {
  if (!isDtype(dtype)) refuse(name, `has the unknown dtype ${quote(dtype)}`);
  if (!isWholeNumbers(shape)) refuse(name, `has the shape ${quote(shape)}; expected a list of whole numbers`);
  if ((data instanceof Float32Array && dtype !== 'F32') || (data instanceof Int32Array && dtype !== 'I32'))
    refuse(name, `is to be written as ${dtype} but given as ${data.constructor.name}`);
  const size = byteSize(name, dtype, shape);
  if (data.byteLength !== size) refuse(name, `has ${data.byteLength} bytes; shape ${quote(shape)} of ${dtype} takes ${size}`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Order of the UTF-8 bytes; JavaScript's own order of strings, by UTF-16 unit, differs beyond the basic plane. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
