import { formatValue, isObject } from '../../platform/format.ts';
import {
  byteSize,
  isDtype,
  isIndexArray,
  rejectTensor,
  type SafetensorsDtype,
  SafetensorsError,
} from './dtypes.ts';

/**
 * The head of a safetensors file (https://github.com/huggingface/safetensors#format): 8 bytes of header length
 * (little-endian), then a JSON header. All that the format forbids is refused here, from the head and the file's size
 * alone: nothing is allocated by what the header claims.
 */

export const maxHeaderBytes = 100_000_000;
/** Not the format's but ours, far above any model: ten million keys take JavaScript minutes. */
const maxKeys = 1_000_000;

/** A tensor in its file: its bytes go from `begin` to before `end`, counted from the start of the file. */
export interface StoredTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  begin: number;
  end: number;
}

/** What a file says of itself; tensors come in the order of their bytes. */
export interface SafetensorsHeader {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, string>;
}

/**
 * Where the tensors of a file begin, by its first 8 bytes.
 * @throws SafetensorsError when the header is over 100 MB, or longer than the file.
 */
export function dataOffset(first8: Uint8Array, fileSize: number): number {
  if (fileSize < 8)
    throw new SafetensorsError(`a safetensors file has 8 bytes or more, not ${fileSize}`);
  const length = new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true);
  if (length > maxHeaderBytes)
    throw new SafetensorsError(
      `claims a header of ${length} bytes; the format allows ${maxHeaderBytes}`,
    );
  if (Number(length) > fileSize - 8)
    throw new SafetensorsError(
      `claims a header of ${length} bytes, but only ${fileSize - 8} follow`,
    );
  return 8 + Number(length);
}

/**
 * Reads the head of a file: its bytes before `dataOffset`.
 * @throws SafetensorsError for anything the format does not allow, naming the tensor.
 */
export function parseHeader(head: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataLength = fileSize - head.length;
  let metadata: Record<string, string> = {};
  const entries: [string, StoredTensor][] = [];
  for (const [name, value] of Object.entries(parseJson(head.subarray(8)))) {
    if (name === '__metadata__') metadata = checkMetadata(value);
    else entries.push([name, checkEntry(name, value)]);
  }
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);

  let offset = 0;
  for (const [name, tensor] of entries) {
    const { begin, end } = tensor;
    if (begin !== offset)
      rejectTensor(
        name,
        `begins at byte ${begin}; expected ${offset}, as tensors may not overlap or leave a hole`,
      );
    if (end > dataLength)
      rejectTensor(
        name,
        `ends at byte ${end}, but the file has ${dataLength} bytes of data: it is cut short`,
      );
    tensor.begin += head.length;
    tensor.end += head.length;
    offset = end;
  }
  if (offset !== dataLength)
    throw new SafetensorsError(
      `the file has ${dataLength} bytes of data, but its header describes ${offset} of them`,
    );
  return { tensors: new Map(entries), metadata };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw new SafetensorsError('the header does not begin with {');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    checkStrictJson(text);
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
function checkStrictJson(text: string): void {
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
          throw new SafetensorsError(
            `the header has the string ${formatValue(string)}, which is not valid Unicode`,
          );
      }
      let next = i + 1;
      while (
        text[next] === ' ' ||
        text[next] === '\n' ||
        text[next] === '\r' ||
        text[next] === '\t'
      )
        next++;
      if (text[next] !== ':') continue;
      if (keys.at(-1)?.has(string))
        throw new SafetensorsError(`the header has the key ${formatValue(string)} twice`);
      keys.at(-1)?.add(string);
      if (++count > maxKeys) throw new SafetensorsError(`the header has more than ${maxKeys} keys`);
    } else if (char === '{' || char === '[') {
      depth++;
      if (char === '{' ? depth > 2 : depth !== 3)
        throw new SafetensorsError(
          'the header is not an object of objects of lists, as the format has it',
        );
      if (char === '{') keys.push(new Set());
    } else if (char === '}' || char === ']') {
      depth--;
      if (char === '}') keys.pop();
    } else if (
      char === '-' ||
      char === '.' ||
      ((char === 'e' || char === 'E') && /\d/.test(text[i - 1]))
    ) {
      throw new SafetensorsError(
        'the header has a number that is not a whole number in plain digits',
      );
    }
  }
}

function checkMetadata(value: unknown): Record<string, string> {
  if (!isObject(value)) throw new SafetensorsError('__metadata__ is not an object of strings');
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string')
      throw new SafetensorsError(`__metadata__ ${formatValue(key)} is not a string`);
  return value as Record<string, string>;
}

/** Offsets are still as the header counts them, from the first tensor. */
function checkEntry(name: string, value: unknown): StoredTensor {
  if (!isObject(value)) rejectTensor(name, 'is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) rejectTensor(name, `has the unknown dtype ${formatValue(dtype)}`);
  if (!isIndexArray(shape))
    rejectTensor(name, `has the shape ${formatValue(shape)}; expected a list of whole numbers`);
  if (!isIndexArray(offsets) || offsets.length !== 2 || offsets[1] < offsets[0])
    rejectTensor(name, `has the data_offsets ${formatValue(offsets)}; expected [begin, end]`);
  const [begin, end] = offsets;
  const size = byteSize(name, dtype, shape);
  if (end - begin !== size)
    rejectTensor(
      name,
      `has ${end - begin} bytes; shape ${formatValue(shape)} of ${dtype} takes ${size}`,
    );
  return { dtype, shape, begin, end };
}
